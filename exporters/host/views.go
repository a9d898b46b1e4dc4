//go:build linux

package host

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// views reads which file systems are mounted: the list of process 1, and
// where this process lives in another mount namespace, what of that list it
// can see. Safe for several goroutines.
type views struct {
	roots         *roots
	points, types *filter
	log           *slog.Logger

	mu       sync.Mutex // guards what follows
	raw, own []byte     // what was read the last time
	last     []mount    // what came of it
	lastErr  error
	fallback bool // the list is this process's own
}

func newViews(r *roots, points, types *filter, log *slog.Logger) *views {
	return &views{roots: r, points: points, types: types, log: log}
}

// mounts returns the mounts that are watched. With an error come those whose
// lines could be understood. The slice must not be changed.
func (v *views) mounts() ([]mount, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	same, err := v.read()
	if err != nil {
		v.raw, v.own, v.last = v.raw[:0], v.own[:0], nil // half of it may be new
		return nil, err
	}
	if !same {
		v.last, v.lastErr = v.parse()
	}
	return v.last, v.lastErr
}

// read fills raw and own, and tells whether both are what they were the last
// time: then nothing has to be parsed.
func (v *views) read() (same bool, err error) {
	self := filepath.Join(v.roots.proc, "self/mountinfo")
	fromOne, err := v.readInto(&v.raw, filepath.Join(v.roots.proc, "1/mountinfo"))
	fallback := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
	if fallback {
		fromOne, err = v.readInto(&v.raw, self)
	}
	if err != nil {
		return false, err
	}
	v.say(fallback)
	if fallback || v.sameNamespace() {
		same = fromOne && len(v.own) == 0
		v.own = v.own[:0]
		return same, nil
	}
	fromSelf, err := v.readInto(&v.own, self)
	if errors.Is(err, fs.ErrNotExist) {
		// The machine's /proc, seen from a container, has no entry for a
		// process of another process namespace: nothing to compare with.
		same, v.own = fromOne && len(v.own) == 0, v.own[:0]
		return same, nil
	}
	return fromOne && fromSelf, err
}

// readInto reads a file into buffer and tells whether it was there already.
func (v *views) readInto(buffer *[]byte, path string) (same bool, err error) {
	err = v.roots.read(path, func(content []byte) error {
		same = bytes.Equal(*buffer, content)
		if !same {
			*buffer = append((*buffer)[:0], content...)
		}
		return nil
	})
	return same, err
}

// say tells once that the list is this process's own, and once that it is not
// any more.
func (v *views) say(fallback bool) {
	if fallback == v.fallback {
		return
	}
	v.fallback = fallback
	if fallback {
		v.log.Warn("mounts were read as this process sees them, since those of process 1 are closed to it (hidepid)")
		return
	}
	v.log.Info("mounts were read as process 1 sees them again")
}

// sameNamespace tells whether process 1 and this process are known to share a
// mount namespace. Only root may ask; the others read both lists.
func (v *views) sameNamespace() bool {
	one, err := os.Readlink(filepath.Join(v.roots.proc, "1/ns/mnt"))
	if err != nil {
		return false
	}
	own, err := os.Readlink(filepath.Join(v.roots.proc, "self/ns/mnt"))
	return err == nil && one == own
}

// parse makes the list of what is watched. Of several mounts that no label
// tells apart the last is kept: it lies on top of the others.
func (v *views) parse() ([]mount, error) {
	type labels struct{ device, point, kind string }
	var errs []error
	var mounts []mount
	index := map[labels]int{}
	for line := range bytes.Lines(v.raw) {
		raw, ok := splitMount(line)
		if ok && !v.types.watches(raw.kind) {
			continue
		}
		var m mount
		if ok {
			m, ok = raw.decode(v.roots.root)
		}
		if !ok {
			errs = append(errs, malformed("mountinfo", line))
			continue
		}
		if !v.points.watches([]byte(m.point)) {
			continue
		}
		key := labels{m.device, m.point, m.kind}
		if i, twice := index[key]; twice {
			mounts[i] = m
			continue
		}
		index[key] = len(mounts)
		mounts = append(mounts, m)
	}
	if len(v.own) > 0 && !bytes.Equal(v.raw, v.own) {
		v.hide(mounts)
	}
	return mounts, errors.Join(errs...)
}

// hide marks the mounts at whose path this process sees another file system
// than process 1 does: statfs(2) there would answer for the wrong one. That
// happens with ProtectHome=, InaccessiblePaths=, TemporaryFileSystem= and in
// containers into which the machine's root was mounted without what is
// mounted below.
func (v *views) hide(mounts []mount) {
	theirs, ours := places(v.raw), places(v.own)
	for i := range mounts {
		m := &mounts[i]
		m.hidden = ours.at(m.path) != theirs.at(m.listed)
	}
}

// placed says which file system lies where.
type placed []struct{ point, device string }

// places reads a list of mounts, the deepest first, and of those at one place
// the newest, which lies on top.
func places(mountinfo []byte) placed {
	var p placed
	for line := range bytes.Lines(mountinfo) {
		if raw, ok := splitMount(line); ok {
			p = append(p, struct{ point, device string }{unescape(raw.point), string(raw.device)})
		}
	}
	slices.Reverse(p)
	slices.SortStableFunc(p, func(a, b struct{ point, device string }) int { return len(b.point) - len(a.point) })
	return p
}

// at returns the device numbers of the file system that lies at path.
func (p placed) at(path string) string {
	for _, place := range p {
		if place.point == "/" || path == place.point || strings.HasPrefix(path, place.point+"/") {
			return place.device
		}
	}
	return ""
}
