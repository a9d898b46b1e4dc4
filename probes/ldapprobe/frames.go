package ldapprobe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Bounds of what a server says.
const (
	maxMessage = 256 << 10
	maxAll     = 4 << 20 // in one connection
	maxDepth   = 12      // an entry has 6, its controls some more
)

// errBounds marks what breaks a bound: the server may speak LDAP, but too much.
var errBounds = errors.New("more than the probe reads")

// frames is a connection from which only whole messages are read that keep the
// bounds, each looked through before the library sees its first byte: that
// makes room for whatever length a server announces.
type frames struct {
	net.Conn
	in      *bufio.Reader
	message []byte // what of the present message has not been handed on
	all     int

	mu  sync.Mutex // guards err
	err error      // the first that ended the reading
}

func newFrames(conn net.Conn) *frames { return &frames{Conn: conn, in: bufio.NewReader(conn)} }

// Read implements io.Reader. One goroutine reads.
func (f *frames) Read(p []byte) (int, error) {
	if len(f.message) == 0 {
		if err := f.next(); err != nil {
			f.mu.Lock()
			if f.err == nil {
				f.err = err
			}
			f.mu.Unlock()
			return 0, err
		}
	}
	n := copy(p, f.message)
	f.message = f.message[n:]
	return n, nil
}

// ended returns why no more is read; nil while it is.
func (f *frames) ended() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// next reads one message.
func (f *frames) next() error {
	head := make([]byte, 2, 6)
	if _, err := io.ReadFull(f.in, head); err != nil {
		return err
	}
	if head[0] != 0x30 {
		return errors.New("the server does not speak LDAP: a message begins with other bytes")
	}
	more := int(head[1] & 0x7f)
	switch {
	case head[1] < 0x80:
		more = 0
	case more == 0 || more > 4:
		return errors.New("the server does not speak LDAP: the length of a message is none")
	}
	head = head[:2+more]
	if _, err := io.ReadFull(f.in, head[2:]); err != nil {
		return err
	}
	n, _ := length(head[1:])
	if f.all += len(head) + n; n > maxMessage || f.all > maxAll {
		return fmt.Errorf("the server says %w: a message of %d bytes", errBounds, n)
	}
	whole := make([]byte, len(head)+n)
	copy(whole, head)
	if _, err := io.ReadFull(f.in, whole[len(head):]); err != nil {
		return err
	}
	if err := wellFormed(whole[len(head):], 1); err != nil {
		return err
	}
	f.message = whole
	return nil
}

// wellFormed looks whether b is a row of elements, each within its bounds.
//
// Source: RFC 4511, section 5.1: lengths are definite; X.690, section 8.1.
func wellFormed(b []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("the server says %w: elements in elements, %d deep", errBounds, depth)
	}
	for len(b) > 0 {
		if b[0]&0x1f == 0x1f {
			return errors.New("the server does not speak LDAP: an element has a long tag")
		}
		n, size := length(b[1:])
		if size == 0 || n > len(b)-1-size {
			return errors.New("the server does not speak LDAP: an element is longer than what it stands in")
		}
		content := b[1+size : 1+size+n]
		if b[0]&0x20 != 0 {
			if err := wellFormed(content, depth+1); err != nil {
				return err
			}
		}
		b = b[1+size+n:]
	}
	return nil
}

// length reads a definite length, and returns it with how many bytes it took:
// 0 for what is none.
func length(b []byte) (n, size int) {
	if len(b) == 0 {
		return 0, 0
	}
	more := int(b[0] & 0x7f)
	switch {
	case b[0] < 0x80:
		return int(b[0]), 1
	case more == 0, more > 4, more >= len(b):
		return 0, 0
	}
	var long uint64
	for _, x := range b[1 : 1+more] {
		long = long<<8 | uint64(x)
	}
	return int(min(long, 1<<30)), 1 + more
}
