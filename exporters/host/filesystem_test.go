//go:build linux

package host

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/frame"
)

// line is one line of mountinfo.
func line(id int, device, point, kind, source string) string {
	return fmt.Sprintf("%d 1 %s / %s rw,relatime shared:1 - %s %s rw\n", id, device, point, kind, source)
}

// withMounts makes the collector filesystem of a machine with these mounts.
func withMounts(t testing.TB, mountinfo string, statfs statfsFunc) (c frame.Collector, root string) {
	t.Helper()
	root = write(t, map[string]string{"proc/1/mountinfo": mountinfo})
	k := fakeKernel()
	k.statfs = statfs
	return find(t, machineIn(root, k), "filesystem"), root
}

// server is a file server that can hang. While it does, calls below /mnt do
// not return.
type server struct {
	mu     sync.Mutex // guards what follows
	hangs  bool
	mended chan struct{}
	asked  atomic.Int64 // calls below /mnt
}

func (s *server) hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs, s.mended = true, make(chan struct{})
}

func (s *server) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs = false
	close(s.mended)
}

func (s *server) statfs(_ context.Context, path string) (usage, error) {
	if !strings.HasPrefix(path, "/mnt") {
		return usage{size: 100, free: 50, available: 40, files: 30, filesFree: 20}, nil
	}
	s.asked.Add(1)
	s.mu.Lock()
	hangs, mended := s.hangs, s.mended
	s.mu.Unlock()
	if hangs {
		<-mended
	}
	return usage{size: 200}, nil
}

const (
	localLabels = `{device="/dev/sda1",device_error="",fstype="ext4",mountpoint="/"}`
	nasLabels   = `{device="nas:/a",device_error="",fstype="nfs4",mountpoint="/mnt/a"}`
	nasLate     = `{device="nas:/a",device_error="mountpoint timeout",fstype="nfs4",mountpoint="/mnt/a"}`
)

func hungMounts() string {
	return line(20, "8:1", "/", "ext4", "/dev/sda1") + line(31, "0:50", "/mnt/a", "nfs4", "nas:/a") +
		line(32, "0:51", "/mnt/b", "nfs4", "nas:/b")
}

func TestFilesystem_hungMountIsFlaggedAndTheRestIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nas := &server{}
		nas.hang()
		c, _ := withMounts(t, hungMounts(), nas.statfs)
		r := run(t, c, 10*time.Second)
		wantFailure(t, r, frame.ReasonStalled, `"/mnt/a"`, `"/mnt/b"`)
		wantSamples(t, r, map[string]float64{
			"node_filesystem_size_bytes" + localLabels:   100,
			"node_filesystem_free_bytes" + localLabels:   50,
			"node_filesystem_avail_bytes" + localLabels:  40,
			"node_filesystem_files" + localLabels:        30,
			"node_filesystem_files_free" + localLabels:   20,
			"node_filesystem_device_error" + localLabels: 0,
			"node_filesystem_device_error" + nasLate:     1,
			"node_filesystem_readonly" + nasLate:         0,
			"node_filesystem_size_bytes" + nasLate:       -1,
			"node_filesystem_device_error" + nasLabels:   -1,
		})
		if r.took > patience {
			t.Errorf("the run took %v, more than its patience of %v", r.took, patience)
		}
		nas.mend()
	})
}

func TestFilesystem_hungMountIsAskedOnceAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nas := &server{}
		nas.hang()
		c, _ := withMounts(t, hungMounts(), nas.statfs)
		run(t, c, 10*time.Second)
		before := runtime.NumGoroutine()
		for range 1000 {
			r := run(t, c, 10*time.Second)
			if r.reason != frame.ReasonStalled || r.took > 0 {
				t.Fatalf("a later run took %v with reason %q; it must not wait for a mount that hangs already", r.took, r.reason)
			}
		}
		synctest.Wait()
		if after := runtime.NumGoroutine(); after > before+5 { // the runtime has some of its own, which come and go
			t.Errorf("goroutines grew from %d to %d over 1000 runs", before, after)
		}
		if n := nas.asked.Load(); n != 2 {
			t.Errorf("the two hung mounts were asked %d times, want once each", n)
		}
		nas.mend()
		synctest.Wait()
		r := run(t, c, 10*time.Second)
		if r.reason != "" {
			t.Errorf("after the server came back: %s: %s", r.reason, r.err)
		}
		wantSamples(t, r, map[string]float64{
			"node_filesystem_size_bytes" + nasLabels:   200,
			"node_filesystem_device_error" + nasLabels: 0,
			"node_filesystem_device_error" + nasLate:   -1,
		})
	})
}

