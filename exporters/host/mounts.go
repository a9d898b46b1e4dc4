//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"tocsin/internal/frame"
)

var (
	mountMounted = &frame.Family{
		Name: "tocsin_host_mount_mounted", Labels: []string{"mountpoint", "expected_by"},
		Help: "Whether a file system is mounted where one should be, by the site file (site), /etc/fstab (fstab), an enabled unit of " +
			"/etc/systemd/system (unit), or a line of fstab that may fail (nofail). Lines with noauto are left out.",
	}
	swapOn = &frame.Family{
		Name: "tocsin_host_swap_on", Labels: []string{"swap", "expected_by"},
		Help: "Whether a swap of /etc/fstab is on (fstab, or nofail where it may fail); absent where it cannot be told which device it is. Lines with noauto are left out.",
	}
)

// Who expects a mount or a swap. Of a mount that several expect the first is
// told.
const (
	bySite   = "site"
	byFstab  = "fstab"
	byUnit   = "unit"
	byNofail = "nofail" // of fstab: the machine starts without it
)

// maxMounts bounds how many mounts are told of, and how many swaps.
const maxMounts = 500

// mounts is the collector mounts: what should be mounted and is not. It
// implements frame.Explainer.
type mounts struct {
	roots *roots
	root  string // of files
	named []string

	mu      sync.Mutex // guards explain
	explain string
}

func newMounts(r *roots, cfg Config) *mounts {
	c := &mounts{roots: r, root: cfg.Root}
	for _, point := range cfg.Mounts {
		c.named = append(c.named, filepath.Clean(point))
	}
	return c
}

// Name implements frame.Collector.
func (c *mounts) Name() string { return "mounts" }

// Families implements frame.Collector.
func (c *mounts) Families() []*frame.Family { return []*frame.Family{mountMounted, swapOn} }

// Explain implements frame.Explainer.
func (c *mounts) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.explain
}

// Collect implements frame.Collector.
func (c *mounts) Collect(ctx context.Context, s *frame.Sink) error {
	expected := map[string]string{} // by whom, by mount point
	for _, point := range c.named {
		expected[point] = bySite
	}
	var swaps []fstabEntry
	err := c.fstab(func(e fstabEntry) {
		by := byFstab
		switch {
		case e.has("noauto"):
			return
		case e.has("nofail"):
			by = byNofail
		}
		if e.point == "" {
			swaps = append(swaps, e)
		} else if now := expected[e.point]; now == "" || now == byNofail {
			expected[e.point] = by
		}
	})
	err = errors.Join(err, c.units(func(point string) {
		if now := expected[point]; now == "" || now == byNofail {
			expected[point] = byUnit
		}
	}))
	if len(expected) == 0 && len(swaps) == 0 {
		if err == nil {
			err = frame.ErrNoData
		}
		return err
	}
	return errors.Join(err, c.sendMounts(ctx, s, expected), c.sendSwaps(s, swaps))
}

// fstab hands over what /etc/fstab lists.
func (c *mounts) fstab(use func(e fstabEntry)) error {
	path := filepath.Join(c.root, "etc/fstab")
	err := c.roots.read(path, func(content []byte) error {
		return eachLine(path, content, 0, func(line []byte) bool {
			if line[0] == '#' {
				return true
			}
			e, told, ok := parseFstabLine(line)
			if told {
				use(e)
			}
			return ok
		})
	})
	return optional("what is to be mounted", err)
}

// units hands over the mount points of the units that the administrator has
// enabled: systemd's own are mounted under conditions that only it knows.
func (c *mounts) units(use func(point string)) error {
	folder := filepath.Join(c.root, "etc/systemd/system")
	names, err := list(folder)
	errs := []error{optional("units", err)}
	for _, name := range names {
		if !strings.HasSuffix(name, ".wants") && !strings.HasSuffix(name, ".requires") {
			continue
		}
		units, err := list(folder, name)
		if err != nil && !missing(err) {
			errs = append(errs, err)
		}
		for _, unit := range units {
			point, ok := mountOfUnit(unit)
			if ok && c.exists(filepath.Join(folder, name, unit)) {
				use(point)
			}
		}
	}
	return errors.Join(errs...)
}

// exists tells whether a link of systemd leads to a unit: one that is masked
// leads to /dev/null, one that is left over nowhere. An absolute link is one
// of the machine, wherever its root is mounted.
func (c *mounts) exists(link string) bool {
	target, err := os.Readlink(link)
	switch {
	case err != nil:
		return !missing(err) // a file in place of a link
	case target == "/dev/null":
		return false
	case filepath.IsAbs(target):
		target = filepath.Join(c.root, target)
	default:
		target = filepath.Join(filepath.Dir(link), target)
	}
	end, err := os.Readlink(target)
	if err == nil {
		return end != "/dev/null"
	}
	return !missing(err)
}

func (c *mounts) sendMounts(ctx context.Context, s *frame.Sink, expected map[string]string) error {
	if len(expected) == 0 {
		return nil
	}
	mounted, err := c.mounted()
	if err != nil {
		return err // nothing is said to be missing
	}
	points := slices.Sorted(maps.Keys(expected))
	for _, point := range points[:min(len(points), maxMounts)] {
		if err := ctx.Err(); err != nil {
			return err
		}
		is := mounted[point] || mounted[c.resolve(point)]
		s.Send(mountMounted, truth(is), valid(point), expected[point])
	}
	if len(points) > maxMounts {
		return fmt.Errorf("%d mounts are expected; the first %d are told", len(points), maxMounts)
	}
	return nil
}

// mounted returns all mount points of the machine.
func (c *mounts) mounted() (map[string]bool, error) {
	points := map[string]bool{}
	read := func(path string) error {
		return c.roots.read(path, func(content []byte) error {
			for line := range bytes.Lines(content) {
				raw, ok := splitMount(line)
				if !ok {
					return malformed(path, line)
				}
				if m, ok := raw.decode(c.roots.root); ok {
					points[m.point] = true
				}
			}
			return nil
		})
	}
	err := read(filepath.Join(c.roots.proc, "1/mountinfo"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) { // hidepid
		err = read(filepath.Join(c.roots.proc, "self/mountinfo"))
	}
	return points, err
}

// resolve returns where a path leads on the machine: the kernel lists mount
// points without links.
func (c *mounts) resolve(path string) string {
	real, err := filepath.EvalSymlinks(filepath.Join(c.root, path))
	if err != nil {
		return ""
	}
	if c.root == "/" {
		return real
	}
	below, ok := strings.CutPrefix(real, filepath.Clean(c.root))
	if !ok {
		return ""
	}
	return below
}
