package engine

import (
	"os"

	"golang.org/x/sys/unix"
)

// reserve gives a file its space: a file of zeros may be stored as a hole.
func reserve(f *os.File, size int64) error {
	return unix.Fallocate(int(f.Fd()), 0, 0, size)
}