func TestFilesystem_answersBeforeAShortDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nas := &server{}
		nas.hang()
		c, _ := withMounts(t, hungMounts(), nas.statfs)
		r := run(t, c, 500*time.Millisecond)
		if r.took >= 500*time.Millisecond {
			t.Errorf("the run took %v of its 500ms", r.took)
		}
		wantFailure(t, r, frame.ReasonStalled)
		wantSamples(t, r, map[string]float64{"node_filesystem_size_bytes" + localLabels: 100})
		nas.mend()
	})
}

func TestFilesystem_waitsWhileMountsKeepAnswering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := withMounts(t, hungMounts(), func(_ context.Context, path string) (usage, error) {
			switch path { // a fake clock: this is when each answers
			case "/mnt/a":
				<-time.After(1500 * time.Millisecond)
			case "/mnt/b":
				<-time.After(3 * time.Second)
			}
			return usage{size: 7}, nil
		})
		r := run(t, c, 10*time.Second)
		if r.reason != "" || r.took != 3*time.Second {
			t.Errorf("took %v with %q (%s), want to have waited for both", r.took, r.reason, r.err)
		}
	})
}

func TestFilesystem_mountedAnewIsAskedThoughTheOldHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nas := &server{}
		nas.hang()
		c, root := withMounts(t, hungMounts(), nas.statfs)
		run(t, c, 10*time.Second)

		again := line(20, "8:1", "/", "ext4", "/dev/sda1") + line(77, "0:60", "/mnt/a", "nfs4", "nas:/a")
		if err := os.WriteFile(filepath.Join(root, "proc/1/mountinfo"), []byte(again), 0o644); err != nil {
			t.Fatal(err)
		}
		old := nas.mended
		nas.mu.Lock()
		nas.hangs = false
		nas.mu.Unlock()
		r := run(t, c, 10*time.Second)
		if r.reason != "" {
			t.Errorf("the new mount: %s: %s", r.reason, r.err)
		}
		wantSamples(t, r, map[string]float64{"node_filesystem_size_bytes" + nasLabels: 200})
		close(old)
	})
}

func TestFilesystem_errorsAreFlaggedAndNoFailure(t *testing.T) {
	c, _ := withMounts(t, hungMounts(), func(_ context.Context, path string) (usage, error) {
		if path == "/mnt/a" {
			return usage{}, os.ErrPermission
		}
		return usage{size: 1}, nil
	})
	r := run(t, c, time.Second)
	if r.reason != "" {
		t.Errorf("reason %q (%s)", r.reason, r.err)
	}
	wantSamples(t, r, map[string]float64{
		`node_filesystem_device_error{device="nas:/a",device_error="permission denied",fstype="nfs4",mountpoint="/mnt/a"}`: 1,
		"node_filesystem_size_bytes" + localLabels: 1,
	})
}

func TestFilesystem_malformedLinesCostThemselves(t *testing.T) {
	nas := &server{}
	broken := "what is this\n" + hungMounts() + "33 1 nonsense / /x rw - ext4 /dev/x rw\n34 1 8:3 / /cut rw - ext4"
	c, _ := withMounts(t, broken, nas.statfs)
	r := run(t, c, time.Second)
	wantFailure(t, r, frame.ReasonError, `"what is this\n"`, "nonsense", "/cut")
	wantSamples(t, r, map[string]float64{
		"node_filesystem_size_bytes" + localLabels: 100, "node_filesystem_size_bytes" + nasLabels: 200,
	})
}

