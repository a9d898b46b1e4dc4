package testenv

import (
	"context"
	"fmt"
	"net"
	"testing"
)

// Tinyproxy runs an HTTP proxy on this port of 127.0.0.1 until the test ends,
// and returns once it listens. More lines of its configuration may be given,
// as "BasicAuth user password".
func Tinyproxy(t testing.TB, port int, conf string) *Process {
	t.Helper()
	program := Program(t, "tinyproxy", "tinyproxy-bin")
	file := write(t, t.TempDir(), "tinyproxy.conf", fmt.Sprintf("Port %d\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nAllow 127.0.0.1\n%s\n", port, conf))
	return listens(t, Start(t, program, "-d", "-c", file), port)
}

// Microsocks runs a SOCKS5 proxy on this port of 127.0.0.1 until the test ends,
// and returns once it listens.
func Microsocks(t testing.TB, port int, args ...string) *Process {
	t.Helper()
	program := Program(t, "microsocks", "microsocks")
	return listens(t, Start(t, program, append([]string{"-i", "127.0.0.1", "-p", fmt.Sprint(port)}, args...)...), port)
}

// listens waits until a server takes connections.
func listens(t testing.TB, p *Process, port int) *Process {
	t.Helper()
	Eventually(t, httpPatience, p.name+" listens", func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return err
		}
		return conn.Close()
	})
	return p
}
