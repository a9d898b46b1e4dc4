package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// maxDepth bounds how deep values lie in one another. The specification allows
// 64; what is asked for has 4.
const maxDepth = 16

var errMalformed = errors.New("malformed message")

// A message is one that came, as far as it is of use.
type message struct {
	kind      byte
	replyTo   uint32
	errorName string
	signature string // of the body
	body      decoder
}

// read reads one message.
func read(in io.Reader) (message, error) {
	var fixed [16]byte
	if _, err := io.ReadFull(in, fixed[:]); err != nil {
		return message{}, err
	}
	order := binary.ByteOrder(binary.LittleEndian)
	switch fixed[0] {
	case 'l':
	case 'B':
		order = binary.BigEndian
	default:
		return message{}, fmt.Errorf("%w: byte order %#x", errMalformed, fixed[0])
	}
	fields := uint64(order.Uint32(fixed[12:]))
	padded := (fields + 7) &^ 7
	length := padded + uint64(order.Uint32(fixed[4:]))
	if length > maxMessage {
		return message{}, fmt.Errorf("a message of %d bytes; more than %d are not read", length, maxMessage)
	}
	rest := make([]byte, length)
	if _, err := io.ReadFull(in, rest); err != nil {
		return message{}, err
	}
	m := message{kind: fixed[1], body: decoder{order: order, in: string(rest[padded:])}}
	return m, m.header(decoder{order: order, in: string(rest[:fields])})
}

// header takes from the header's fields what is of use. They begin at the
// message's byte 16, so that alignment is the same from 0.
func (m *message) header(d decoder) error {
	for d.at < len(d.in) {
		d.align(8)
		code := d.byte()
		value := d.value("v", 0)
		if d.bad {
			return errMalformed
		}
		switch code {
		case fieldReplySerial:
			m.replyTo, _ = value.(uint32)
		case fieldErrorName:
			m.errorName, _ = value.(string)
		case fieldSignature:
			m.signature, _ = value.(string)
		}
	}
	return nil
}

// reply returns the values that the message has, or the error that it is.
func (m *message) reply() (Reply, error) {
	var values []any
	for s := m.signature; s != ""; {
		n := single(s, 0)
		if n == 0 {
			return Reply{}, errMalformed
		}
		values = append(values, m.body.value(s[:n], 0))
		if m.body.bad {
			return Reply{}, errMalformed
		}
		s = s[n:]
	}
	if m.kind == methodError {
		text := ""
		if len(values) > 0 {
			text, _ = values[0].(string)
		}
		return Reply{Err: &Error{Name: m.errorName, Text: text}}, nil
	}
	return Reply{Values: values}, nil
}

// single returns the length of the first complete type of a signature, 0 if
// there is none.
func single(s string, depth int) int {
	if s == "" || depth > maxDepth {
		return 0
	}
	switch s[0] {
	case 'y', 'b', 'n', 'q', 'i', 'u', 'x', 't', 'd', 's', 'o', 'g', 'v', 'h':
		return 1
	case 'a':
		if n := single(s[1:], depth+1); n > 0 {
			return 1 + n
		}
	case '(', '{':
		end := byte(')')
		if s[0] == '{' {
			end = '}'
		}
		for at := 1; at < len(s); {
			if s[at] == end && at > 1 { // one without members would take no bytes
				return at + 1
			}
			n := single(s[at:], depth+1)
			if n == 0 {
				return 0
			}
			at += n
		}
	}
	return 0
}

// A decoder reads values. Once it has met what cannot be, it is bad, and all
// that it returns is nothing.
type decoder struct {
	order binary.ByteOrder
	in    string // the strings that it returns are parts of it
	at    int
	bad   bool
}

// next returns the next n bytes.
func (d *decoder) next(n int) string {
	if d.bad || n > len(d.in)-d.at {
		d.bad = true
		return ""
	}
	d.at += n
	return d.in[d.at-n : d.at]
}

func (d *decoder) align(n int) { d.next(-d.at & (n - 1)) }

func (d *decoder) byte() byte {
	if b := d.next(1); b != "" {
		return b[0]
	}
	return 0
}

func (d *decoder) uint(size int) uint64 {
	d.align(size)
	var b [8]byte
	copy(b[:], d.next(size))
	switch size {
	case 2:
		return uint64(d.order.Uint16(b[:]))
	case 4:
		return uint64(d.order.Uint32(b[:]))
	default:
		return d.order.Uint64(b[:])
	}
}

// text reads what has that length and ends with a 0.
func (d *decoder) text(length uint64) string {
	if length >= maxMessage {
		d.bad = true
		return ""
	}
	s := d.next(int(length) + 1)
	if d.bad {
		return ""
	}
	return s[:length]
}

// value reads a value of one complete type, which single has found right. A
// variant is what is in it; an array, a struct and a pair of a dictionary are
// []any.
func (d *decoder) value(s string, depth int) any {
	if depth > maxDepth {
		d.bad = true
	}
	if d.bad {
		return nil
	}
	switch s[0] {
	case 'y':
		return d.byte()
	case 'b':
		return d.uint(4) != 0
	case 'n':
		return int16(d.uint(2))
	case 'q':
		return uint16(d.uint(2))
	case 'i':
		return int32(d.uint(4))
	case 'u', 'h':
		return uint32(d.uint(4))
	case 'x':
		return int64(d.uint(8))
	case 't':
		return d.uint(8)
	case 'd':
		return math.Float64frombits(d.uint(8))
	case 's', 'o':
		return d.text(d.uint(4))
	case 'g':
		return d.text(uint64(d.byte()))
	case 'v':
		signature := d.text(uint64(d.byte()))
		if n := single(signature, depth); d.bad || n == 0 || n != len(signature) {
			d.bad = true
			return nil
		}
		return d.value(signature, depth+1)
	case 'a':
		return d.array(s[1:], depth)
	default:
		d.align(8)
		return d.members(s[1:len(s)-1], depth)
	}
}

func (d *decoder) array(of string, depth int) any {
	length := d.uint(4)
	switch of[0] { // the padding before the first is not counted
	case 'x', 't', 'd', '(', '{':
		d.align(8)
	}
	if length > uint64(len(d.in)-d.at) {
		d.bad = true
		return nil
	}
	end := d.at + int(length)
	var all []any
	for d.at < end && !d.bad {
		all = append(all, d.value(of, depth+1))
	}
	return all
}

func (d *decoder) members(s string, depth int) any {
	var all []any
	for s != "" && !d.bad {
		n := single(s, depth+1)
		if n == 0 {
			d.bad = true
			return nil
		}
		all = append(all, d.value(s[:n], depth+1))
		s = s[n:]
	}
	return all
}
