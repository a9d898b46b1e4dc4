//go:build linux

package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// Machine is where the machine's files are, and what is mounted there.
type Machine struct {
	Proc, Sys, Root string
	// Mounts lists what is mounted and watched. With an error come those that
	// could be understood.
	Mounts func() ([]Mount, error)
}

// A Mount is one mounted file system.
type Mount struct {
	Source       string // /dev/mapper/vg0-srv, tank/srv, ...
	Major, Minor string // of its device; major 0 is no block device
	Point        string // where it is mounted
	Path         string // where this process finds it; empty: it does not
	Kind         string // ext4, zfs, ...
}

// Collector is the collector storage. It implements frame.Collector.
type Collector struct{ machine Machine }

// New returns the collector of a machine.
func New(m Machine) *Collector { return &Collector{machine: m} }

// Name implements frame.Collector.
func (c *Collector) Name() string { return "storage" }

// Families implements frame.Collector.
func (c *Collector) Families() []*frame.Family {
	return []*frame.Family{
		mappingOpen, mountEncrypted, thinPoolInfo,
		syncProgress, mismatchSectors,
		snapshots, snapshotsChanged,
		selfTestErrors, errorLogEntries, attributeRaw,
	}
}

// Collect implements frame.Collector.
func (c *Collector) Collect(ctx context.Context, s *frame.Sink) error {
	mounts, err := c.machine.Mounts()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the collector filesystem says it
	}
	errs := []error{err}
	mapped, err := c.machine.mapped()
	errs = append(errs, err, c.crypttab(s, mapped))
	c.encrypted(s, mounts, mapped)
	c.thinPools(s, mapped)
	errs = append(errs, c.arrays(s), c.disks(s))
	return errors.Join(append(errs, c.snapshots(ctx, s, mounts))...) // last: a pool may not answer
}

// maxFile bounds what is read of one file; all that are read here are short.
const maxFile = 1 << 20

// read returns a file without the white space around it.
func read(parts ...string) (string, error) {
	f, err := os.Open(filepath.Join(parts...))
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "\uFFFD"), err
}

// maxEntries bounds how many names of one folder are looked at.
const maxEntries = 4096

// list returns the names in a folder that begin with prefix, sorted. A folder
// that is not there has none.
func list(prefix string, parts ...string) ([]string, error) {
	f, err := os.Open(filepath.Join(parts...))
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(maxEntries)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
	slices.Sort(names)
	return names, err
}

// missing tells whether an error only says that there is no such file.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) }

// optional passes an error on, unless it only says that there is no such file
// or that this process may not read it: then it is not detected.
func optional(err error) error {
	if missing(err) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
