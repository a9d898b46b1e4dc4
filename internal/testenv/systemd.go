package testenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Cgroups is a version of the kernel's control groups.
type Cgroups string

// The versions that a Machine can have.
const (
	CgroupsV1 Cgroups = "v1" // one hierarchy a controller
	CgroupsV2 Cgroups = "v2" // one for all
)

// A Machine is a systemd that has booted beside the test: Debian's own, as
// process 1 of its own namespaces, with a dbus-daemon and nothing of the
// machine's but a read-only /usr.
type Machine struct {
	Root    string // of its files, as the test sees them
	Bus     string // the socket of its system bus, likewise
	process *Process
	nsenter string
}

// Systemd boots a systemd until the test ends. units are the files that it
// finds in /etc/systemd/system, by their names; none is started but by what
// they say themselves and by Systemctl. The test is skipped, loudly, where the
// kernel or who runs the test does not allow it.
func Systemd(t testing.TB, version Cgroups, units map[string]string) *Machine {
	t.Helper()
	Root(t, "boots a systemd in namespaces of its own")
	systemd := Program(t, "systemd", "systemd")
	Program(t, "dbus-daemon", "dbus")
	sh, unshare, nsenter := Program(t, "sh", "dash"), Program(t, "unshare", "util-linux"), Program(t, "nsenter", "util-linux")
	root := t.TempDir()
	namespacesOrSkip(t, root)
	groups := ownCgroups(t, version)

	etc := filepath.Join(t.TempDir(), "etc")
	files := map[string]string{
		"passwd":                        "root:x:0:0::/root:/bin/sh\nmessagebus:x:100:100::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n",
		"group":                         "root:x:0:\nmessagebus:x:100:\nnogroup:x:65534:\n",
		"machine-id":                    "0123456789abcdef0123456789abcdef\n",
		"systemd/system/default.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=dbus.service\n",
	}
	for name, text := range units {
		files["systemd/system/"+name] = text
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(etc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(sh, append([]string{"-ec", enterCgroups, "boot", unshare, sh, bootSystemd, root, string(version), etc, systemd}, groups...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	m := &Machine{process: StartCmd(t, cmd), nsenter: nsenter}
	t.Cleanup(m.process.Kill) // process 1 does not heed SIGTERM
	m.Root = fmt.Sprintf("/proc/%d/root", m.process.PID())
	m.Bus = filepath.Join(m.Root, "run/dbus/system_bus_socket")
	Eventually(t, time.Minute, "systemd has booted", m.booted)
	return m
}

// PID is the process id of the machine's systemd.
func (m *Machine) PID() int { return m.process.PID() }

func (m *Machine) booted(ctx context.Context) error {
	if err := m.process.alive(); err != nil {
		return err
	}
	// It fails while systemd does not answer, and for a degraded machine.
	out, _ := m.command(ctx, "systemctl", "is-system-running").CombinedOutput()
	switch state := strings.TrimSpace(string(out)); state {
	case "running", "degraded":
		return nil
	default:
		return errors.New(state)
	}
}

// command is a command that runs on the machine.
func (m *Machine) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	enter := []string{"-t", strconv.Itoa(m.process.PID()), "-m", "-p", "-n", "-u", "-i", "--", name}
	return exec.CommandContext(ctx, m.nsenter, append(enter, args...)...)
}

// Systemctl runs systemctl on the machine and returns what it prints.
func (m *Machine) Systemctl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := m.command(t.Context(), "systemctl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("systemctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Show returns properties of a unit, as systemctl show prints them.
func (m *Machine) Show(t testing.TB, unit string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(m.Systemctl(t, "show", "--timestamp=us+utc", unit)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		all[name] = value
	}
	return all
}

// Dial connects to an address as a process of the machine would: its network
// has nothing but itself.
func (m *Machine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() { // ends when the connection is made, or ctx
		runtime.LockOSThread() // and never unlocked: the thread ends, in the other network
		where, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", m.PID()))
		if err != nil {
			done <- result{nil, err}
			return
		}
		defer where.Close()
		if err := unix.Setns(int(where.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- result{nil, err}
			return
		}
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

const namespaces = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET

// namespacesOrSkip tries whether namespaces and mounts can be made.
func namespacesOrSkip(t testing.TB, folder string) {
	t.Helper()
	try := exec.Command(Program(t, "mount", "mount"), "-t", "tmpfs", "try", folder)
	try.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Unshareflags: syscall.CLONE_NEWNS} // Unshareflags makes mounts private
	if out, err := try.CombinedOutput(); err != nil {
		Skip(t, fmt.Sprintf("a systemd cannot be booted, namespaces and mounts are refused: %v %s", err, out))
	}
}

// v1Hierarchies are those that systemd makes groups in where controllers are
// in version 1; it mounts version 2 beside them ("hybrid").
var v1Hierarchies = []string{"systemd", "memory", "pids", "cpu", "cpuacct", "blkio", "devices", "unified"}

// ownCgroups makes a control group for the machine in each hierarchy that it
// needs, so that it touches no other, and removes them when the test ends.
func ownCgroups(t testing.TB, version Cgroups) []string {
	t.Helper()
	var parents []string
	switch version {
	case CgroupsV1:
		for _, hierarchy := range v1Hierarchies {
			parents = append(parents, filepath.Join("/sys/fs/cgroup", hierarchy))
		}
	case CgroupsV2:
		parents = []string{"/sys/fs/cgroup"}
		if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
			parents = []string{"/sys/fs/cgroup/unified"}
		}
	}
	own := make([]string, len(parents))
	for i, parent := range parents {
		if _, err := os.Stat(filepath.Join(parent, "cgroup.procs")); err != nil {
			Skip(t, "this kernel has no control groups "+string(version)+" to boot a systemd with: "+err.Error())
		}
		own[i] = filepath.Join(parent, fmt.Sprintf("tocsin-test-%d-%s", os.Getpid(), filepath.Base(t.TempDir())))
		if err := os.Mkdir(own[i], 0o755); err != nil {
			Skip(t, "a control group cannot be made: "+err.Error())
		}
		t.Cleanup(func() { removeCgroup(t, own[i]) })
	}
	return own
}

// removeCgroup removes a control group and those in it. Groups empty
// themselves a little after their processes have ended.
func removeCgroup(t testing.TB, root string) {
	t.Helper()
	Eventually(t, 10*time.Second, "the control groups are gone", func(context.Context) error {
		var groups []string
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				groups = append(groups, path)
			}
			return nil
		})
		for _, group := range slices.Backward(groups) { // the inner ones first
			err = os.Remove(group)
		}
		return err
	})
}

// enterCgroups puts the shell into the control groups, and goes on with
// bootSystemd where they are the roots of all that can be seen.
const enterCgroups = `
unshare=$1 sh=$2 script=$3
shift 3
root=$1 version=$2 etc=$3 systemd=$4
shift 4
for group; do echo 0 >"$group/cgroup.procs"; done
exec "$unshare" --cgroup "$sh" -ec "$script" boot "$root" "$version" "$etc" "$systemd"
`

// bootSystemd makes the machine's files and becomes its systemd.
const bootSystemd = `
root=$1 version=$2 etc=$3 systemd=$4
mount --make-rprivate /
mount -t tmpfs -o mode=755 machine "$root"
cd "$root"
mkdir usr run tmp proc sys dev root old var
chmod 1777 tmp
for name in bin sbin lib lib32 lib64 libx32; do
	if [ -L "/$name" ]; then ln -s "usr/$name" "$name"; fi
done
mount --bind /usr usr
mount -o remount,bind,ro usr
cp -r "$etc" etc
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 dev dev
mkdir dev/shm dev/pts
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=755 run run
if [ "$version" = v2 ]; then
	mount -t cgroup2 cgroup2 sys/fs/cgroup
else
	mount -t tmpfs -o mode=755 cgroup sys/fs/cgroup
	for name in memory pids cpu cpuacct blkio; do
		mkdir "sys/fs/cgroup/$name"
		mount -t cgroup -o "$name" cgroup "sys/fs/cgroup/$name"
	done
	mkdir sys/fs/cgroup/systemd
	mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi
pivot_root . old
umount -l /old
exec env -i PATH=/usr/sbin:/usr/bin container=lxc "$systemd" --log-target=null --show-status=no
`
