package fail2ban

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Opcodes of pickles (Python, Lib/pickletools.py): those that fail2ban's
// answers are made of, and no others.
const (
	opMark            = '('
	opStop            = '.'
	opInt8            = 'K' // unsigned
	opInt16           = 'M' // unsigned
	opInt32           = 'J' // signed
	opText32          = 'X' // with a length of 32 bits
	opEmptyList       = ']'
	opAppend          = 'a'
	opAppends         = 'e'
	opEmptyTuple      = ')'
	opTuple           = 't'
	opGet8            = 'h'
	opGet32           = 'j'
	opReduce          = 'R'
	opProtocol   byte = 0x80
	opTuple1     byte = 0x85
	opTuple2     byte = 0x86
	opTuple3     byte = 0x87
	opLong       byte = 0x8a // with a length of 8 bits
	opText8      byte = 0x8c // with a length of 8 bits
	opGlobal     byte = 0x93
	opMemoize    byte = 0x94
	opFrame      byte = 0x95
)

// maxSteps bounds what one answer makes us do: a jail whose addresses are all
// told takes six steps for each of them.
const maxSteps = 1 << 19

// What stands on the stack: int64, string, *list, and these two.
type (
	// list is a list, or a tuple.
	list struct{ items []any }
	// mark is where the items of a list begin.
	mark struct{}
	// textType is builtins.str: calling it makes a text of a text.
	textType struct{}
)

var errPickle = errors.New("the answer is not understood")

// encode writes a request, a list of texts, as a pickle of protocol 2.
func encode(words []string) []byte {
	b := []byte{opProtocol, 2, opEmptyList, opMark}
	for _, w := range words {
		b = append(b, opText32)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(w))) //nolint:gosec // a jail's name
		b = append(b, w...)
	}
	return append(b, opAppends, opStop)
}

