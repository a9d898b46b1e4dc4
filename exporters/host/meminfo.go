//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

// meminfoLines are the lines of /proc/meminfo that node_exporter knows; the
// kernel has a few more. Sizes carry a unit, counts of pages do not.
const (
	meminfoSizes = `Active Active(anon) Active(file) AnonHugePages AnonPages Bounce Buffers Cached CmaFree CmaTotal
		CommitLimit Committed_AS DirectMap1G DirectMap2M DirectMap4k Dirty HardwareCorrupted Hugepagesize Inactive
		Inactive(anon) Inactive(file) KernelStack Mapped MemAvailable MemFree MemTotal Mlocked NFS_Unstable PageTables
		Percpu SReclaimable SUnreclaim Shmem ShmemHugePages ShmemPmdMapped Slab SwapCached SwapFree SwapTotal
		Unevictable VmallocChunk VmallocTotal VmallocUsed Writeback WritebackTmp Zswap Zswapped`
	meminfoCounts = `HugePages_Free HugePages_Rsvd HugePages_Surp HugePages_Total`
)

// meminfo is the collector meminfo. It reads /proc/meminfo itself: gopsutil
// knows half of the lines, and procfs panics on a line cut short and gives up
// all of them for one that it does not understand.
type meminfo struct {
	roots    *roots
	families map[string]*frame.Family // by the line's name
	all      []*frame.Family
}

func newMeminfo(r *roots) *meminfo {
	c := &meminfo{roots: r, families: map[string]*frame.Family{}}
	add := func(line, suffix string) {
		name := strings.NewReplacer("(", "_", ")", "").Replace(line)
		f := &frame.Family{Name: "node_memory_" + name + suffix, Help: "The line " + line + " of /proc/meminfo."}
		c.families[line] = f
		c.all = append(c.all, f)
	}
	for line := range strings.FieldsSeq(meminfoSizes) {
		add(line, "_bytes")
	}
	for line := range strings.FieldsSeq(meminfoCounts) {
		add(line, "")
	}
	return c
}

// Name implements frame.Collector.
func (c *meminfo) Name() string { return "meminfo" }

// Families implements frame.Collector.
func (c *meminfo) Families() []*frame.Family { return c.all }

// Collect implements frame.Collector.
func (c *meminfo) Collect(_ context.Context, s *frame.Sink) error {
	path := filepath.Join(c.roots.proc, "meminfo")
	return c.roots.read(path, func(content []byte) error {
		var errs []error
		sent := 0
		for line := range bytes.Lines(content) {
			name, rest, _ := bytes.Cut(bytes.TrimRight(line, "\n"), []byte(":"))
			family, known := c.families[string(name)]
			if !known {
				continue
			}
			value, ok := size(rest)
			if !ok {
				errs = append(errs, malformed(path, line))
				continue
			}
			s.Send(family, value)
			sent++
		}
		if sent == 0 && len(errs) == 0 {
			errs = append(errs, errors.New(path+": no line of it is known"))
		}
		return errors.Join(errs...)
	})
}

// size reads "123 kB", in bytes, or "123". The kernel has no other unit.
func size(text []byte) (float64, bool) {
	value, rest := nextField(text)
	unit, rest := nextField(rest)
	n, ok := number(value)
	switch {
	case !ok || len(bytes.TrimSpace(rest)) > 0:
		return 0, false
	case len(unit) == 0:
		return float64(n), true
	case string(unit) == "kB":
		return float64(n) * 1024, true
	default:
		return 0, false
	}
}
