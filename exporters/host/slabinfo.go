//go:build linux

package host

import (
	"bytes"
	"context"
	"path/filepath"

	"tocsin/internal/frame"
)

// slabColumns are the columns of /proc/slabinfo after the name (slabinfo(5)).
var slabColumns = []*frame.Family{
	slabGauge("active_objects", "Objects of the cache that are in use."),
	slabGauge("objects", "Objects of the cache, in use or not."),
	slabGauge("object_size_bytes", "Size of one object, in bytes."),
	slabGauge("objects_per_slab", "Objects in one slab."),
	slabGauge("pages_per_slab", "Pages of one slab."),
}

func slabGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_slabinfo_" + name, Labels: []string{"slab"}, Help: help}
}

// slabinfo is the collector slabinfo. The file is root's alone.
type slabinfo struct {
	roots *roots
	slabs *filter
}

func newSlabinfo(r *roots, slabs *filter) *slabinfo { return &slabinfo{roots: r, slabs: slabs} }

// Name implements frame.Collector.
func (c *slabinfo) Name() string { return "slabinfo" }

// Families implements frame.Collector.
func (c *slabinfo) Families() []*frame.Family { return slabColumns }

// Collect implements frame.Collector.
func (c *slabinfo) Collect(_ context.Context, s *frame.Sink) error {
	return c.roots.lines(filepath.Join(c.roots.proc, "slabinfo"), func(line []byte) bool {
		if line[0] == '#' || bytes.HasPrefix(line, []byte("slabinfo - version:")) {
			return true
		}
		name, rest := nextField(line)
		if !c.slabs.watches(name) {
			return true
		}
		var values [5]float64
		for i := range values {
			var field []byte
			field, rest = nextField(rest)
			n, ok := number(field)
			if !ok {
				return false
			}
			values[i] = float64(n)
		}
		for i, family := range slabColumns {
			s.Send(family, values[i], valid(string(name)))
		}
		return true
	})
}
