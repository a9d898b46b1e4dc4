package httpprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// connKey is the context's key for the connection that a client is made on.
type connKey struct{}

// transport speaks HTTP/1.1 and HTTP/2 on connections that it is handed, one
// client each. It keeps none, so one serves all probers.
var transport = sync.OnceValue(func() *http.Transport {
	handed := func(ctx context.Context, _, _ string) (net.Conn, error) {
		if conn, ok := ctx.Value(connKey{}).(net.Conn); ok {
			return conn, nil
		}
		return nil, errors.New("no connection was handed over")
	}
	return &http.Transport{
		DialContext:            handed,
		DialTLSContext:         handed,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // the bytes counted are those that were sent
		MaxResponseHeaderBytes: maxHeader,
		ReadBufferSize:         4 << 10,
		WriteBufferSize:        4 << 10,
	}
})

// newClient returns a client that speaks on conn and on nothing else.
func newClient(ctx context.Context, at *url.URL, conn net.Conn) (*http.ClientConn, error) {
	if secure, ok := conn.(*tls.Conn); !ok || secure.ConnectionState().NegotiatedProtocol != "h2" {
		conn = &deaf{Conn: conn, spoken: make(chan struct{})}
	}
	return transport().NewClientConn(context.WithValue(ctx, connKey{}, conn), at.Scheme, net.JoinHostPort(at.Hostname(), port(at)))
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
