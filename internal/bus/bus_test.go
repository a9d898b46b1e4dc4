package bus

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"tocsin/internal/bus/bustest"
)

// dial connects with a minute to spare.
func dial(t testing.TB, path string) (*Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	conn, err := Dial(ctx, path)
	if err == nil {
		t.Cleanup(conn.Close)
	}
	return conn, err
}

func TestConn_callsAndReplies(t *testing.T) {
	var came []bustest.Call
	path := bustest.Serve(t, func(c bustest.Call) ([]any, error) {
		came = append(came, c) // one connection, one goroutine
		switch c.Method {
		case "List":
			return []any{[]struct {
				Name string
				ID   uint32
				At   dbus.ObjectPath
			}{{"a", 1, "/a"}, {"b", 2, "/b"}}}, nil
		case "Get":
			return []any{dbus.MakeVariant(uint64(1)<<63 + 1)}, nil
		case "Empty":
			return nil, nil
		case "All":
			return []any{
				byte(1), true, int16(-2), uint16(3), int32(-4), uint32(5), int64(-6), uint64(7), 1.5, "", "x",
				[]byte{1, 2},
				map[string]dbus.Variant{"k": dbus.MakeVariant([]string{"v", "w"})},
				[]uint64{},
				dbus.ParseSignatureMust("a{sv}"),
			}, nil
		}
		return nil, dbus.NewError("org.freedesktop.DBus.Error.UnknownMethod", []any{c.Method})
	})
	conn, err := dial(t, path)
	if err != nil {
		t.Fatal(err)
	}
	call := func(method string, args ...any) Call {
		return Call{Service: "a.b", Path: "/x", Interface: "a.B", Method: method, Args: args}
	}
	replies, err := conn.Do([]Call{
		call("List", []string{}, []string{"one", "two"}, "three"), Property("a.b", "/x", "a.B", "Size"), call("Empty"), call("All"), call("Nothing"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Reply{
		{Values: []any{[]any{[]any{"a", uint32(1), "/a"}, []any{"b", uint32(2), "/b"}}}},
		{Values: []any{uint64(1)<<63 + 1}},
		{},
		{Values: []any{
			byte(1), true, int16(-2), uint16(3), int32(-4), uint32(5), int64(-6), uint64(7), 1.5, "", "x",
			[]any{byte(1), byte(2)},
			[]any{[]any{"k", []any{"v", "w"}}},
			[]any(nil), "a{sv}",
		}},
		{Err: &Error{Name: "org.freedesktop.DBus.Error.UnknownMethod", Text: "Nothing"}},
	}
	if diff := cmp.Diff(want, replies); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !Absent(replies[4].Err) || AbsentService(replies[4].Err) {
		t.Errorf("%v is not taken for what it is", replies[4].Err)
	}
	wantCalls := []bustest.Call{
		{Service: "a.b", Path: "/x", Interface: "a.B", Method: "List", Args: []any{[]string{}, []string{"one", "two"}, "three"}},
		{Service: "a.b", Path: "/x", Interface: "org.freedesktop.DBus.Properties", Method: "Get", Args: []any{"a.B", "Size"}},
	}
	if diff := cmp.Diff(wantCalls, came[:2]); diff != "" {
		t.Errorf("what came (-want +got):\n%s", diff)
	}
}

// More calls than go out at a time; replies in another order than the calls.
func TestConn_manyCallsKeepTheirReplies(t *testing.T) {
	path := bustest.Raw(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		if !bustest.Greet(conn, in) {
			return
		}
		var held []*dbus.Message
		for {
			m, err := dbus.DecodeMessage(in)
			if err != nil {
				return
			}
			held = append(held, m)
			if in.Buffered() > 0 {
				continue
			}
			for i := range held { // the last first, each twice, with a signal between
				m := held[len(held)-1-i]
				for range 2 {
					reply := &dbus.Message{Type: dbus.TypeMethodReply, Body: m.Body, Headers: map[dbus.HeaderField]dbus.Variant{
						dbus.FieldReplySerial: dbus.MakeVariant(m.Serial()),
						dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf(m.Body...)),
					}}
					if len(m.Body) == 0 {
						delete(reply.Headers, dbus.FieldSignature)
					}
					if reply.EncodeTo(conn, binary.BigEndian) != nil {
						return
					}
				}
				signal := &dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
					dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/")), dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.DBus"),
					dbus.FieldMember: dbus.MakeVariant("NameAcquired"), // without the name that it should have
				}}
				if signal.EncodeTo(conn, binary.BigEndian) != nil {
					return
				}
			}
			held = held[:0]
		}
	})
	conn, err := dial(t, path)
	if err != nil {
		t.Fatal(err)
	}
	calls := make([]Call, 3*window+1)
	for i := range calls {
		calls[i] = Call{Service: "a.b", Path: "/", Interface: "a.B", Method: "Echo", Args: []any{strings.Repeat("x", i)}}
	}
	replies, err := conn.Do(calls)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range replies {
		if s, ok := Value[string](r); !ok || len(s) != i {
			t.Fatalf("reply %d is %q, %v", i, s, r.Err)
		}
	}
}

