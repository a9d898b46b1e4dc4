package mattermost

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Bounds of the state file.
const (
	maxEntries  = 2000
	maxFile     = 32 << 20
	keepSettled = 7 * 24 * time.Hour
	keepOpen    = 90 * 24 * time.Hour
)

// stateVersion is the form of the state file.
const stateVersion = 1

// A store keeps the entries in a file. It reads the file when it is first
// used, not when it is made: a reload makes the new voice while the old one
// still writes.
type store struct {
	path string // empty: memory only
	now  func() time.Time
	log  *slog.Logger

	mu      sync.Mutex // guards what follows, and the file
	loaded  bool
	lost    bool // there was a file, and it could not be used
	entries map[string]entry
	broken  bool // the last write failed, and was logged
}

// file is the form of the state file.
type file struct {
	Version int     `json:"version"`
	Entries []entry `json:"entries"`
}

// get returns the group's entry, or an empty one, and whether entries may have
// been lost.
func (s *store) get(group string) (e entry, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	e, ok := s.entries[group]
	if !ok {
		e.Group = group
	}
	return e, s.lost
}

// put notes e, and writes the file. A file that can't be written is logged
// once and does not keep the voice from speaking: a full disk is just when it
// must.
func (s *store) put(e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	e.Touched = s.now()
	s.entries[e.Group] = e
	s.prune()
	if s.path == "" {
		return
	}
	err := s.write()
	switch {
	case err != nil && !s.broken:
		s.log.Error("what was said could not be saved: after a restart it may be said again",
			"file", s.path, "error", err)
	case err == nil && s.broken:
		s.log.Info("what was said is saved again", "file", s.path)
	}
	s.broken = err != nil
}

// load reads the file once. The caller holds mu.
func (s *store) load() {
	if s.loaded {
		return
	}
	s.loaded = true
	s.entries = make(map[string]entry)
	if s.path == "" {
		return
	}
	s.removeLeftovers()
	f, err := read(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		s.lost = true
		aside := s.path + ".corrupt-" + s.now().UTC().Format("20060102T150405")
		if renameErr := os.Rename(s.path, aside); renameErr != nil {
			aside = ""
		}
		s.log.Error("the record of what was said could not be used and was set aside: posts of alerts that "+
			"still fire are looked for among the channel's newest; those not found there are posted again, "+
			"and older posts may stay red",
			"file", s.path, "aside", aside, "error", err)
	default:
		for _, e := range f.Entries {
			s.entries[e.Group] = e
		}
	}
}

func read(path string) (file, error) {
	var f file
	r, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return f, err
	}
	if len(b) > maxFile {
		return f, fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, errors.New("it is not whole: " + err.Error())
	}
	if f.Version != stateVersion {
		return f, fmt.Errorf("it has version %d, this program writes %d", f.Version, stateVersion)
	}
	return f, nil
}

// write replaces the file in one step: it is the old or the new one, whenever
// the power goes. The caller holds mu.
func (s *store) write() error {
	f := file{Version: stateVersion, Entries: make([]entry, 0, len(s.entries))}
	for _, e := range s.entries {
		f.Entries = append(f.Entries, e)
	}
	slices.SortFunc(f.Entries, func(a, b entry) int { return cmp.Compare(a.Group, b.Group) })
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	dir := filepath.Dir(s.path)
	// CreateTemp makes files of mode 0600.
	t, err := os.CreateTemp(dir, filepath.Base(s.path)+".tmp-*")
	if err != nil {
		return err
	}
	_, err = t.Write(b)
	err = errors.Join(err, t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(t.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeLeftovers removes temporary files of a process that was killed.
func (s *store) removeLeftovers() {
	old, err := filepath.Glob(s.path + ".tmp-*")
	if err != nil {
		return
	}
	for _, name := range old {
		_ = os.Remove(name)
	}
}

// prune forgets what is too old, and the oldest beyond the bound: first what
// is settled. The caller holds mu.
func (s *store) prune() {
	now := s.now()
	for group, e := range s.entries {
		keep := keepOpen
		if !e.Told.Settled.IsZero() {
			keep = keepSettled
		}
		if now.Sub(e.Touched) > keep {
			delete(s.entries, group)
		}
	}
	if len(s.entries) <= maxEntries {
		return
	}
	all := make([]entry, 0, len(s.entries))
	for _, e := range s.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b entry) int {
		if as, bs := a.Told.Settled.IsZero(), b.Told.Settled.IsZero(); as != bs {
			if as {
				return 1
			}
			return -1
		}
		return a.Touched.Compare(b.Touched)
	})
	for _, e := range all[:len(all)-maxEntries] {
		delete(s.entries, e.Group)
	}
}
