//go:build !linux

package engine

import (
	"crypto/rand"
	"io"
	"os"
)

// reserve gives a file its space: what cannot be compressed is stored.
func reserve(f *os.File, size int64) error {
	_, err := io.CopyN(f, rand.Reader, size)
	return err
}
