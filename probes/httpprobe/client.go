package httpprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// A client speaks HTTP/1.1 or HTTP/2 on one connection.
//
// Each has a transport of its own. One for all, with NewClientConn, would cost
// less to make, but net/http keeps an HTTP/2 connection that was made so in
// memory for five seconds after it was closed, 20 kB each
// (http2clientConnReadLoop.cleanup: it counts as never used).
type client struct {
	*http.Transport
	conn net.Conn
}

// newClient returns a client that speaks on conn and on nothing else. The
// connection becomes its own.
func newClient(conn net.Conn) *client {
	if secure, ok := conn.(*tls.Conn); !ok || secure.ConnectionState().NegotiatedProtocol != "h2" {
		conn = &deaf{Conn: conn, spoken: make(chan struct{})}
	}
	var once atomic.Bool
	handed := func(context.Context, string, string) (net.Conn, error) {
		if once.Swap(true) {
			return nil, errOnce
		}
		return conn, nil
	}
	return &client{conn: conn, Transport: &http.Transport{
		DialContext:            handed,
		DialTLSContext:         handed,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true, // what comes after the answer would be written into the program's log
		DisableCompression:     true, // the bytes counted are those that were sent
		MaxResponseHeaderBytes: maxHeader,
		ReadBufferSize:         4 << 10,
		WriteBufferSize:        4 << 10,
	}}
}

// errOnce is behind the error when net/http would ask once more, on another
// connection: it does when the server has taken nothing.
var errOnce = errors.New("the server closed the connection without an answer")

// Close closes the connection.
func (c *client) Close() error {
	c.CloseIdleConnections()
	return c.conn.Close()
}

// deaf is a connection that hears nothing before it has spoken. In HTTP/1.1 the
// client speaks first; net/http writes what it hears before that into the
// program's log, and what a server says has no place there.
type deaf struct {
	net.Conn
	once   sync.Once
	spoken chan struct{} // closed by the first Write, and by Close
}

func (d *deaf) speak() { d.once.Do(func() { close(d.spoken) }) }

func (d *deaf) Read(b []byte) (int, error) {
	<-d.spoken
	return d.Conn.Read(b)
}

func (d *deaf) Write(b []byte) (int, error) {
	d.speak()
	return d.Conn.Write(b)
}

func (d *deaf) Close() error {
	d.speak()
	return d.Conn.Close()
}
