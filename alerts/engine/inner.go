package engine

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// innerHost is the address under which this instance scrapes itself. It is
// never looked up: the dialer answers it with a pipe. The top level domain is
// reserved, so no real host can have it (RFC 6761).
const innerHost = "tocsin.invalid:80"

// inner serves this instance's own pages to the engine without a port, TLS or
// a password.
type inner struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
	server *http.Server
}

func newInner(handler http.Handler) *inner {
	return &inner{
		conns:  make(chan net.Conn),
		closed: make(chan struct{}),
		server: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second},
	}
}

// serve runs until close.
func (in *inner) serve() { _ = in.server.Serve(in) }

func (in *inner) close() { _ = in.server.Close() }

// dial answers innerHost with a pipe to the server, and dials the rest.
func (in *inner) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr != innerHost {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	client, server := net.Pipe()
	select {
	case in.conns <- server:
		return client, nil
	case <-in.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (in *inner) Accept() (net.Conn, error) {
	select {
	case c := <-in.conns:
		return c, nil
	case <-in.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (in *inner) Close() error {
	in.once.Do(func() { close(in.closed) })
	return nil
}

// Addr implements net.Listener.
func (in *inner) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

// Network implements net.Addr.
func (pipeAddr) Network() string { return "pipe" }

// String implements net.Addr.
func (pipeAddr) String() string { return innerHost }
