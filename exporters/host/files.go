//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// roots are where the kernel's file systems and the machine's own root are
// mounted, and buffers to read them with. Safe for several goroutines.
type roots struct {
	proc, sys, root string
	udev            string    // what udev notes of devices
	bus             string    // the socket of the machine's message bus
	buffers         sync.Pool // of *[]byte
	standing        standingFiles
}

func newRoots(cfg Config) *roots {
	r := &roots{
		proc: cfg.Proc, sys: cfg.Sys, root: cfg.Root,
		udev: filepath.Join(cfg.Root, "run/udev/data"),
		bus:  filepath.Join(cfg.Root, "run/dbus/system_bus_socket"),
	}
	r.standing.proc = realProc(cfg.Proc)
	return r
}

// maxFile bounds what is read of one file. The longest is /proc/stat, whose
// line of interrupts may take some 100 kB on very large machines.
const maxFile = 8 << 20

// read reads a whole file and hands its bytes to use; they are invalid after
// that. It goes past package os, whose files would be registered with the
// poller: that doubles the cost of a small file of /proc.
func (r *roots) read(path string, use func(content []byte) error) error {
	buffer, ok := r.buffers.Get().(*[]byte)
	if !ok {
		buffer = new(make([]byte, 16<<10))
	}
	defer r.buffers.Put(buffer)
	length := 0
	var err error
	if f := r.standing.find(path); f != nil {
		err = f.use(path, func(fd int) error {
			length = 0
			return fill(buffer, &length, func(b []byte) (int, error) { return unix.Pread(fd, b, int64(length)) })
		})
	} else {
		err = r.readOnce(path, buffer, &length)
	}
	if errors.Is(err, errTooLong) {
		return fmt.Errorf("read %s: %w", path, errTooLong)
	}
	if err != nil {
		return err
	}
	return use((*buffer)[:length])
}

func (r *roots) readOnce(path string, buffer *[]byte, length *int) error {
	fd, err := open(unix.AT_FDCWD, path, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer shut(fd)
	if err := fill(buffer, length, func(b []byte) (int, error) { return unix.Read(fd, b) }); err != nil {
		return &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return nil
}

var errTooLong = fmt.Errorf("longer than %d bytes", maxFile)

// fill reads to the end. A short read is none yet: the kernel hands over whole
// lines.
func fill(buffer *[]byte, length *int, read func(b []byte) (int, error)) error {
	for {
		if *length == len(*buffer) {
			if *length >= maxFile {
				return errTooLong
			}
			*buffer = append(*buffer, make([]byte, *length)...)
		}
		n, err := retry(func() (int, error) { return read((*buffer)[*length:]) })
		if err != nil || n == 0 {
			return err
		}
		*length += n
	}
}

// A folder is an opened folder of sysfs. Its small files are read relative to
// it, which spares the kernel the walk from the root for each of them.
type folder struct {
	fd   int
	path string
}

func openFolder(parts ...string) (folder, error) {
	path := filepath.Join(parts...)
	fd, err := open(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY)
	return folder{fd: fd, path: path}, err
}

func (d folder) close() { shut(d.fd) }

// value reads one attribute into buffer and returns it without the white
// space around it.
func (d folder) value(name string, buffer []byte) ([]byte, error) {
	fd, err := open(d.fd, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer shut(fd)
	n, err := retry(func() (int, error) { return unix.Read(fd, buffer) })
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: d.path + "/" + name, Err: err}
	}
	return bytes.TrimSpace(buffer[:n]), nil
}

// pageOfSysfs is the most that a file of sysfs can hold on most machines.
const pageOfSysfs = 4096

// class calls use for each device of a class of sysfs that the filter watches;
// without a filter, for all. A device that fails costs itself, one that has
// just gone nothing. Without the class there is no data.
func (r *roots) class(ctx context.Context, name string, watched *filter, use func(d folder, device string) error) error {
	class, err := os.Open(filepath.Join(r.sys, "class", name))
	if err != nil {
		return present(err)
	}
	defer class.Close()
	devices, err := class.Readdirnames(-1)
	errs := []error{err}
	for _, device := range devices {
		if watched != nil && !watched.watches([]byte(device)) {
			continue
		}
		// Some files wait for a lock that a slow driver holds.
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		errs = append(errs, inFolder(class.Name(), device, use))
	}
	return errors.Join(errs...)
}

func inFolder(class, device string, use func(d folder, device string) error) error {
	d, err := openFolder(class, device)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, fs.ErrNotExist) {
		return nil // bonding_masters is a file; a device may just have gone
	}
	if err != nil {
		return err
	}
	defer d.close()
	return use(d, valid(device))
}

func open(at int, path string, flags int) (int, error) {
	fd, err := retry(func() (int, error) { return unix.Openat(at, path, flags|unix.O_CLOEXEC, 0) })
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

func shut(fd int) { _ = unix.Close(fd) } // it was only read

// retry repeats a system call that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// nextField cuts the next field off a line: white space ends it.
func nextField(line []byte) (field, rest []byte) {
	for len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		line = line[1:]
	}
	for i, c := range line {
		if c == ' ' || c == '\t' {
			return line[:i], line[i:]
		}
	}
	return line, nil
}

// number reads a decimal number without making a string of it.
func number(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		next := n*10 + uint64(c-'0')
		if next < n || n > 1<<64/10 {
			return 0, false
		}
		n = next
	}
	return n, true
}

// hexadecimal reads a hexadecimal number, with or without 0x before it.
func hexadecimal(b []byte) (uint64, bool) {
	b = bytes.TrimPrefix(b, []byte("0x"))
	if len(b) == 0 || len(b) > 16 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint64(c)
	}
	return n, true
}

// maxComplaints bounds how many malformed lines of one file are told.
const maxComplaints = 5

// eachLine hands the lines of a file to use, without their ends; empty ones
// and the first few that are headings are left out. A line that use does not
// understand costs itself and is told.
func eachLine(path string, content []byte, headings int, use func(line []byte) bool) error {
	var errs []error
	for line := range bytes.Lines(content) {
		if headings > 0 {
			headings--
			continue
		}
		text := bytes.TrimSpace(line)
		if len(text) > 0 && !use(text) && len(errs) < maxComplaints {
			errs = append(errs, malformed(path, line))
		}
	}
	return errors.Join(errs...)
}

// malformed is the error for a line that is not what the kernel writes. The
// line is quoted and cut short: it goes to the log.
func malformed(path string, line []byte) error {
	return fmt.Errorf("%s: malformed line %s", path, strconv.Quote(string(line[:min(len(line), 80)])))
}

// optional passes an error on, unless it only says that this machine lacks
// the file.
func optional(what string, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// present passes an error on, unless it says that this machine lacks the
// file: then there is no data.
func present(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return frame.ErrNoData
	}
	return err
}
