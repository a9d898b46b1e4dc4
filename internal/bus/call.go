package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// A Call is a method to be called.
type Call struct {
	Service   string // who is called, as org.freedesktop.systemd1
	Path      string // the object
	Interface string
	Method    string
	Args      []any // of type string or []string
}

// Property is the call that reads one property of an object. Its reply is the
// value.
func Property(service, path, iface, name string) Call {
	return Call{
		Service: service, Path: path, Interface: "org.freedesktop.DBus.Properties", Method: "Get",
		Args: []any{iface, name},
	}
}

// A Reply is what became of a call: the values, or the service's own error.
type Reply struct {
	Values []any
	Err    error
}

// Value returns the only value of a reply, where it is of that type.
func Value[T any](r Reply) (T, bool) {
	if r.Err != nil || len(r.Values) != 1 {
		var zero T
		return zero, false
	}
	v, ok := r.Values[0].(T)
	return v, ok
}

// An Error is what a service answers instead of values.
type Error struct{ Name, Text string }

// Error returns the error's name and, cut short, its text.
func (e *Error) Error() string { return fmt.Sprintf("%.100q: %.200q", e.Name, e.Text) }

// Absent tells whether err says that what was asked for does not exist: the
// property, in a service that is older; the object, which has just gone.
func Absent(err error) bool {
	return named(err, ".UnknownProperty", ".UnknownInterface", ".UnknownObject", ".UnknownMethod", ".NoSuchUnit", ".NoSuchSession")
}

// AbsentService tells whether err says that the service does not run.
func AbsentService(err error) bool { return named(err, ".ServiceUnknown", ".NameHasNoOwner") }

func named(err error, endings ...string) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, ending := range endings {
		if strings.HasSuffix(e.Name, ending) {
			return true
		}
	}
	return false
}

// Of the D-Bus specification, "Message Format": the types of messages, the
// header's fields, a flag.
const (
	methodCall   = 1
	methodReturn = 2
	methodError  = 3

	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSignature   = 8

	noAutoStart = 0x2 // a service that does not run is not started for us
)

// encode appends the message of the call. Positions count from the beginning
// of the message, so it is made apart.
func (c Call) encode(to []byte, serial uint32) []byte {
	var body encoder
	var signature []byte
	for _, arg := range c.Args {
		switch arg := arg.(type) {
		case string:
			signature = append(signature, 's')
			body.text(arg)
		case []string:
			signature = append(signature, "as"...)
			body.texts(arg)
		}
	}
	e := encoder{'l', methodCall, noAutoStart, 1}
	e.number(uint32(len(body)))
	e.number(serial)
	e.number(0) // the length of the fields, once it is known
	e.field(fieldPath, 'o', c.Path)
	e.field(fieldDestination, 's', c.Service)
	e.field(fieldInterface, 's', c.Interface)
	e.field(fieldMember, 's', c.Method)
	if len(signature) > 0 {
		e.align(8)
		e = append(e, fieldSignature, 1, 'g', 0, byte(len(signature)))
		e = append(append(e, signature...), 0)
	}
	binary.LittleEndian.PutUint32(e[12:], uint32(len(e)-16))
	e.align(8)
	return append(append(to, e...), body...)
}

// An encoder is the beginning of a message, little end first.
type encoder []byte

func (e *encoder) align(n int) {
	for len(*e)%n != 0 {
		*e = append(*e, 0)
	}
}

func (e *encoder) number(n uint32) {
	e.align(4)
	*e = binary.LittleEndian.AppendUint32(*e, n)
}

func (e *encoder) text(s string) {
	e.number(uint32(len(s)))
	*e = append(append(*e, s...), 0)
}

func (e *encoder) texts(list []string) {
	e.number(0)
	start := len(*e)
	for _, s := range list {
		e.text(s)
	}
	binary.LittleEndian.PutUint32((*e)[start-4:], uint32(len(*e)-start))
}

func (e *encoder) field(code, kind byte, s string) {
	e.align(8)
	*e = append(*e, code, 1, kind, 0)
	e.text(s)
}
