package testenv

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"
)

// PgBouncer runs Debian's PgBouncer before a server, and returns its port on
// 127.0.0.1, where everybody is let in as whoever they say. Settings are lines
// of its section [pgbouncer], as pool_mode = transaction.
func PgBouncer(t testing.TB, c *Cluster, settings string) (port int) {
	t.Helper()
	program := Program(t, "pgbouncer", "pgbouncer")
	home := folderOf(t, "postgres") // it refuses to run as root
	port = Port(t)
	home.write(t, "users.txt", 0o600, `"admin" ""`+"\n")
	home.write(t, "pgbouncer.ini", 0o600, fmt.Sprintf(`[databases]
* = host=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s/users.txt
%s
`, c.Dir, port, home.path, settings))
	run := exec.Command(program, home.path+"/pgbouncer.ini")
	run.SysProcAttr, run.Dir = home.as, home.path
	p := StartCmd(t, run)
	Eventually(t, 20*time.Second, "PgBouncer listens", func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	return port
}
