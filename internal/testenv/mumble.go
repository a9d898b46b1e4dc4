package testenv

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
)

// Mumble runs a Mumble server on this port of 127.0.0.1 until the test ends;
// settings are more lines of its mumble-server.ini, as users=20. It returns
// once it listens.
func Mumble(t testing.TB, port int, settings string) *Process {
	t.Helper()
	server := Program(t, "murmurd", "mumble-server")
	home := folderOf(t, "mumble-server") // the server gives up being root
	home.write(t, "mumble.ini", 0o600, fmt.Sprintf(`database=%[1]s/db.sqlite
host=127.0.0.1
port=%[2]d
logfile=
bonjour=false
sendversion=true
%[3]s
`, home.path, port, settings))
	run := exec.CommandContext(context.WithoutCancel(t.Context()), server, "-ini", filepath.Join(home.path, "mumble.ini"), "-fg")
	run.SysProcAttr = home.as
	p := StartCmd(t, run)
	Eventually(t, httpPatience, "Mumble listens", func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	return p
}
