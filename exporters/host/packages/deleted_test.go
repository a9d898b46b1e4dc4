package packages

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/testenv"
)

func TestDeletedCode(t *testing.T) {
	for line, want := range map[string]bool{
		"7f8a2c200000-7f8a2c3b1000 r-xp 00028000 fe:01 1234   /usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)\n": true,
		"7f8a2c200000-7f8a2c3b1000 r-xp 00028000 fe:01 1234   /lib/x86_64-linux-gnu/libc.so.6 (deleted)":       true,
		"55d0c8a2b000-55d0c8b10000 r-xp 0002b000 fe:01 1311   /usr/sbin/nginx (deleted)\n":                     true,
		"55d0c8a2b000-55d0c8b10000 rwxp 0002b000 fe:01 1311   /usr/libexec/a b (deleted)\n":                    true,
		"7f8a2c200000-7f8a2c3b1000 r-xp 00028000 fe:01 1234   /usr/lib/x86_64-linux-gnu/libc.so.6\n":           false,
		"7f8a2c200000-7f8a2c3b1000 r--p 00028000 fe:01 1234   /usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)\n": false,
		"7f8a2c200000-7f8a2c3b1000 r-xp 00000000 00:01 2061   /memfd:doublemapper (deleted)\n":                 false,
		"7f8a2c200000-7f8a2c3b1000 r-xs 00000000 00:05 1      /dev/zero (deleted)\n":                           false,
		"7f8a2c200000-7f8a2c3b1000 r-xp 00000000 00:05 1      /opt/app/lib/x.so (deleted)\n":                   false,
		"7f8a2c200000-7f8a2c3b1000 r-xp 00000000 00:05 1      /home/a/usr/lib/x.so (deleted)\n":                false,
		"7f8a2c200000-7f8a2c3b1000 r-xp 00000000 00:00 0 \n":                                                   false,
		" (deleted)": false, "x (deleted)": false, "x rx (deleted)": false, "/usr/lib/x (deleted)": false, "": false,
	} {
		if got := deletedCode([]byte(line)); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

func FuzzDeletedCode(f *testing.F) {
	f.Add([]byte("7f8a2c200000-7f8a2c3b1000 r-xp 00028000 fe:01 1234   /usr/lib/libc.so.6 (deleted)\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if deletedCode(line) && (!bytes.Contains(line, []byte("x")) || !bytes.Contains(line, []byte("/")) || !bytes.Contains(line, []byte(" (deleted)"))) {
			t.Errorf("%q", line)
		}
	})
}

func TestUnitOfPath(t *testing.T) {
	hash := strings.Repeat("0123abcd", 8)
	for path, want := range map[string]string{
		"/system.slice/nginx.service":                                                 "nginx.service",
		"/system.slice/system-postgresql.slice/postgresql@15-main.service":            "postgresql@15-main.service",
		"/system.slice/containerd.service/x":                                          "containerd.service",
		"/init.scope":                                                                 "init.scope",
		"/user.slice/user-1000.slice/session-3.scope":                                 "user.slice",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox-1.scope": "user.slice",
		"/system.slice/docker-" + hash + ".scope":                                     "container",
		"/kubepods.slice/kubepods-pod" + hash + ".slice/cri-containerd-x.scope":       "container",
		"/machine.slice":             "machine.slice",
		"/":                          "unknown",
		"":                           "unknown",
		"/system.slice/\xff.service": "\uFFFD.service",
	} {
		if got := unitOfPath(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

const staleMap = "7f00-7f01 r-xp 0 fe:01 1 /usr/lib/libssl.so.3 (deleted)\n"

func TestStale_sumsUpByUnit(t *testing.T) {
	files := map[string]string{"9/x": "", "self/maps": staleMap, "sys/maps": staleMap}
	for pid, unit := range map[int]string{10: "a.service", 11: "a.service", 12: "b.service"} {
		files[fmt.Sprintf("%d/maps", pid)] = strings.Repeat("7f00-7f01 r--p 0 fe:01 1 /usr/lib/x\n", 5000) + staleMap
		files[fmt.Sprintf("%d/cgroup", pid)] = "12:cpu:/x\n1:name=systemd:/system.slice/" + unit + "\n0::/\n"
	}
	files["13/maps"], files["14/maps"], files["15/maps"] = "", "noise\n\x00", staleMap
	files["16/maps"] = "7f00-7f01 r-xp 0 fe:01 1 /usr/lib/libssl.so.3\n"
	got, err := readStale(t.Context(), testenv.Tree(t, files))
	want := stale{units: map[string]int{"a.service": 2, "b.service": 1, "unknown": 1}, looked: 7}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(stale{})); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestStale_containersAreNotTheHosts(t *testing.T) {
	root := testenv.Tree(t, map[string]string{"1/maps": "", "20/maps": staleMap, "20/cgroup": "0::/system.slice/a.service\n", "21/maps": staleMap})
	for pid, namespace := range map[string]string{"1": "pid:[1]", "20": "pid:[1]", "21": "pid:[2]"} {
		if err := os.Mkdir(filepath.Join(root, pid, "ns"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(namespace, filepath.Join(root, pid, "ns/pid")); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readStale(t.Context(), root)
	if err != nil || got.units["a.service"] != 1 || len(got.units) != 1 || got.looked != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestStale_isBounded(t *testing.T) {
	files := map[string]string{}
	for pid := range 300 {
		files[fmt.Sprintf("%d/maps", pid+1)] = staleMap
		files[fmt.Sprintf("%d/cgroup", pid+1)] = fmt.Sprintf("0::/system.slice/%d.service\n", pid)
	}
	got, err := readStale(t.Context(), testenv.Tree(t, files))
	if err != nil || len(got.units) != maxUnits+1 || got.units["others"] != 300-maxUnits {
		t.Errorf("%d units, %d others, %v", len(got.units), got.units["others"], err)
	}
	r := mapsReader{in: nil, left: 0}
	if _, err := r.runsDeleted("/proc/self/maps"); !errors.Is(err, errTooMuch) {
		t.Errorf("without bytes left: %v", err)
	}
}

// A real process runs a program that is deleted under it, in a mount namespace
// of its own, so that the machine's folders stay as they are.
func TestStale_realProcess(t *testing.T) {
	testenv.Root(t, "a mount namespace is made")
	const script = `mount -t tmpfs tmpfs /usr/sbin && cp /bin/sleep /usr/sbin/tocsin-test || exit 1
		( until [ "$(readlink /proc/$$/exe)" = /usr/sbin/tocsin-test ]; do :; done; rm /usr/sbin/tocsin-test ) &
		exec /usr/sbin/tocsin-test 300`
	p := testenv.StartCmd(t, exec.CommandContext(t.Context(), testenv.Program(t, "unshare", "util-linux"), "--mount", "sh", "-c", script))
	testenv.Eventually(t, 20*time.Second, "a process that runs deleted code", func(ctx context.Context) error {
		select {
		case <-p.Done():
			return fmt.Errorf("it ended: %s", p.Output())
		default:
		}
		in := mapsReader{in: bufio.NewReader(nil), left: maxAllMaps}
		if runs, err := in.runsDeleted(fmt.Sprintf("/proc/%d/maps", p.PID())); !runs || err != nil {
			return fmt.Errorf("it runs deleted code: %v, %w", runs, err)
		}
		found, err := readStale(ctx, "/proc")
		if err == nil && len(found.units) == 0 {
			err = errors.New("it is not among all processes")
		}
		return err
	})
}

// The processes of others are not read without root, and this is said.
func TestStale_whatMayNotBeReadIsCounted(t *testing.T) {
	testenv.Root(t, "the test runs once more as nobody")
	// The program of the test lies where nobody else may look: it is handed over open.
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run", "^TestStale_asNobody$", "-test.v")
	cmd.ExtraFiles = []*os.File{self}
	cmd.Env = append(os.Environ(), "TOCSIN_TEST_AS_NOBODY=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS: TestStale_asNobody")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestStale_asNobody(t *testing.T) {
	if os.Getenv("TOCSIN_TEST_AS_NOBODY") == "" {
		return // the test above runs it
	}
	found, err := readStale(t.Context(), "/proc")
	if err != nil || found.unread == 0 || found.looked == 0 {
		t.Errorf("%+v, %v: want this process read and others not", found, err)
	}
}
