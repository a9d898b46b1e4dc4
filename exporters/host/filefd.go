//go:build linux

package host

import (
	"bytes"
	"context"
	"path/filepath"

	"tocsin/internal/frame"
)

var (
	filesAllocated = &frame.Family{Name: "node_filefd_allocated", Help: "Open files that the kernel has given out, of all processes together."}
	filesMaximum   = &frame.Family{Name: "node_filefd_maximum", Help: "How many open files the kernel gives out at most."}
)

// filefd is the collector filefd.
type filefd struct{ roots *roots }

func newFilefd(r *roots) *filefd { return &filefd{roots: r} }

// Name implements frame.Collector.
func (c *filefd) Name() string { return "filefd" }

// Families implements frame.Collector.
func (c *filefd) Families() []*frame.Family { return []*frame.Family{filesAllocated, filesMaximum} }

// Collect implements frame.Collector.
func (c *filefd) Collect(_ context.Context, s *frame.Sink) error {
	path := filepath.Join(c.roots.proc, "sys/fs/file-nr")
	return c.roots.read(path, func(content []byte) error {
		line := bytes.TrimSpace(content)
		first, rest := nextField(line)
		_, rest = nextField(rest) // free: always 0 since Linux 2.6, proc(5)
		third, _ := nextField(rest)
		allocated, ok := number(first)
		maximum, ok2 := number(third)
		if !ok || !ok2 {
			return malformed(path, line)
		}
		s.Send(filesAllocated, float64(allocated))
		s.Send(filesMaximum, float64(maximum))
		return nil
	})
}
