//go:build linux

package host

import (
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Opening a file of /proc and closing it again costs as much as many of them
// cost to read, so those that are read at each scrape stay open: the kernel
// makes their content anew whenever it is read from the beginning. Files of
// single processes do not stay open, nor does what only looks like /proc (the
// trees of tests): such files can be replaced.

// standingFiles are the files that stay open. Safe for several goroutines.
type standingFiles struct {
	proc string // empty: none stay open

	mu    sync.Mutex // guards files
	files map[string]*standingFile
}

// maxStanding is how many files stay open at most. A machine has some fifty
// that are read at all.
const maxStanding = 128

// realProc returns the folder with a slash, if it is the kernel's own.
func realProc(folder string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil || st.Type != unix.PROC_SUPER_MAGIC {
		return ""
	}
	return filepath.Clean(folder) + "/"
}

// standingFile is one of them.
type standingFile struct {
	mu sync.Mutex // guards fd, and is held while it is read
	fd int        // -1: not open
}

// find returns the file of that path; nil where it is one that does not stay
// open.
func (s *standingFiles) find(path string) *standingFile {
	below, ok := strings.CutPrefix(path, s.proc)
	if s.proc == "" || !ok || below == "" || below[0] >= '0' && below[0] <= '9' || strings.Contains(below, "self/") {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[path]
	if f == nil && len(s.files) < maxStanding {
		if s.files == nil {
			s.files = map[string]*standingFile{}
		}
		f = &standingFile{fd: -1}
		s.files[path] = f
	}
	return f
}

// use calls read with the file, open, and opens it anew, once, where that
// fails: a file system that answers for the kernel (lxcfs) may have been
// started again.
func (f *standingFile) use(path string, read func(fd int) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd >= 0 {
		if read(f.fd) == nil {
			return nil
		}
		shut(f.fd)
		f.fd = -1
	}
	fd, err := open(unix.AT_FDCWD, path, unix.O_RDONLY)
	if err != nil {
		return err
	}
	if err := read(fd); err != nil {
		shut(fd)
		return &fs.PathError{Op: "read", Path: path, Err: err}
	}
	f.fd = fd
	return nil
}
