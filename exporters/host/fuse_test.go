//go:build linux

package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// Of the kernel's FUSE protocol (linux/fuse.h): the two requests that a mount
// and a statfs(2) need, and the sizes of what they are answered with.
const (
	fuseStatfs, fuseInit       = 17, 26
	fuseRequest, fuseReply     = 40, 16
	fuseInitSize, fuseStatSize = 64, 80
)

// hangingMount mounts a file system that says it is there and then answers
// nothing, until mend is called.
func hangingMount(t *testing.T) (point string, mend func()) {
	t.Helper()
	testenv.Root(t, "mounts a FUSE file system")
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		testenv.Skip(t, "this kernel has no /dev/fuse: "+err.Error())
	}
	point = t.TempDir()
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)
	if err := unix.Mount("tocsin-test", point, "fuse", unix.MS_NODEV|unix.MS_NOSUID, options); err != nil {
		_ = unix.Close(fd)
		testenv.Skip(t, "a FUSE file system cannot be mounted here: "+err.Error())
	}
	mended, done := make(chan struct{}), make(chan struct{})
	go func() { // ends when the file system is unmounted
		defer close(done)
		serveFuse(fd, mended)
	}()
	t.Cleanup(func() {
		if err := unix.Unmount(point, unix.MNT_FORCE|unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", point, err)
		}
		select {
		case <-mended:
		default:
			close(mended)
		}
		<-done
		_ = unix.Close(fd)
	})
	return point, func() { close(mended) }
}

func serveFuse(fd int, mended <-chan struct{}) {
	request := make([]byte, 1<<17)
	for {
		n, err := unix.Read(fd, request)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil || n < fuseRequest {
			return
		}
		opcode, unique := binary.NativeEndian.Uint32(request[4:]), binary.NativeEndian.Uint64(request[8:])
		size := 0
		switch opcode {
		case fuseInit:
			size = fuseInitSize
		case fuseStatfs:
			size = fuseStatSize
			<-mended
		default:
			continue
		}
		reply := make([]byte, fuseReply+size)
		binary.NativeEndian.PutUint32(reply, uint32(len(reply)))
		binary.NativeEndian.PutUint64(reply[8:], unique)
		body := reply[fuseReply:]
		if opcode == fuseInit {
			binary.NativeEndian.PutUint32(body, 7)      // protocol 7.31
			binary.NativeEndian.PutUint32(body[4:], 31) //
		} else {
			binary.NativeEndian.PutUint64(body, 1000)     // blocks
			binary.NativeEndian.PutUint32(body[40:], 512) // of that size
			binary.NativeEndian.PutUint32(body[48:], 512)
		}
		_, _ = unix.Write(fd, reply) // the file system may be gone
	}
}

// entries counts what lies in a folder of /proc.
func entries(t *testing.T, path string) int {
	t.Helper()
	list, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestFilesystem_realHangingMount(t *testing.T) {
	point, mend := hangingMount(t)
	var cfg Config
	cfg.SetDefaults()
	all := plain(New(cfg, discard()))

	start := time.Now()
	text, states := page(t, all)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the page took %v", took)
	}
	for _, s := range states {
		want := frame.Reason("")
		if s.Collector == "filesystem" {
			want = frame.ReasonStalled
			if !strings.Contains(s.Error, strconv.Quote(point)) {
				t.Errorf("the error %q does not name %s", s.Error, point)
			}
		}
		if s.Reason != want {
			t.Errorf("collector %s: reason %q (%s), want %q", s.Collector, s.Reason, s.Error, want)
		}
	}
	late := fmt.Sprintf("node_filesystem_device_error{device=\"tocsin-test\",device_error=\"mountpoint timeout\",fstype=\"fuse\",mountpoint=%q} 1\n", point)
	for _, want := range []string{late, "node_filesystem_size_bytes{", `mountpoint="/"`, "node_load1 ", "node_cpu_seconds_total{"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %s", want)
		}
	}

	c := find(t, all, "filesystem")
	threads, files := entries(t, "/proc/self/task"), entries(t, "/proc/self/fd")
	for range 1000 {
		if r := run(t, c, 10*time.Second); r.took > time.Second {
			t.Fatalf("a later run took %v", r.took)
		}
	}
	// The runtime may start a thread or two of its own; 1000 hung calls would
	// have taken a thread each.
	if now := entries(t, "/proc/self/task"); now > threads+10 {
		t.Errorf("threads grew from %d to %d over 1000 runs", threads, now)
	}
	if now := entries(t, "/proc/self/fd"); now > files+10 {
		t.Errorf("open files grew from %d to %d over 1000 runs", files, now)
	}

	mend()
	size := fmt.Sprintf(`node_filesystem_size_bytes{device="tocsin-test",device_error="",fstype="fuse",mountpoint=%q}`, point)
	deadline := time.Now().Add(20 * time.Second)
	for {
		r := run(t, c, 10*time.Second)
		if r.samples[size] == 512000 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the mount answers again, but its size does not come back: %s", r.err)
		}
	}
}
