package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Postgres runs PostgreSQL on a socket in a folder of its own until the test
// ends, and returns the folder once it answers. Its superuser is admin, nobody
// needs a password, and it listens on no address. More arguments are given to
// the server.
func Postgres(t testing.TB, args ...string) string {
	t.Helper()
	initdb, server, ready := Program(t, "initdb", "postgresql"), Program(t, "postgres", "postgresql"), Program(t, "pg_isready", "postgresql")
	dir, err := os.MkdirTemp("/tmp", "tocsin-pg-") //nolint:usetesting // a socket's path must be short, and another user must reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	attr := postgresUser(t, dir)
	data := filepath.Join(dir, "data")
	create := exec.CommandContext(t.Context(), initdb, "-D", data, "-U", "admin", "-A", "trust", "-N")
	create.SysProcAttr, create.Dir = attr, dir
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	run := exec.Command(server, append([]string{"-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off"}, args...)...)
	run.SysProcAttr, run.Dir = attr, dir
	p := StartCmd(t, run)
	Eventually(t, 20*time.Second, "PostgreSQL answers", func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		if out, err := exec.CommandContext(ctx, ready, "-h", dir).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	return dir
}

// postgresUser gives the folder to Debian's user postgres, as whom the server
// runs: it refuses to run as root. Others run it as themselves.
func postgresUser(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
