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
	levels []pattern
	inside bool // what is newest is looked into

	young map[string]file // of the look before, by path
	known map[string]verdict
}

// pattern is what one level is called, where it lies, and how large a whole
// backup is at least.
type pattern struct {
	level   string
	paths   Paths
	minSize int64
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
	f := &files{inside: s.LookInside == nil || *s.LookInside, known: map[string]verdict{}}
	for _, p := range []pattern{
		{levelAny, s.Files, int64(s.MinSize)}, {levelFull, s.Full, int64(s.MinSize)}, {levelIncremental, s.Incremental, 0},
	} {
		if len(p.paths) > 0 {
			f.levels = append(f.levels, p)
		}
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
			s.newest.unsettled = true
			return
		}
		if one.size >= max(1, p.minSize) {
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
	newest := latest.sorted()
	switch {
	case len(newest) > 0:
		s.newest.unsettled = false // what is complete counts
		if err := f.judge(ctx, &s.newest, newest, p.minSize, known); err != nil {
			return s, err
		}
	case s.newest.flaw == "" && !s.newest.unsettled:
		s.newest.flaw = flawNone
	}
	return s, nil
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

// judge compares the newest file with those before it, and looks into it.
func (f *files) judge(ctx context.Context, n *newest, latest []file, minSize int64, known map[string]verdict) error {
	one := latest[0]
	n.size = one.size
	if before := latest[1:]; len(before) >= minSizes {
		n.median = median(before)
	}
	switch {
	case one.size == 0:
		n.flaw = flawEmpty
		return nil
	case one.size < minSize:
		n.flaw = flawSmall
		return nil
	case !f.inside:
		return nil
	}
	v, ok := f.known[one.path]
	if !ok || !v.file.same(one) {
		flaw, err := contentOf(ctx, one)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			n.unread = explained(err)
			return nil
		}
		v = verdict{one, flaw}
	}
	known[one.path] = v
	if v.flaw != "" {
		n.flaw = v.flaw
	}
	return nil
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
	if errors.Is(err, fs.ErrPermission) {
		return "", &placeError{reasonPermission, err, "let the user that runs tocsin read it, or write look_inside: false in the site file"}
	}
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
