package mattermost

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newStore(t *testing.T, now *time.Time) *store {
	t.Helper()
	return &store{
		path: filepath.Join(t.TempDir(), "state.json"),
		now:  func() time.Time { return *now }, log: slog.New(slog.DiscardHandler),
	}
}

func TestStore_keepsOverRestarts(t *testing.T) {
	now := noon
	s := newStore(t, &now)
	s.put(entry{Group: "g", Post: "p", Told: told{Count: 2, Firing: []string{"a"}, Number: 1, Opened: now}, Reply: &intent{ID: "i"}})
	again := &store{path: s.path, now: s.now, log: s.log}
	e, lost := again.get("g")
	if lost || e.Post != "p" || e.Told.Count != 2 || e.Reply == nil || !e.Told.Settled.IsZero() {
		t.Errorf("got %+v, lost %t", e, lost)
	}
	info, err := os.Stat(s.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	files, err := os.ReadDir(filepath.Dir(s.path))
	if err != nil || len(files) != 1 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestStore_removesLeftovers(t *testing.T) {
	now := noon
	s := newStore(t, &now)
	left := s.path + ".tmp-123"
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.get("g")
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestStore_forgetsWhatIsOld(t *testing.T) {
	now := noon
	s := newStore(t, &now)
	s.path = ""
	s.put(entry{Group: "settled", Told: told{Settled: noon}})
	s.put(entry{Group: "open"})
	now = now.Add(8 * 24 * time.Hour)
	s.put(entry{Group: "new"})
	for group, want := range map[string]bool{"settled": false, "open": true, "new": true} {
		if _, there := s.entries[group]; there != want {
			t.Errorf("%s: %t", group, there)
		}
	}
}

func TestStore_isBounded(t *testing.T) {
	now := noon
	s := newStore(t, &now)
	s.path = ""
	for i := range maxEntries + 50 {
		now = now.Add(time.Second)
		e := entry{Group: fmt.Sprintf("open %d", i)}
		if i < 20 {
			e = entry{Group: fmt.Sprintf("settled %d", i), Told: told{Settled: now}}
		}
		s.put(e)
	}
	if len(s.entries) != maxEntries {
		t.Errorf("%d entries", len(s.entries))
	}
	for g := range s.entries {
		if strings.HasPrefix(g, "settled") {
			t.Errorf("%s was kept rather than one that fires", g)
		}
	}
	if _, there := s.entries["open 20"]; there {
		t.Error("the oldest was kept")
	}
}

// A disk that is full must not keep the voice silent.
func TestStore_unwritableDoesNotSilence(t *testing.T) {
	l := newLab(t)
	l.state = filepath.Join(t.TempDir(), "missing", "state.json")
	l.restart()
	l.mustSay(fire())
	l.mustSay(grow())
	l.mustSay(settle())
	if p := l.only(); p.Color() != "good" || len(p.Replies) != 2 {
		t.Errorf("got %s", l.texts())
	}
	if n := strings.Count(l.log.String(), "could not be saved"); n != 1 {
		t.Errorf("logged %d times: %s", n, l.log)
	}
	if err := os.Mkdir(filepath.Dir(l.state), 0o700); err != nil {
		t.Fatal(err)
	}
	l.mustSay(notification("other", "first", noon, disk("/srv", noon)))
	if !strings.Contains(l.log.String(), "is saved again") {
		t.Errorf("the log does not say that it works again: %s", l.log)
	}
}

func BenchmarkStorePut(b *testing.B) {
	s := &store{path: filepath.Join(b.TempDir(), "state.json"), now: time.Now, log: slog.New(slog.DiscardHandler)}
	for i := range 300 {
		s.entries = nil
		s.loaded = false
		s.put(entry{Group: fmt.Sprintf("{}/{}:{alertname=\"HostDiskFull\", host=\"db%d\"}", i), Post: strings.Repeat("p", 26)})
	}
	for b.Loop() {
		s.put(entry{Group: "g", Post: strings.Repeat("p", 26)})
	}
}
