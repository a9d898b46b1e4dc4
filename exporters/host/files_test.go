//go:build linux

package host

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestRoots_readsFilesOfAnyLength(t *testing.T) {
	r := &roots{}
	for _, length := range []int{0, 1, 16<<10 - 1, 16 << 10, 16<<10 + 1, 300_000} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(strings.Repeat("x", length)), 0o644); err != nil {
			t.Fatal(err)
		}
		err := r.read(path, func(b []byte) error {
			if len(b) != length {
				t.Errorf("read %d bytes of %d", len(b), length)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestRoots_refusesWhatHasNoEnd(t *testing.T) {
	err := (&roots{}).read("/dev/zero", func([]byte) error { t.Error("it was used"); return nil })
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("the error is %v", err)
	}
}

func TestRoots_errorsAreThoseOfFiles(t *testing.T) {
	err := (&roots{}).read("/nonexistent/file", func([]byte) error { return nil })
	if !os.IsNotExist(err) || !strings.Contains(err.Error(), "/nonexistent/file") {
		t.Errorf("the error is %v", err)
	}
	if err := optional("the file", err); err != nil {
		t.Errorf("a missing file is optional, but %v", err)
	}
	if err := optional("the file", fs.ErrPermission); err == nil {
		t.Error("a closed file is no missing file")
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "007": 7, "18446744073709551615": math.MaxUint64, "1844674407370955161": 1844674407370955161,
	} {
		if got, ok := number([]byte(text)); !ok || got != want {
			t.Errorf("%q is %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "-1", "1.5", "0x10", "18446744073709551616", "18446744073709551620", "99999999999999999999", "111111111111111111111", " 1"} {
		if got, ok := number([]byte(text)); ok {
			t.Errorf("%q is no number, but %d", text, got)
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"0", "18446744073709551615", "18446744073709551616", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := number([]byte(text))
		want, err := strconv.ParseUint(text, 10, 64)
		if len(text) <= 20 && (ok != (err == nil) || got != want && ok) {
			t.Errorf("%q is %d, %v; strconv says %d, %v", text, got, ok, want, err)
		}
	})
}