func TestDial_withoutABus(t *testing.T) {
	if _, err := dial(t, filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a socket: %v", err)
	}
	path := filepath.Join(t.TempDir(), "dead")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, path); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with nobody at the socket: %v", err)
	}
}

// What a bus says that misbehaves, and what comes of it.
func TestDial_hostileBus(t *testing.T) {
	// message is one that answers Hello, damaged as its bytes are.
	message := func(change func([]byte)) string {
		b := Call{Path: "/", Interface: "a.B", Method: "C", Service: "a.b"}.encode(nil, 9)
		change(b)
		return string(b)
	}
	huge := message(func(b []byte) { copy(b[4:], "\xff\xff\xff\xff") })
	hugeHeader := message(func(b []byte) { copy(b[12:], "\xf8\xff\xff\xff") })
	const greeted = "DATA\r\nOK 0123\r\n"
	for name, tc := range map[string]struct{ says, want string }{
		"hangs up":                {"", "unexpected EOF"},
		"refuses":                 {"REJECTED EXTERNAL\r\n", ErrRefused.Error()},
		"an endless line":         {strings.Repeat("x", 1<<20), bufio.ErrBufferFull.Error()},
		"no message":              {greeted + "HTTP/1.1 400 Bad Request\r\n\r\n", "byte order 0x48"},
		"a message cut short":     {greeted + message(func([]byte) {})[:40], "unexpected EOF"},
		"a body of 4 GiB":         {greeted + huge, "more than 4194304"},
		"a header of 4 GiB":       {greeted + hugeHeader, "more than 4194304"},
		"fields that are noise":   {greeted + message(func(b []byte) { copy(b[17:], "\xff\xff\xff\xff\xff") }), "malformed"},
		"what nobody asked for":   {greeted + strings.Repeat(message(func([]byte) {}), maxTotal/64), "unexpected EOF"},
		"a string without an end": {greeted + message(func(b []byte) { copy(b[20:], "\xff\xff\xff\x7f") }), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			path := bustest.Raw(t, func(conn net.Conn) {
				if _, err := io.WriteString(conn, tc.says); err == nil {
					_ = conn.(*net.UnixConn).CloseWrite() // it may have ended
					_, _ = io.Copy(io.Discard, conn)      // until we hang up
				}
			})
			_, err := dial(t, path)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, want %q", err, tc.want)
			}
		})
	}
}

func TestConn_endsWithItsContext(t *testing.T) {
	for name, hang := range map[string]func(net.Conn){
		"says nothing": func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"greets": func(conn net.Conn) {
			in := bufio.NewReader(conn)
			bustest.Greet(conn, in)
			_, _ = io.Copy(io.Discard, in)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := Dial(ctx, bustest.Raw(t, hang))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the error is %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// FuzzRead: whatever comes, reading ends without a panic, and returns no more
// values than there were bytes.
func FuzzRead(f *testing.F) {
	values := []any{"text", []string{"a"}, map[string]dbus.Variant{"k": dbus.MakeVariant(uint64(1))}, struct {
		A byte
		B float64
	}{1, 2}}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		m := &dbus.Message{Type: dbus.TypeMethodReply, Body: values, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(uint32(1)), dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(values...)),
		}}
		var b bytes.Buffer
		if err := m.EncodeTo(&b, order); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add(Call{Path: "/", Method: "M", Args: []any{"x", []string{"y"}}}.encode(nil, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := read(bytes.NewReader(b))
		if err != nil {
			return
		}
		r, err := m.reply()
		if n := count(r.Values); n > 3*len(b) {
			t.Errorf("%d bytes have become %d values (%v)", len(b), n, err)
		}
	})
}

func count(values []any) int {
	n := len(values)
	for _, v := range values {
		if inner, ok := v.([]any); ok {
			n += count(inner)
		}
	}
	return n
}
