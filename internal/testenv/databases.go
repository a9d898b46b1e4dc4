package testenv

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// databasePatience is how long a database may take to answer on a busy machine.
const databasePatience = 30 * time.Second

// A Cluster is a PostgreSQL server of its own, reached by a socket.
type Cluster struct {
	Dir     string // where its socket is: the host of a DSN
	Process *Process
}

// PostgreSQL runs one until the test ends, with these settings beside the
// defaults, each as name=value. Its superuser is admin; nobody needs a
// password.
func PostgreSQL(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	initdb, server := Program(t, "initdb", "postgresql"), Program(t, "postgres", "postgresql")
	dir, err := os.MkdirTemp("/tmp", "tocsin-pg-") //nolint:usetesting // a socket's path must be short, and another user must reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a leftover is no fault of the test
	attr := unprivileged(t, "postgres", dir)
	data := filepath.Join(dir, "data")
	create := exec.CommandContext(t.Context(), initdb, "-D", data, "-U", "admin", "-A", "trust", "-N")
	create.SysProcAttr, create.Dir = attr, dir
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	args := []string{"-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off"}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	run := exec.Command(server, args...)
	run.SysProcAttr, run.Dir = attr, dir
	c := &Cluster{Dir: dir, Process: StartCmd(t, run)}
	Eventually(t, databasePatience, "PostgreSQL answers", func(ctx context.Context) error {
		if err := c.Process.alive(); err != nil {
			return err
		}
		conn, err := pgx.Connect(ctx, c.DSN("admin", "postgres"))
		if err == nil {
			err = conn.Close(ctx)
		}
		return err
	})
	return c
}

// DSN is how a user reaches one of its databases.
func (c *Cluster) DSN(user, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s", user, database, c.Dir)
}

// Exec runs statements in a database, one after another, as admin.
func (c *Cluster) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.DSN("admin", database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// unprivileged makes a command run as this user where the test is root, whom
// many servers refuse, and gives the user the folder. Else it is nil.
func unprivileged(t testing.TB, name, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}} //nolint:gosec // ids are 32 bits wide
}

// Redis runs one on this port of 127.0.0.1 until the test ends, and returns
// once it listens. Nothing of it is kept on disk. More arguments are given to
// it as they are.
func Redis(t testing.TB, port int, args ...string) *Process {
	t.Helper()
	program := Program(t, "redis-server", "redis-server")
	p := Start(t, program, append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", ""}, args...)...)
	Eventually(t, databasePatience, "Redis listens", func(ctx context.Context) error {
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
