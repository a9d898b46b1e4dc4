// Package dump tells from a file's first and last bytes whether it is a whole
// dump or archive: one that a full disk, a lost connection or a killed process
// has cut off is found without restoring it.
//
// It is no proof that a restore works. What it cannot see is said at each
// check; only a tested restore tells the rest.
package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// What is wrong with a file. ErrTruncated and ErrForeign are what Check
// returns; other errors are those of reading.
var (
	ErrTruncated = errors.New("it is cut off")
	ErrForeign   = errors.New("its content is not what its name says")
)

// headSize and tailSize are how much of the file's ends is read. mysqldump's
// last words are followed by nothing; pg_dumpall's by a few empty lines.
const (
	headSize = 512
	tailSize = 4 << 10
)

// A format is known by how it begins.
type format struct {
	name  string
	is    func(head []byte) bool
	check func(ctx context.Context, f *file) error
}

// file is what the checks see.
type file struct {
	io.ReaderAt
	size       int64
	head, tail []byte
}

// formats lists what is known. The first that fits decides.
func formats() []format {
	return []format{
		{"pg_dump's custom format", begins("PGDMP"), customDump},
		{"gzip", begins("\x1f\x8b\x08"), gzipped},
		{"zstd", begins("\x28\xb5\x2f\xfd"), zstandard},
		{"xz", begins("\xfd7zXZ\x00"), xz},
		{"SQL", isText, sqlText},
		{"tar", isTar, tarball},
	}
}

func begins(magic string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

// suffixes are endings of names whose content is known; a file of that name
// that begins otherwise is not what it seems: an error page, a log, zeros.
var suffixes = [...]struct{ suffix, format string }{
	{".gz", "gzip"}, {".tgz", "gzip"}, {".zst", "zstd"}, {".xz", "xz"}, {".txz", "xz"}, {".tar", "tar"},
}

// Check reads the ends of a file of this name and size. It returns nil where
// nothing is wrong, or where the format is not known.
func Check(ctx context.Context, name string, r io.ReaderAt, size int64) error {
	f := &file{ReaderAt: r, size: size}
	var err error
	if f.head, err = f.at(0, min(size, headSize)); err != nil {
		return err
	}
	if f.tail, err = f.at(max(0, size-tailSize), min(size, tailSize)); err != nil {
		return err
	}
	found := ""
	for _, known := range formats() {
		if known.is(f.head) {
			found = known.name
			err = known.check(ctx, f)
			break
		}
	}
	if err != nil {
		return err
	}
	for _, s := range suffixes {
		if hasSuffixFold(name, s.suffix) && found != s.format {
			return fmt.Errorf("%w: it does not begin as %s does", ErrForeign, s.format)
		}
	}
	return nil
}

func hasSuffixFold(name, suffix string) bool {
	return len(name) >= len(suffix) && bytes.EqualFold([]byte(name[len(name)-len(suffix):]), []byte(suffix))
}

// at reads a part of the file. A file that is shorter than it was said to be
// is being written to.
func (f *file) at(offset, length int64) ([]byte, error) {
	b := make([]byte, length)
	n, err := f.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		err = nil
		if int64(n) < length {
			err = ErrTruncated
		}
	}
	return b[:n], err
}
