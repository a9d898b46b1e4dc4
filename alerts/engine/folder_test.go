package engine

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"tocsin/internal/testenv"
)

// small mounts a file system of some kilobytes, or one that is read-only.
func small(t *testing.T, size string, flags uintptr) string {
	t.Helper()
	testenv.Root(t, "to mount a small file system")
	dir := t.TempDir()
	if err := unix.Mount("tocsin-test", dir, "tmpfs", flags, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func open(dir string) error {
	e, err := New(Options{
		Config: Config{Retention: defaultRetention}, DataDir: filepath.Join(dir, "data"),
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}, Settings{Voice: &recorder{}})
	if e != nil {
		e.Stop()
	}
	return err
}

func TestNew_aFullDiskIsToldInClearWords(t *testing.T) {
	dir := small(t, "64k", 0)
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "full"), make([]byte, 128<<10), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filling: %v", err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "full"))
	if err != nil {
		t.Fatal(err)
	}
	err = open(dir)
	if !errors.Is(err, ErrDataFolder) || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("error %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "full")); err != nil || len(after) != len(before) {
		t.Error("what was there is lost")
	}
}

func TestNew_aReadOnlyDiskIsToldInClearWords(t *testing.T) {
	err := open(small(t, "1m", unix.MS_RDONLY))
	if !errors.Is(err, ErrDataFolder) || !strings.Contains(err.Error(), "read-only file system; choose another with --data-dir or data_dir") {
		t.Errorf("error %v", err)
	}
}

func TestBallast_goesWhenTheDiskIsFullAndComesBack(t *testing.T) {
	dir := small(t, "300m", 0)
	b := newBallast(dir, slog.New(slog.DiscardHandler))
	there := func() bool { _, err := os.Stat(b.path); return err == nil }
	b.check()
	if !there() {
		t.Fatal("no ballast although there is room")
	}
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Fallocate(int(filler.Fd()), 0, 0, 290<<20); err != nil {
		t.Fatal(err)
	}
	b.check()
	if there() || !b.dropped.Load() {
		t.Error("the disk is full and the ballast is still there")
	}
	if err := os.WriteFile(filepath.Join(dir, "state"), make([]byte, 1<<20), 0o600); err != nil {
		t.Errorf("state cannot be written although the ballast went: %v", err)
	}
	if err := errors.Join(filler.Close(), os.Remove(filler.Name())); err != nil {
		t.Fatal(err)
	}
	b.check()
	if !there() || b.dropped.Load() {
		t.Error("there is room again and no ballast")
	}
}
