package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Standby copies a cluster and runs the copy as its standby. It is called name
// in pg_stat_replication, and streams over upstream.
func (c *Cluster) Standby(t testing.TB, name string, upstream *Relay) *Cluster {
	t.Helper()
	s := &Cluster{home: folderOf(t, "postgres"), server: c.server, args: c.args}
	s.Dir = s.home.path
	s.postgresTool(t, "pg_basebackup", "-D", s.data(), "-h", c.Dir, "-U", "admin", "-c", "fast", "-X", "stream", "--no-sync")
	s.Follow(t, name, upstream)
	return s
}

// Follow runs a cluster that has ended as the standby of another one.
func (c *Cluster) Follow(t testing.TB, name string, upstream *Relay) {
	t.Helper()
	c.home.write(t, "data/standby.signal", 0o600, "")
	c.setting(t, fmt.Sprintf("primary_conninfo = 'host=127.0.0.1 port=%d user=admin application_name=%s'", upstream.Port, name))
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
	c.Exec(t, "postgres", "SELECT pg_promote()")
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
	if _, err := f.WriteString(line + "\n"); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) postgresTool(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Program(t, name, "postgresql"), args...)
	cmd.SysProcAttr, cmd.Dir = c.home.as, c.home.path
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
