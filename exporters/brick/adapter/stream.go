package adapter

import (
	"context"
	"net"
	"net/url"
	"time"

	"tocsin/bricks"
)

// stream asks a server that speaks as soon as one connects, and hangs up when
// it is done: uWSGI's stats socket.
type stream struct{ network, address string }

// newStream reads unix:///path and tcp://host:port; other addresses are not
// its own.
func newStream(address string) (*stream, bool) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
	case u.Scheme == "unix":
		return &stream{"unix", u.Path + u.Opaque}, true
	case u.Scheme == "tcp":
		return &stream{"tcp", u.Host}, true
	}
	return nil, false
}

// Ask implements Asker.
func (s *stream) Ask(ctx context.Context) (Raw, error) {
	conn, err := connect(ctx, s.network, s.address)
	if err != nil {
		return Raw{}, err
	}
	defer conn.Close()
	body, err := readAll(conn)
	if err == nil && len(body) == 0 {
		err = fail(bricks.Reset, "it hangs up without a word")
	}
	return Raw{Body: body}, err
}

// connect opens a connection that ends with ctx.
func connect(ctx context.Context, kind, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, kind, address)
	if err != nil {
		return nil, network(err, "")
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes whoever reads
	return &ending{Conn: conn, stop: stop}, nil
}

// ending is a connection that forgets its context when it is closed.
type ending struct {
	net.Conn
	stop func() bool
}

// Close implements net.Conn.
func (e *ending) Close() error {
	e.stop()
	return e.Conn.Close()
}
