package mailtrip

import (
	"fmt"
	"net"
	"sync"
	"time"

	"tocsin/probes/probe"
)

// maxMailbox bounds what is read of a mailbox's server in one look: what
// hundreds of answers and the headers of a few dozen messages take.
const maxMailbox = 512 << 10

// bounded is the connection that the IMAP library is given. It bounds what is
// read, keeps the look's own deadline whatever the library wishes, and knows
// why it broke, which the library's errors no longer do.
type bounded struct {
	net.Conn
	// greeting is read before what the server sends: after STARTTLS no server
	// greets again, and the library waits for it.
	greeting string

	mu   sync.Mutex // guards what follows
	left int
	err  error
}

// Read implements net.Conn. One goroutine reads.
func (b *bounded) Read(p []byte) (int, error) {
	if n := copy(p, b.greeting); n > 0 {
		b.greeting = b.greeting[n:]
		return n, nil
	}
	b.mu.Lock()
	left := b.left
	b.mu.Unlock()
	if left <= 0 {
		return 0, b.broke(probe.Fail(probe.TooLarge, probe.PhaseProcessing, fmt.Errorf("the mailbox's server said more than %d bytes", maxMailbox)))
	}
	n, err := b.Conn.Read(p[:min(len(p), left)])
	b.mu.Lock()
	b.left -= n
	b.mu.Unlock()
	if err != nil {
		err = b.broke(err)
	}
	return n, err
}

// Write implements net.Conn.
func (b *bounded) Write(p []byte) (int, error) {
	n, err := b.Conn.Write(p)
	if err != nil {
		err = b.broke(err)
	}
	return n, err
}

// broke keeps the first error.
func (b *bounded) broke(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	return err
}

// why returns what broke the connection; nil while it works.
func (b *bounded) why() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// The deadlines are the look's: see smtp.Bound.

// SetDeadline implements net.Conn, and does nothing.
func (b *bounded) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn, and does nothing.
func (b *bounded) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn, and does nothing.
func (b *bounded) SetWriteDeadline(time.Time) error { return nil }
