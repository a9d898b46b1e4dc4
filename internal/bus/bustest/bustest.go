// Package bustest is a message bus for tests: one that answers as it is told,
// by another hand than ours (godbus' codec), and one that misbehaves. What a
// bus says when all is well, tests ask a real one.
package bustest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// A Call is what came.
type Call struct {
	Service, Path, Interface, Method string
	Args                             []any
}

// An Answer returns the values that a call is answered with, or an error: a
// *dbus.Error goes out by its name.
type Answer func(Call) ([]any, error)

// Serve answers calls until the test ends, and returns the bus's path. It is
// strict: what is no call as the specification has it fails the test.
func Serve(t testing.TB, answer Answer) (path string) {
	t.Helper()
	return Raw(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		if !Greet(conn, in) {
			return
		}
		for {
			m, err := dbus.DecodeMessage(in)
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || err == nil && m == nil {
				return
			}
			if err != nil || m.Type != dbus.TypeMethodCall || m.Flags != dbus.FlagNoAutoStart {
				t.Errorf("what came is no call: %v, %v", m, err)
				return
			}
			reply := respond(m, answer)
			if reply.EncodeTo(conn, binary.LittleEndian) != nil {
				return // the caller has had enough
			}
		}
	})
}

// Greet does the bus's part of the handshake and tells whether it went well.
func Greet(conn net.Conn, in *bufio.Reader) bool {
	if b, err := in.ReadByte(); err != nil || b != 0 {
		return false
	}
	for _, exchange := range [][2]string{
		{"AUTH EXTERNAL\r\n", "DATA\r\n"},
		{"DATA\r\n", "OK 0123456789abcdef0123456789abcdef\r\n"},
		{"BEGIN\r\n", ""},
	} {
		line, err := in.ReadString('\n')
		if err != nil || line != exchange[0] {
			return false
		}
		if _, err := io.WriteString(conn, exchange[1]); err != nil {
			return false
		}
	}
	return true
}

func respond(m *dbus.Message, answer Answer) *dbus.Message {
	text := func(field dbus.HeaderField) string {
		switch v := m.Headers[field].Value().(type) {
		case string:
			return v
		case dbus.ObjectPath:
			return string(v)
		}
		return ""
	}
	reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(m.Serial()),
	}}
	var values []any
	var err error
	if text(dbus.FieldMember) == "Hello" {
		values = []any{":1.7"}
	} else {
		values, err = answer(Call{
			text(dbus.FieldDestination), text(dbus.FieldPath), text(dbus.FieldInterface), text(dbus.FieldMember), m.Body,
		})
	}
	if err != nil {
		name := "org.freedesktop.DBus.Error.Failed"
		if named, ok := errors.AsType[*dbus.Error](err); ok {
			name = named.Name
		}
		reply.Type, values = dbus.TypeError, []any{err.Error()}
		reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant(name)
	}
	if reply.Body = values; len(values) > 0 {
		reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(values...))
	}
	return reply
}

// Raw hands each connection to handle until the test ends, closing it
// afterwards, and returns the path.
func Raw(t testing.TB, handle func(net.Conn)) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards open
	open := map[net.Conn]bool{}
	var running sync.WaitGroup
	running.Go(func() { // ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			running.Go(func() { // ends with the connection
				handle(conn)
				mu.Lock()
				delete(open, conn)
				mu.Unlock()
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return path
}
