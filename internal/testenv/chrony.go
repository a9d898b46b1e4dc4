package testenv

import (
	"context"
	"fmt"
	"net"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// Chrony runs a time server on this port of 127.0.0.1 until the test ends, and
// returns once it answers. It never touches this machine's clock. Directives
// are lines of chrony.conf, as "local stratum 8"; without that one the server
// follows nothing and says so.
func Chrony(t testing.TB, port int, directives ...string) *Process {
	t.Helper()
	program := Program(t, "chronyd", "chrony")
	dir := t.TempDir()
	config := write(t, dir, "chrony.conf", fmt.Sprintf("port %d\nbindaddress 127.0.0.1\ncmdport 0\nallow\npidfile %s\n%s\n",
		port, filepath.Join(dir, "pid"), strings.Join(directives, "\n")))
	p := Start(t, program, "-x", "-d", "-U", "-u", userName(t), "-f", config)
	Eventually(t, httpPatience, "chronyd answers", func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return err
		}
		defer conn.Close()
		question := make([]byte, 48)
		question[0] = 4<<3 | 3 // version 4, mode client (RFC 5905, figure 8)
		return echo(conn, question)
	})
	return p
}

func userName(t testing.TB) string {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return me.Username
}
