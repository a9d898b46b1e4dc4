package testenv

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

// A Cluster is a PostgreSQL that runs for one test. It listens on a socket
// alone, and lets everybody in as whoever they say.
type Cluster struct {
	*Process
	// Dir is the folder of its socket.
	Dir string
	// Port is its TCP port on 127.0.0.1, and in the name of its socket; 0 where it
	// has none, and PostgreSQL's own in that name.
	Port int

	home   folder
	server string // its program
	args   []string
}

// Postgres runs Debian's PostgreSQL, as the user postgres where the test is
// root, and returns it once it answers its superuser, who is called admin.
// Args are given to the server as they are.
func Postgres(t testing.TB, args ...string) *Cluster {
	t.Helper()
	return cluster(t, Program(t, "initdb", "postgresql"), Program(t, "postgres", "postgresql"), args...)
}

func cluster(t testing.TB, initdb, server string, args ...string) *Cluster {
	t.Helper()
	c := newCluster(t, initdb, server, args...)
	c.Start(t)
	return c
}

func newCluster(t testing.TB, initdb, server string, args ...string) *Cluster {
	t.Helper()
	home := folderOf(t, "postgres") // the server refuses to run as root
	data := filepath.Join(home.path, "data")
	create := exec.CommandContext(t.Context(), initdb, "-D", data, "-U", "admin", "-A", "trust", "-N")
	create.SysProcAttr, create.Dir = home.as, home.path
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	return &Cluster{Dir: home.path, home: home, server: server, args: args}
}

// Start runs the server again after it has ended.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	run := exec.Command(c.server,
		append([]string{"-D", c.data(), "-k", c.home.path, "-c", "listen_addresses=", "-c", "fsync=off"}, c.args...)...)
	run.SysProcAttr, run.Dir = c.home.as, c.home.path
	c.Process = StartCmd(t, run)
	c.end = syscall.SIGINT // with SIGTERM it waits for its clients to go
	Eventually(t, 20*time.Second, "PostgreSQL answers", func(ctx context.Context) error {
		if err := c.alive(); err != nil {
			return err
		}
		conn, err := pgx.Connect(ctx, c.DSN("admin", "postgres"))
		if err == nil {
			err = conn.Close(ctx)
		}
		return err
	})
}

func (c *Cluster) data() string { return filepath.Join(c.home.path, "data") }

// Socket is the path of its socket.
func (c *Cluster) Socket() string { return filepath.Join(c.Dir, ".s.PGSQL.5432") }

// DSN is the address of a database in it, for a user.
func (c *Cluster) DSN(user, database string) string {
	dsn := fmt.Sprintf("postgres://%s@/%s?host=%s", user, url.PathEscape(database), c.Dir)
	if c.Port != 0 {
		dsn += fmt.Sprintf("&port=%d", c.Port)
	}
	return dsn
}

// Exec runs statements in a database, one after another, as admin.
func (c *Cluster) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.DSN("admin", database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }() // the server ends with the test
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// folder is a server's own: short of path, because a socket's must be, and
// another user's where the server runs as one.
type folder struct {
	path string
	as   *syscall.SysProcAttr // nil: as the test itself
	uid  int
	gid  int
}

// roomy is where servers have their folders: in memory where there is enough
// of it, since what they write is gone with the test and disks are slow.
func roomy() string {
	const memory, enough = "/dev/shm", 8 << 30
	var fs unix.Statfs_t
	if err := unix.Statfs(memory, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) >= enough {
		return memory
	}
	return "/tmp"
}

func folderOf(t testing.TB, name string) folder {
	t.Helper()
	return folderIn(t, roomy(), name)
}

// folderIn is folderOf below another folder.
func folderIn(t testing.TB, above, name string) folder {
	t.Helper()
	path, err := os.MkdirTemp(above, "tocsin-") //nolint:usetesting // its path is short, and other users reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	f := folder{path: path, uid: os.Geteuid(), gid: os.Getegid()}
	if f.uid != 0 {
		return f
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	f.uid, _ = strconv.Atoi(u.Uid) // Linux has numbers
	f.gid, _ = strconv.Atoi(u.Gid)
	f.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(f.uid), Gid: uint32(f.gid)}}
	if err := os.Chown(path, f.uid, f.gid); err != nil {
		t.Fatal(err)
	}
	return f
}

// write writes a file that belongs to the server.
func (f folder) write(t testing.TB, name string, mode os.FileMode, content string) {
	t.Helper()
	path := filepath.Join(f.path, name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, f.uid, f.gid); err != nil {
		t.Fatal(err)
	}
}
