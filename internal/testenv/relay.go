package testenv

import (
	"net"
	"sync"
	"testing"
)

// A Relay is a way to a server that can be cut as a firewall cuts it: what is
// sent no longer arrives, and nobody is told.
type Relay struct {
	// Port is where it listens, on 127.0.0.1.
	Port int

	mu    sync.Mutex // guards what follows
	open  chan struct{}
	ended chan struct{}
	conns []net.Conn
}

// NewRelay listens and passes on to a server, until the test ends.
func NewRelay(t testing.TB, network, address string) *Relay {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{Port: l.Addr().(*net.TCPAddr).Port, open: make(chan struct{}), ended: make(chan struct{})}
	close(r.open)
	var wg sync.WaitGroup
	wg.Go(func() { r.accept(l, network, address, &wg) })
	t.Cleanup(func() {
		close(r.ended)
		_ = l.Close()
		r.mu.Lock()
		for _, c := range r.conns {
			_ = c.Close()
		}
		r.mu.Unlock()
		wg.Wait()
	})
	return r
}

// Cut lets nothing through any more, in either direction; connections stay.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = make(chan struct{})
}

// Heal lets through what waits, and what comes.
func (r *Relay) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.open)
}

// wait returns once the way is open; false: the test has ended.
func (r *Relay) wait() bool {
	r.mu.Lock()
	open := r.open
	r.mu.Unlock()
	select {
	case <-open:
		return true
	case <-r.ended:
		return false
	}
}

func (r *Relay) accept(l net.Listener, network, address string, wg *sync.WaitGroup) {
	for {
		client, err := l.Accept()
		if err != nil {
			return // closed
		}
		r.keep(client)
		wg.Go(func() {
			if !r.wait() {
				return
			}
			server, err := (&net.Dialer{}).Dial(network, address)
			if err != nil {
				_ = client.Close()
				return
			}
			r.keep(server)
			wg.Go(func() { r.pass(client, server) })
			r.pass(server, client)
		})
	}
}

func (r *Relay) keep(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
}

// pass ends with either side.
func (r *Relay) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if !r.wait() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
