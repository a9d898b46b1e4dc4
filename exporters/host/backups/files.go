package backups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"tocsin/exporters/host/backups/dump"
)

const (
	// settling is how long a file must not have changed to be taken as
	// finished, unless two looks saw it the same.
	settling = 2 * Interval
	// sizesKept is how many backups before the newest make its median; fewer
	// than minSizes make none.
	sizesKept = 7
	minSizes  = 3
	// longestCheck is how long a new file may be looked into.
	longestCheck = time.Minute
	// maxYoung bounds the files that are watched while they settle.
	maxYoung = 1000
)

// files are backups that are files. One series for each level.
type files struct {
	levels  []pattern
	minSize int64

	young map[string]file // of the look before, by path
	known map[string]verdict
}

// pattern is what one level is called and where it lies.
type pattern struct {
	level string
	paths Paths
}

// file is one that a pattern matched.
type file struct {
	path string
	at   time.Time
	size int64
}

// verdict is what was found in a file, so that it is read once.
type verdict struct {
	file file
	flaw reason
}

func newFiles(s Source) *files {
	f := &files{minSize: int64(s.MinSize), known: map[string]verdict{}}
	if len(s.Files) > 0 {
		f.levels = append(f.levels, pattern{levelAny, s.Files})
	}
	if len(s.Full) > 0 {
		f.levels = append(f.levels, pattern{levelFull, s.Full})
	}
	if len(s.Incremental) > 0 {
		f.levels = append(f.levels, pattern{levelIncremental, s.Incremental})
	}
	return f
}

// look implements source.
func (f *files) look(ctx context.Context, now time.Time) (finding, error) {
	var found finding
	young := map[string]file{}
	known := map[string]verdict{}
	for _, p := range f.levels {
		s, err := f.series(ctx, p, now, young, known)
		if err != nil {
			return finding{}, err
		}
		found.series = append(found.series, s)
	}
	f.young, f.known = young, known
	return found, nil
}

// series looks at one level. What it sees of young files and reads of the
// newest goes into young and known.
func (f *files) series(ctx context.Context, p pattern, now time.Time, young map[string]file, known map[string]verdict) (series, error) {
	s := series{level: p.level, listed: true, newest: newest{size: -1, median: -1}}
	var latest latest
	seen := func(path string, info fs.FileInfo) {
		one := file{path, info.ModTime(), info.Size()}
		if one.at.After(now.Add(tolerance)) {
			s.newest.flaw = flawFuture
			return
		}
		if now.Sub(one.at) < settling && !f.settled(one, young) {
			return
		}
		if one.size >= max(1, f.minSize) {
			s.times = append(s.times, one.at.Unix())
		}
		latest.add(one)
	}
	w := newWalker(ctx, seen)
	for _, path := range p.paths {
		if err := w.match(path); err != nil {
			return s, err
		}
	}
	slices.Sort(s.times)
	flaw, err := f.judge(ctx, &s.newest, latest.sorted(), known)
	if flaw != "" {
		s.newest.flaw = flaw
	}
	return s, err
}

// settled tells whether the look before saw the file as it is now.
func (f *files) settled(one file, young map[string]file) bool {
	before, ok := f.young[one.path]
	if len(young) < maxYoung {
		young[one.path] = one
	}
	return ok && before.same(one)
}

func (f file) same(other file) bool {
	return f.path == other.path && f.size == other.size && f.at.Equal(other.at)
}

// judge looks into the newest file and compares its size.
func (f *files) judge(ctx context.Context, n *newest, latest []file, known map[string]verdict) (reason, error) {
	if len(latest) == 0 {
		return flawNone, nil
	}
	one := latest[0]
	n.size = one.size
	if before := latest[1:]; len(before) >= minSizes {
		n.median = median(before)
	}
	switch {
	case one.size == 0:
		return flawEmpty, nil
	case one.size < f.minSize:
		return flawSmall, nil
	}
	v, ok := f.known[one.path]
	if !ok || !v.file.same(one) {
		flaw, err := contentOf(ctx, one)
		if err != nil {
			return "", err
		}
		v = verdict{one, flaw}
	}
	known[one.path] = v
	return v.flaw, nil
}

func median(before []file) int64 {
	var sizes []int64
	for _, f := range before[:min(len(before), sizesKept)] {
		sizes = append(sizes, f.size)
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2]
}

// contentOf looks into a file. It is opened so that nothing but an ordinary
// file can hold the look up.
func contentOf(ctx context.Context, one file) (reason, error) {
	f, err := os.OpenFile(one.path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(fmt.Errorf("%s is no ordinary file any more", one.path), err)
	}
	soon, cancel := context.WithTimeout(ctx, longestCheck)
	defer cancel()
	flaw, err := flawOf(dump.Check(soon, one.path, f, one.size))
	switch {
	case err != nil && soon.Err() != nil && ctx.Err() == nil:
		return "", nil // as far as it was seen, nothing is wrong with it
	case err != nil:
		return "", fmt.Errorf("look into %s: %w", one.path, err)
	}
	return flaw, nil
}

// latest keeps the newest files of many.
type latest []file

func (l *latest) add(f file) {
	if *l = append(*l, f); len(*l) >= 64 {
		*l = l.sorted()
	}
}

// sorted returns the newest, and those before it that make its median.
func (l *latest) sorted() []file {
	slices.SortFunc(*l, func(a, b file) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.path, a.path)) })
	return (*l)[:min(len(*l), 1+sizesKept)]
}
