//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync"

	"tocsin/internal/frame"
)

// numaAny declares what the kernel names.
var numaAny = &frame.Family{Name: "node_memory_numa_*", Labels: []string{"node"}, Help: "A field of the node's meminfo or numastat, by the kernel's name; bytes where the kernel says kB."}

// meminfoNUMA is the collector meminfo_numa: files of each node under
// /sys/devices/system/node.
type meminfoNUMA struct {
	roots *roots

	mu       sync.Mutex // guards families
	families map[string]*frame.Family
}

func newMeminfoNUMA(r *roots) *meminfoNUMA {
	return &meminfoNUMA{roots: r, families: map[string]*frame.Family{}}
}

// Name implements frame.Collector.
func (c *meminfoNUMA) Name() string { return "meminfo_numa" }

// Families implements frame.Collector.
func (c *meminfoNUMA) Families() []*frame.Family { return []*frame.Family{numaAny} }

// Collect implements frame.Collector.
func (c *meminfoNUMA) Collect(ctx context.Context, s *frame.Sink) error {
	var errs []error
	err := c.roots.devices(ctx, "devices/system/node", "node", func(name string, a *attributes) {
		node, ok := numbered(name, "node")
		if !ok {
			return
		}
		for file, read := range map[string]func(*frame.Sink, string, []byte) bool{"meminfo": c.meminfo, "numastat": c.numastat} {
			err := c.roots.lines(filepath.Join(a.folder.path, file), func(line []byte) bool { return read(s, node, line) })
			if !errors.Is(err, frame.ErrNoData) {
				errs = append(errs, err)
			}
		}
	})
	return errors.Join(append(errs, err)...)
}

// meminfo reads a line as: Node 0 Active(anon):   2152 kB.
func (c *meminfoNUMA) meminfo(s *frame.Sink, node string, line []byte) bool {
	_, rest := nextField(line)
	_, rest = nextField(rest)
	name, rest := nextField(rest)
	name, colon := bytes.CutSuffix(name, []byte(":"))
	value, ok := size(rest)
	name = bytes.TrimSuffix(bytes.ReplaceAll(name, []byte("("), []byte("_")), []byte(")"))
	if !ok || !colon || !metricWord(name) {
		return false
	}
	s.Send(c.family(string(name), frame.Gauge), value, node)
	return true
}

// numastat reads a line as: numa_hit 193460335812.
func (c *meminfoNUMA) numastat(s *frame.Sink, node string, line []byte) bool {
	name, rest := nextField(line)
	field, _ := nextField(rest)
	n, ok := number(field)
	if !ok || !metricWord(name) {
		return false
	}
	s.Send(c.family(string(name)+"_total", frame.Counter), float64(n), node)
	return true
}

func (c *meminfoNUMA) family(name string, typ frame.Type) *frame.Family {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.families[name]
	if f == nil {
		f = &frame.Family{Name: "node_memory_numa_" + name, Type: typ, Labels: numaAny.Labels, Help: "Field " + name + " of the memory of each node."}
		if len(c.families) < maxFields {
			c.families[name] = f
		}
	}
	return f
}