func TestFilesystem_fallsBackToItsOwnViewAndSaysSo(t *testing.T) {
	root := write(t, map[string]string{"proc/self/mountinfo": hungMounts()})
	var log strings.Builder
	cfg := Config{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys")}
	cfg.SetDefaults()
	k := fakeKernel()
	k.statfs = (&server{}).statfs
	c := find(t, plain(newMachine(cfg, k, slog.New(slog.NewTextHandler(&log, nil))).collectors()), "filesystem")
	for range 3 {
		r := run(t, c, time.Second)
		if r.reason != "" {
			t.Fatalf("%s: %s", r.reason, r.err)
		}
		wantSamples(t, r, map[string]float64{"node_filesystem_size_bytes" + localLabels: 100})
	}
	if n := strings.Count(log.String(), "as this process sees them"); n != 1 {
		t.Errorf("it was said %d times, want once:\n%s", n, log.String())
	}
}

func TestFilesystem_seesChangesOfTheList(t *testing.T) {
	c, root := withMounts(t, hungMounts(), (&server{}).statfs)
	path := filepath.Join(root, "proc/1/mountinfo")
	for i, mounts := range []string{
		hungMounts(), strings.Replace(hungMounts(), "/ rw,", "/ ro,", 1), hungMounts(), line(1, "8:1", "/", "ext4", "/dev/sda1"),
	} {
		if err := os.WriteFile(path, []byte(mounts), 0o644); err != nil {
			t.Fatal(err)
		}
		r := run(t, c, time.Second)
		want := map[string]float64{"node_filesystem_readonly" + localLabels: 0, "node_filesystem_size_bytes" + nasLabels: 200}
		switch i {
		case 1:
			want["node_filesystem_readonly"+localLabels] = 1
		case 3:
			want["node_filesystem_size_bytes"+nasLabels] = -1
		}
		wantSamples(t, r, want)
	}
}

// What of process 1's list this process can see, case by case.
func TestFilesystem_hiddenMounts(t *testing.T) {
	one := line(1, "8:1", "/", "ext4", "/dev/sda1") + line(2, "8:2", "/home", "ext4", "/dev/sda2") +
		line(3, "8:3", "/home/data", "ext4", "/dev/sda3") + line(4, "8:4", "/homestead", "ext4", "/dev/sda4")
	cases := map[string]struct {
		own    string
		hidden []string
	}{
		"the same":                 {one, nil},
		"read-only for us":         {strings.ReplaceAll(one, "rw,relatime", "ro,relatime"), nil},
		"a private folder more":    {one + line(9, "8:1", "/tmp", "ext4", "/dev/sda1"), nil},
		"covered":                  {one + line(9, "0:77", "/home", "tmpfs", "tmpfs"), []string{"/home"}},
		"covered, nothing below":   {line(1, "8:1", "/", "ext4", "/dev/sda1") + line(9, "0:77", "/home", "tmpfs", "tmpfs"), []string{"/home", "/home/data", "/homestead"}},
		"not propagated":           {line(1, "8:1", "/", "ext4", "/dev/sda1") + line(2, "8:2", "/home", "ext4", "/dev/sda2"), []string{"/home/data", "/homestead"}},
		"covered and put back":     {one + line(8, "0:77", "/home", "tmpfs", "tmpfs") + line(9, "8:2", "/home", "ext4", "/dev/sda2"), nil},
		"another root":             {line(1, "0:88", "/", "overlay", "overlay"), []string{"/", "/home", "/home/data", "/homestead"}},
		"a malformed line is none": {one + "garbage\n", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := write(t, map[string]string{"proc/1/mountinfo": one, "proc/self/mountinfo": tc.own})
			k := fakeKernel()
			r := run(t, find(t, machineIn(root, k), "filesystem"), time.Second)
			var hidden []string
			for i, point := range []string{"/", "/home", "/home/data", "/homestead"} {
				labels := fmt.Sprintf(`{device="/dev/sda%d",device_error=%q,fstype="ext4",mountpoint=%q}`, i+1, errorHidden, point)
				if r.samples["node_filesystem_device_error"+labels] == 1 {
					hidden = append(hidden, point)
				}
			}
			if fmt.Sprint(hidden) != fmt.Sprint(tc.hidden) {
				t.Errorf("hidden are %v, want %v", hidden, tc.hidden)
			}
		})
	}
}

func TestFilesystem_rootOfTheMachineElsewhere(t *testing.T) {
	root := write(t, map[string]string{"proc/1/mountinfo": line(1, "8:1", "/host", "ext4", "/dev/sda1") +
		line(2, "8:2", "/host/var", "ext4", "/dev/sda2") + line(3, "8:3", "/hostile", "ext4", "/dev/sda3")})
	cfg := Config{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys"), Root: "/host"}
	cfg.SetDefaults()
	k := fakeKernel()
	var mu sync.Mutex
	asked := map[string]bool{}
	k.statfs = func(_ context.Context, path string) (usage, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[path] = true
		return usage{size: 1}, nil
	}
	r := run(t, find(t, plain(newMachine(cfg, k, discard()).collectors()), "filesystem"), time.Second)
	wantSamples(t, r, map[string]float64{
		`node_filesystem_size_bytes{device="/dev/sda1",device_error="",fstype="ext4",mountpoint="/"}`:    1,
		`node_filesystem_size_bytes{device="/dev/sda2",device_error="",fstype="ext4",mountpoint="/var"}`: 1,
	})
	for _, path := range []string{"/host", "/host/var"} {
		if !asked[path] {
			t.Errorf("%s was not asked, but %v", path, asked)
		}
	}
}

func FuzzSplitMount(f *testing.F) {
	for _, seed := range strings.SplitAfter(hungMounts(), "\n") {
		f.Add([]byte(seed))
	}
	f.Add([]byte("1 2 0:1 / /a\\040b rw - tmpfs  rw\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		raw, ok := splitMount(b)
		if !ok {
			return
		}
		if m, ok := raw.decode("/host"); ok && !strings.HasPrefix(m.listed, "/") {
			t.Errorf("%q: mount point %q does not begin at the root", b, m.listed)
		}
	})
}
