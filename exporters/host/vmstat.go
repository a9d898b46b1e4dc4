//go:build linux

package host

import (
	"context"
	"path/filepath"
	"sync"

	"tocsin/internal/frame"
)

// vmstatAny declares what the kernel names.
var vmstatAny = &frame.Family{Name: "node_vmstat_*", Type: frame.Untyped, Help: "A field of /proc/vmstat, by the kernel's name; which of them, the site file says."}

// vmstat is the collector vmstat.
type vmstat struct {
	roots  *roots
	fields *filter

	mu       sync.Mutex // guards families
	families map[string]*frame.Family
}

func newVmstat(r *roots, fields *filter) *vmstat {
	return &vmstat{roots: r, fields: fields, families: map[string]*frame.Family{}}
}

// Name implements frame.Collector.
func (c *vmstat) Name() string { return "vmstat" }

// Families implements frame.Collector.
func (c *vmstat) Families() []*frame.Family { return []*frame.Family{vmstatAny} }

// Collect implements frame.Collector.
func (c *vmstat) Collect(_ context.Context, s *frame.Sink) error {
	return c.roots.lines(filepath.Join(c.roots.proc, "vmstat"), func(line []byte) bool {
		name, rest := nextField(line)
		if !c.fields.watches(name) {
			return true
		}
		field, _ := nextField(rest)
		value, ok := number(field)
		if !ok || !metricWord(name) {
			return false
		}
		s.Send(c.family(name), float64(value))
		return true
	})
}

func (c *vmstat) family(name []byte) *frame.Family {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.families[string(name)]
	if f == nil {
		f = &frame.Family{Name: "node_vmstat_" + string(name), Type: frame.Untyped, Help: "Field " + string(name) + " of /proc/vmstat."}
		if len(c.families) < maxFields {
			c.families[string(name)] = f
		}
	}
	return f
}

// maxFields bounds how many names are remembered that a file makes up. The
// kernel has some 200.
const maxFields = 1024

// metricWord tells whether a name from a file can be a part of a metric's.
func metricWord(name []byte) bool {
	for _, b := range name {
		if b != '_' && (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return len(name) > 0 && len(name) < 128
}
