package testenv

import (
	"context"
	"net"
	"strconv"
	"testing"
)

// Redis runs one on this port of 127.0.0.1 until the test ends, and returns
// once it listens. Nothing of it is kept on disk. More arguments are given to
// it as they are.
func Redis(t testing.TB, port int, args ...string) *Process {
	t.Helper()
	program := Program(t, "redis-server", "redis-server")
	p := Start(t, program, append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", ""}, args...)...)
	Eventually(t, httpPatience, "Redis listens", func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	return p
}