// decode reads an answer: a text, a number, or a list of such. It accepts no
// pickle that names anything but the type of texts.
func decode(b []byte) (any, error) {
	d := decoder{rest: b}
	for range maxSteps {
		op, err := d.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == opStop {
			if len(d.stack) != 1 || len(d.rest) > 0 {
				return nil, errPickle
			}
			return d.pop()
		}
		if err := d.step(op[0]); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: it has more than %d parts", errPickle, maxSteps)
}

// decoder is Python's machine for pickles. It never calls itself: how deep an
// answer is does not matter.
type decoder struct {
	rest        []byte
	stack, memo []any
}

func (d *decoder) step(op byte) error {
	switch op {
	case opProtocol, opFrame, opMemoize, opGet8, opGet32:
		return d.control(op)
	case opInt8, opInt16, opInt32, opLong:
		return d.number(op)
	case opText8, opText32:
		return d.text(op)
	case opMark:
		d.push(mark{})
	case opEmptyList, opEmptyTuple:
		d.push(&list{})
	case opTuple1, opTuple2, opTuple3:
		return d.tuple(int(op-opTuple1) + 1)
	case opTuple:
		items, err := d.toMark()
		if err != nil {
			return err
		}
		d.push(&list{items})
	case opAppend, opAppends:
		return d.extend(op)
	case opGlobal:
		name, err1 := d.pop()
		module, err2 := d.pop()
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if module != "builtins" || name != "str" {
			return fmt.Errorf("%w: it names something else than builtins.str", errPickle)
		}
		d.push(textType{})
	case opReduce:
		return d.call()
	default:
		return fmt.Errorf("%w: opcode %#x", errPickle, op)
	}
	return nil
}

// control does what changes no value.
func (d *decoder) control(op byte) error {
	switch op {
	case opProtocol:
		_, err := d.unsigned(1)
		return err
	case opFrame:
		length, err := d.take(8)
		if err == nil && binary.LittleEndian.Uint64(length) > uint64(len(d.rest)) {
			err = errPickle
		}
		return err
	case opMemoize:
		if len(d.stack) == 0 {
			return errPickle
		}
		d.memo = append(d.memo, d.stack[len(d.stack)-1])
		return nil
	}
	width := 1
	if op == opGet32 {
		width = 4
	}
	i, err := d.unsigned(width)
	if err != nil {
		return err
	}
	if i >= len(d.memo) {
		return errPickle
	}
	d.push(d.memo[i])
	return nil
}

func (d *decoder) number(op byte) error {
	width := map[byte]int{opInt8: 1, opInt16: 2, opInt32: 4}[op]
	if op == opLong {
		var err error
		if width, err = d.unsigned(1); err != nil {
			return err
		}
	}
	b, err := d.take(width)
	if err != nil {
		return err
	}
	if width > 8 {
		return fmt.Errorf("%w: a number of %d bytes", errPickle, width)
	}
	var wide [8]byte
	copy(wide[:], b)
	n := int64(binary.LittleEndian.Uint64(wide[:])) //nolint:gosec // that is how it is stored
	if signed := op == opInt32 || op == opLong; signed && width > 0 {
		shift := 64 - 8*width
		n = n << shift >> shift
	}
	d.push(n)
	return nil
}

func (d *decoder) text(op byte) error {
	width := 1
	if op == opText32 {
		width = 4
	}
	length, err := d.unsigned(width)
	if err != nil {
		return err
	}
	b, err := d.take(length)
	if err != nil {
		return err
	}
	d.push(string(b))
	return nil
}

func (d *decoder) tuple(size int) error {
	items := make([]any, size)
	for i := range items {
		item, err := d.pop()
		if err != nil {
			return err
		}
		items[size-1-i] = item
	}
	d.push(&list{items})
	return nil
}

func (d *decoder) extend(op byte) error {
	var items []any
	var err error
	if op == opAppends {
		items, err = d.toMark()
	} else {
		items = make([]any, 1)
		items[0], err = d.pop()
	}
	if err != nil {
		return err
	}
	if len(d.stack) > 0 {
		if l, ok := d.stack[len(d.stack)-1].(*list); ok {
			l.items = append(l.items, items...)
			return nil
		}
	}
	return errPickle
}

// call applies the type of texts to one text, which is the text itself.
func (d *decoder) call() error {
	arguments, err1 := d.pop()
	function, err2 := d.pop()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	_, callable := function.(textType)
	l, ok := arguments.(*list)
	if !callable || !ok || len(l.items) != 1 {
		return errPickle
	}
	text, ok := l.items[0].(string)
	if !ok {
		return errPickle
	}
	d.push(text)
	return nil
}

func (d *decoder) push(v any) { d.stack = append(d.stack, v) }

// pop takes the uppermost value; a mark is none.
func (d *decoder) pop() (any, error) {
	if len(d.stack) == 0 {
		return nil, errPickle
	}
	v := d.stack[len(d.stack)-1]
	if _, is := v.(mark); is {
		return nil, errPickle
	}
	d.stack = d.stack[:len(d.stack)-1]
	return v, nil
}

// toMark takes all that lies above the uppermost mark, and the mark.
func (d *decoder) toMark() ([]any, error) {
	for i, v := range slices.Backward(d.stack) {
		if _, is := v.(mark); is {
			items := slices.Clone(d.stack[i+1:])
			d.stack = d.stack[:i]
			return items, nil
		}
	}
	return nil, errPickle
}

func (d *decoder) take(n int) ([]byte, error) {
	if n > len(d.rest) {
		return nil, fmt.Errorf("%w: it is cut off", errPickle)
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}

func (d *decoder) unsigned(width int) (int, error) {
	b, err := d.take(width)
	if err != nil {
		return 0, err
	}
	var wide [4]byte
	copy(wide[:], b)
	n := binary.LittleEndian.Uint32(wide[:])
	if n > math.MaxInt32 {
		return 0, errPickle
	}
	return int(n), nil
}
