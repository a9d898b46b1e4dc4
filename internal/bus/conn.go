package bus

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// What is read of a bus at most. Two thousand units of systemd are listed in
// half a megabyte.
const (
	maxMessage = 4 << 20
	maxTotal   = 32 << 20 // by one connection
	window     = 64       // calls on their way at a time
)

// ErrRefused says that the bus did not let us in.
var ErrRefused = errors.New("it does not let this user in")

// A Conn is a connection to a bus. It is made for a few calls and closed: a
// bus that was restarted, or that hung, is then asked afresh. A Conn is for
// one goroutine, and of no use after an error of Do.
type Conn struct {
	ctx    context.Context // ends whatever waits
	conn   net.Conn
	in     *bufio.Reader
	serial uint32
	broken error       // the first error of the connection, which is the last
	unhook func() bool // undoes what ctx's end would do
}

// Dial connects to the bus that listens at a path, which works until ctx
// ends. Close must follow. Where there is no such path the error is an
// fs.ErrNotExist.
func Dial(ctx context.Context, path string) (*Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("system bus: %w", err)
	}
	c := &Conn{ctx: ctx, conn: conn, in: bufio.NewReaderSize(io.LimitReader(conn, maxTotal), 16<<10)}
	c.unhook = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes what waits
	if err := c.greet(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connection.
func (c *Conn) Close() {
	c.unhook()
	_ = c.conn.Close() // nothing was left to be written
}

// greet says who we are and Hello. All is sent at once, as sd-bus does, and
// without a user id: the bus knows it from the kernel, and in a container ours
// may be another than the one it sees.
func (c *Conn) greet() error {
	if _, err := io.WriteString(c.conn, "\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"); err != nil {
		return c.explain(err)
	}
	for _, want := range []string{"DATA", "OK "} {
		line, err := c.in.ReadSlice('\n') // no longer than the reader's buffer
		if err != nil {
			return c.explain(err)
		}
		if !bytes.HasPrefix(line, []byte(want)) {
			return c.explain(ErrRefused)
		}
	}
	const self = "org.freedesktop.DBus"
	replies, err := c.Do([]Call{{Service: self, Path: "/org/freedesktop/DBus", Interface: self, Method: "Hello"}})
	if err != nil {
		return err
	}
	return replies[0].Err
}

// explain says what an error of the connection means.
func (c *Conn) explain(err error) error {
	if ended := c.ctx.Err(); ended != nil {
		return fmt.Errorf("system bus: no answer: %w", ended)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // it hung up, or went on for longer than maxTotal
	}
	return fmt.Errorf("system bus: %w", err)
}

// Do makes calls, many at a time, and returns as many replies, in the order of
// the calls. Its error is one of the connection; what a service refuses is in
// the reply.
func (c *Conn) Do(calls []Call) ([]Reply, error) {
	replies := make([]Reply, len(calls))
	for from := 0; from < len(calls) && c.broken == nil; from += window {
		to := min(from+window, len(calls))
		if err := c.exchange(calls[from:to], replies[from:to]); err != nil {
			c.broken = c.explain(err)
		}
	}
	if c.broken != nil {
		return nil, c.broken
	}
	return replies, nil
}

func (c *Conn) exchange(calls []Call, replies []Reply) error {
	first := c.serial + 1
	var out []byte
	for _, call := range calls {
		c.serial++
		out = call.encode(out, c.serial)
	}
	if _, err := c.conn.Write(out); err != nil {
		return err
	}
	answered := make([]bool, len(calls))
	for missing := len(calls); missing > 0; {
		m, err := read(c.in)
		if err != nil {
			return err
		}
		i := m.replyTo - first
		if m.kind != methodReturn && m.kind != methodError || i >= uint32(len(calls)) || answered[i] {
			continue // a signal, or what nobody asked for
		}
		answered[i] = true
		missing--
		if replies[i], err = m.reply(); err != nil {
			return err
		}
	}
	return nil
}
