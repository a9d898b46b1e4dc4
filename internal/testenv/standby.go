package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Standby copies a cluster and runs the copy as its standby. It is called name
// in pg_stat_replication, and streams over upstream. A server that came without
// pg_basebackup is stopped for the copy.
func (c *Cluster) Standby(t testing.TB, name string, upstream *Relay) *Cluster {
	t.Helper()
	s := &Cluster{home: folderOf(t, "postgres"), server: c.server, args: c.args}
	s.Dir = s.home.path
	if _, err := os.Stat(c.tool("pg_basebackup")); err == nil {
		c.postgresTool(t, "pg_basebackup", "-D", s.data(), "-h", c.Dir, "-U", "admin", "-c", "fast", "-X", "stream", "--no-sync")
	} else {
		c.Stop()
		cp := exec.CommandContext(t.Context(), "cp", "-a", c.data(), s.data())
		if out, err := cp.CombinedOutput(); err != nil {
			t.Fatalf("cp: %v\n%s", err, out)
		}
		c.Start(t)
	}
	s.Follow(t, name, upstream)
	return s
}

// Follow runs a cluster that has ended as the standby of another one.
func (c *Cluster) Follow(t testing.TB, name string, upstream *Relay) {
	t.Helper()
	line := fmt.Sprintf("primary_conninfo = 'host=127.0.0.1 port=%d user=admin application_name=%s'\n", upstream.Port, name)
	version, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	if major, _, _ := strings.Cut(strings.TrimSpace(string(version)), "."); major < "12" { // all have two figures since 10
		c.home.write(t, "data/recovery.conf", 0o600, "standby_mode = on\n"+line)
	} else {
		c.home.write(t, "data/standby.signal", 0o600, "")
		c.setting(t, line)
	}
	c.Start(t)
}

// Rewind makes a primary that has ended, and was left behind, a copy of the
// new one again: for Follow. Both must have wal_log_hints on.
func (c *Cluster) Rewind(t testing.TB, source *Cluster) {
	t.Helper()
	c.postgresTool(t, "pg_rewind", "--target-pgdata", c.data(), "--no-sync",
		"--source-server", fmt.Sprintf("host=%s user=admin dbname=postgres", source.Dir))
}

// Promote makes a standby a primary.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	c.home.write(t, "data/promote", 0o600, "") // pg_promote is 12's
	if err := c.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
}

// setting adds a line to the settings that PostgreSQL itself keeps: the last
// one wins.
func (c *Cluster) setting(t testing.TB, line string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(line); err != nil {
		t.Fatal(err)
	}
}

// tool is the path of a program that came with the server.
func (c *Cluster) tool(name string) string {
	server := c.server
	if real, err := filepath.EvalSymlinks(server); err == nil {
		server = real
	}
	return filepath.Join(filepath.Dir(server), name)
}

// postgresTool runs a program that came with the server.
func (c *Cluster) postgresTool(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.tool(name), args...)
	cmd.SysProcAttr, cmd.Dir = c.home.as, c.home.path
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
