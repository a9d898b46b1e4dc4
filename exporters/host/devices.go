//go:build linux

package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// Of devices under /sys we read the small files ourselves, relative to their
// folder. Package sysfs of procfs gives up all devices of a class for one
// file that is missing, writes zero for what it could not read, and panics on
// some files that are empty (tapes, bcache).

// devices calls use for each folder below one of /sys whose name begins with
// prefix, sorted by name, until ctx ends. A machine that lacks the folder has
// no data. What the files of one device say wrong does not keep the others
// from being read.
func (r *roots) devices(ctx context.Context, under, prefix string, use func(name string, a *attributes)) error {
	path := filepath.Join(r.sys, under)
	names, err := list(path)
	if errors.Is(err, fs.ErrNotExist) {
		return frame.ErrNoData
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if err := ctx.Err(); err != nil { // a driver may take its time over each file
			return errors.Join(append(errs, err)...)
		}
		errs = append(errs, within(filepath.Join(path, name), func(a *attributes) { use(name, a) }))
	}
	return errors.Join(errs...)
}

// within calls use with the files of one folder. One that is gone again, or
// is none, has no files.
func within(path string, use func(a *attributes)) error {
	d, err := openFolder(path)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.close()
	a := attributes{folder: d}
	use(&a)
	return errors.Join(a.errs...)
}

// missing tells whether an error only says that there is no such file.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) }

// list returns the names in a folder, sorted.
func list(parts ...string) ([]string, error) {
	d, err := openFolder(parts...)
	if err != nil {
		return nil, err
	}
	defer d.close()
	return d.names()
}

// names returns what a folder holds, sorted. It goes past package os for the
// same reason as roots.read; the folder can be listed once.
func (d folder) names() ([]string, error) {
	var names []string
	buffer := make([]byte, 8<<10)
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(d.fd, buffer) })
		if err != nil {
			return names, &fs.PathError{Op: "readdir", Path: d.path, Err: err}
		}
		if n == 0 {
			slices.Sort(names)
			return names, nil
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names)
	}
}

// target returns the path of what a name in the folder leads to, without any
// links. The kernel keeps it for what is open: asking costs less than walking.
func (d folder) target(name string) (string, error) {
	fd, err := open(d.fd, name, unix.O_PATH)
	if err != nil {
		return "", err
	}
	defer shut(fd)
	return os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
}

// numbered tells whether a name is a prefix and a number: mc0, csrow12.
func numbered(name, prefix string) (number string, ok bool) {
	number, ok = strings.CutPrefix(name, prefix)
	return number, ok && number != "" && digits(number) == len(number)
}

// digits counts the digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// A numberFile is a file of a device that is sent as a number.
type numberFile struct {
	file   string
	family *frame.Family
	per    float64 // how many of the file's units are one of the family's
}

// send sends those of the files that the device has.
func (a *attributes) send(s *frame.Sink, files []numberFile, labels ...string) {
	for _, f := range files {
		if n, ok := a.number(f.file); ok {
			s.Send(f.family, float64(n)/f.per, labels...)
		}
	}
}

// familiesOf lists what the tables declare.
func familiesOf(tables ...[]numberFile) []*frame.Family {
	var families []*frame.Family
	for _, f := range slices.Concat(tables...) {
		families = append(families, f.family)
	}
	return families
}
