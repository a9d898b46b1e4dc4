package testenv

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
)

// MariaDB runs Debian's MariaDB on a port of 127.0.0.1 until the test ends, and
// returns once it listens. The certificate and its key, in PEM, turn TLS on;
// without them it has none.
func MariaDB(t testing.TB, port int, certificate, key string) *Process {
	t.Helper()
	server := Program(t, "mariadbd", "mariadb-server")
	install := Program(t, "mariadb-install-db", "mariadb-server")
	home := folderOf(t, "mysql")
	data := filepath.Join(home.path, "data")
	made := exec.CommandContext(t.Context(), install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	made.SysProcAttr, made.Dir = home.as, home.path
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	args := []string{
		"--no-defaults", "--datadir=" + data, "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port),
		"--socket=" + filepath.Join(home.path, "socket"), "--pid-file=" + filepath.Join(home.path, "pid"),
		"--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0",
	}
	if certificate != "" {
		home.write(t, "server.pem", 0o600, certificate)
		home.write(t, "server.key", 0o600, key)
		args = append(args, "--ssl-cert="+filepath.Join(home.path, "server.pem"), "--ssl-key="+filepath.Join(home.path, "server.key"))
	}
	run := exec.CommandContext(context.WithoutCancel(t.Context()), server, args...)
	run.SysProcAttr, run.Dir = home.as, home.path
	p := StartCmd(t, run)
	Eventually(t, brokerPatience, "MariaDB listens", func(ctx context.Context) error {
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
