package backups

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// restic is a restic repository, by its own files. A snapshot is a file of its
// own that is written last of all, and never again; so its modification time is
// when the backup ended, as long as nobody copies the repository without its
// times. What is encrypted stays unknown: whose snapshot it is, of which
// folders, how large. See doc/design.rst of restic, "Repository Layout".
type restic struct {
	path string
	size measured
}

// look implements source.
func (r *restic) look(ctx context.Context, now time.Time) (finding, error) {
	made, err := os.Stat(filepath.Join(r.path, "config"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(r.path); err != nil {
			return finding{}, err
		}
		return finding{}, &placeError{reasonForm, fmt.Errorf("%s is no restic repository: it has no file config", r.path), "write the folder that restic init made"}
	}
	if err != nil {
		return finding{}, err
	}
	var times []int64
	err = newWalker(ctx, func(_ string, info fs.FileInfo) { times = append(times, info.ModTime().Unix()) }).
		match(filepath.Join(escaped(r.path), "snapshots", "*"))
	if err != nil {
		return finding{}, err
	}
	var found finding
	err = newWalker(ctx, func(_ string, info fs.FileInfo) {
		if at := info.ModTime(); found.locked.IsZero() || at.Before(found.locked) {
			found.locked = at
		}
	}).match(filepath.Join(escaped(r.path), "locks", "*"))
	if gone(err) != nil { // a mirror may lack empty folders
		return finding{}, err
	}
	found.series, found.began = untold(times, now), made.ModTime()
	found.total = r.size.of(ctx, fmt.Sprint(len(times), latestOf(times)), r.path)
	return found, nil
}

func latestOf(sorted []int64) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)-1]
}

// measured is the size of a repository's data, added up anew only when the
// repository has changed: it may be a hundred thousand files.
type measured struct {
	state string
	bytes int64
}

// of returns the size of a repository in this state, -1 where it could not be
// added up.
func (m *measured) of(ctx context.Context, state, repository string) int64 {
	if m.state == state {
		return m.bytes
	}
	total := int64(0)
	w := newWalker(ctx, func(_ string, info fs.FileInfo) { total += info.Size() })
	if err := w.match(filepath.Join(escaped(repository), "data", "*", "*")); err != nil {
		return -1
	}
	m.state, m.bytes = state, total
	return total
}
