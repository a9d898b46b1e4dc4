package logins

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Bounds of one run: what is beyond waits for the next one.
const (
	maxRead = 8 << 20  // bytes
	maxLine = 16 << 10 // bytes; a longer line is passed over
)

// follower hands each line that is written to a log file on, once. It knows
// the file by its inode: when another stands in its place (logrotate's create)
// the rest of the old one is looked for beside it, under the name with .1;
// when the file is shorter than before (copytruncate) it is read from its
// beginning. Not safe for several goroutines.
type follower struct {
	path    string
	started bool
	file    fs.FileInfo // nil: none was seen
	offset  int64
	inLong  bool // offset lies within a line that is passed over
}

// follow hands the new lines to use. At the first run there are none: what
// was there before is nobody's news. A file that was moved away and is not yet
// there again, as rsyslog leaves it until it has something to write, is no
// error.
func (f *follower) follow(use func(line []byte)) error {
	fromEnd := !f.started
	f.started = true
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) && f.file != nil {
		_, err := f.finish(use)
		return err
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", f.path)
	}
	if f.file == nil {
		f.file = info
		if fromEnd {
			f.offset = info.Size()
		}
	}
	if !os.SameFile(f.file, info) {
		whole, err := f.finish(use)
		if !whole || err != nil {
			return err
		}
		f.file, f.offset, f.inLong = info, 0, false
	}
	f.file = info
	return f.read(file, info.Size(), use)
}

// finish reads the rest of the file that was followed before, and tells
// whether nothing is left of it.
func (f *follower) finish(use func(line []byte)) (whole bool, err error) {
	old, err := os.Open(f.path + ".1")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return true, nil // gone
	}
	if err != nil {
		return false, err
	}
	defer old.Close()
	info, err := old.Stat()
	if err != nil || !os.SameFile(f.file, info) {
		return true, err
	}
	before := f.offset
	if err := f.read(old, info.Size(), use); err != nil {
		return false, err
	}
	return f.offset >= info.Size() || f.offset == before, nil
}

func (f *follower) read(file io.ReaderAt, size int64, use func(line []byte)) error {
	if size < f.offset {
		f.offset, f.inLong = 0, false
	}
	lines := bufio.NewReaderSize(io.NewSectionReader(file, f.offset, maxRead), maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case err == nil:
			f.offset += int64(len(line))
			if !f.inLong {
				use(line[:len(line)-1])
			}
			f.inLong = false
		case errors.Is(err, bufio.ErrBufferFull):
			f.offset += int64(len(line))
			f.inLong = true
		case errors.Is(err, io.EOF): // what is not yet ended is read again
			return nil
		default:
			return err
		}
	}
}
