//go:build linux

package host

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

func standingRoots() *roots {
	var cfg Config
	cfg.SetDefaults()
	return newRoots(cfg)
}

func content(t *testing.T, r *roots, path string) string {
	t.Helper()
	var text string
	if err := r.read(path, func(b []byte) error { text = string(bytes.Clone(b)); return nil }); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestStanding_isMadeAnewAtEachRead(t *testing.T) {
	r := standingRoots()
	first := content(t, r, "/proc/uptime")
	f := r.standing.find("/proc/uptime")
	if f == nil || f.fd < 0 {
		t.Fatal("/proc/uptime does not stay open")
	}
	fd := f.fd
	eventually := false
	for range 10_000_000 { // the clock has hundredths of a second
		if content(t, r, "/proc/uptime") != first {
			eventually = true
			break
		}
	}
	if !eventually || f.fd != fd {
		t.Errorf("the time stands still, or the file was opened again")
	}
	want, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := content(t, r, "/proc/filesystems"); got != string(want) {
			t.Errorf("%d bytes, want %d", len(got), len(want))
		}
	}
}

func TestStanding_isOpenedAgainAfterAnError(t *testing.T) {
	r := standingRoots()
	content(t, r, "/proc/loadavg")
	f := r.standing.find("/proc/loadavg")
	shut(f.fd)
	f.fd = 1 << 20 // what is read from it fails
	if content(t, r, "/proc/loadavg") == "" || f.fd == 1<<20 {
		t.Error("it was not opened again")
	}
}

func TestStanding_notProcessesNotOtherTreesAndNotManyFiles(t *testing.T) {
	r := standingRoots()
	for _, path := range []string{"/proc/1/stat", "/proc/self/mountinfo", "/proc/thread-self/stat", "/sys/kernel/mm/ksm/run", "/etc/os-release", "/proc/"} {
		if r.standing.find(path) != nil {
			t.Errorf("%s stays open", path)
		}
	}
	if fixtures := newRoots(Config{Proc: "testdata/vm/proc"}); fixtures.standing.find("testdata/vm/proc/stat") != nil {
		t.Error("a file of the fixtures stays open")
	}
	kept := 0
	for i := range 2 * maxStanding {
		if r.standing.find(fmt.Sprintf("/proc/sys/x%d", i)) != nil {
			kept++
		}
	}
	if kept != maxStanding {
		t.Errorf("%d files stay open, want %d", kept, maxStanding)
	}
}
