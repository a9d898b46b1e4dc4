package httpprobe

import (
	"context"
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
	return transport().NewClientConn(context.WithValue(ctx, connKey{}, conn), at.Scheme, net.JoinHostPort(at.Hostname(), port(at)))
}
