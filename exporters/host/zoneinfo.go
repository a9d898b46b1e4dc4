//go:build linux

package host

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strconv"

	"tocsin/internal/frame"
)

// zoneFields are the lines of /proc/zoneinfo that are sent, by their first
// word.
var zoneFields = map[string]*frame.Family{
	"nr_free_pages":                 zoneGauge("nr_free_pages", "Free pages of the zone."),
	"min":                           zoneGauge("min_pages", "Free pages below which only the kernel itself gets any."),
	"low":                           zoneGauge("low_pages", "Free pages below which the kernel begins to reclaim."),
	"high":                          zoneGauge("high_pages", "Free pages at which the kernel stops to reclaim."),
	"scanned":                       zoneGauge("scanned_pages", "Pages looked at since the last reclaim."),
	"spanned":                       zoneGauge("spanned_pages", "Pages that the zone spans, holes included."),
	"present":                       zoneGauge("present_pages", "Pages that are really in the zone."),
	"managed":                       zoneGauge("managed_pages", "Pages that the kernel gives out."),
	"nr_active_anon":                zoneGauge("nr_active_anon_pages", "Anonymous pages used lately."),
	"nr_inactive_anon":              zoneGauge("nr_inactive_anon_pages", "Anonymous pages not used lately."),
	"nr_isolated_anon":              zoneGauge("nr_isolated_anon_pages", "Anonymous pages that are being reclaimed."),
	"nr_anon_pages":                 zoneGauge("nr_anon_pages", "Anonymous pages in use."),
	"nr_anon_transparent_hugepages": zoneGauge("nr_anon_transparent_hugepages", "Anonymous huge pages in use."),
	"nr_active_file":                zoneGauge("nr_active_file_pages", "Pages of files used lately."),
	"nr_inactive_file":              zoneGauge("nr_inactive_file_pages", "Pages of files not used lately."),
	"nr_isolated_file":              zoneGauge("nr_isolated_file_pages", "Pages of files that are being reclaimed."),
	"nr_file_pages":                 zoneGauge("nr_file_pages", "Pages of files."),
	"nr_slab_reclaimable":           zoneGauge("nr_slab_reclaimable_pages", "Pages of the kernel's caches that can be given back."),
	"nr_slab_unreclaimable":         zoneGauge("nr_slab_unreclaimable_pages", "Pages of the kernel's caches that cannot be given back."),
	"nr_mlock_stack":                zoneGauge("nr_mlock_stack_pages", "Locked pages that the reclaim has come upon."),
	"nr_kernel_stack":               zoneGauge("nr_kernel_stacks", "Stacks of the kernel, in KiB."),
	"nr_mapped":                     zoneGauge("nr_mapped_pages", "Pages of files that are mapped."),
	"nr_dirty":                      zoneGauge("nr_dirty_pages", "Pages that wait to be written."),
	"nr_writeback":                  zoneGauge("nr_writeback_pages", "Pages that are being written."),
	"nr_unevictable":                zoneGauge("nr_unevictable_pages", "Pages that cannot be reclaimed."),
	"nr_shmem":                      zoneGauge("nr_shmem_pages", "Pages of shared memory, tmpfs among them."),
	"nr_dirtied":                    zoneCounter("nr_dirtied_total", "Pages that were changed since boot."),
	"nr_written":                    zoneCounter("nr_written_total", "Pages that were written since boot."),
	"numa_hit":                      zoneCounter("numa_hit_total", "Pages given out by the node that was asked."),
	"numa_miss":                     zoneCounter("numa_miss_total", "Pages given out here that another node was asked for."),
	"numa_foreign":                  zoneCounter("numa_foreign_total", "Pages asked for here that another node gave."),
	"numa_interleave":               zoneCounter("numa_interleave_total", "Pages given out here because nodes take turns."),
	"numa_local":                    zoneCounter("numa_local_total", "Pages given to processes of this node."),
	"numa_other":                    zoneCounter("numa_other_total", "Pages given to processes of other nodes."),
}

// zoneProtection are the zone's own numbers against each of the others; the
// kernel has at most so many zones.
var zoneProtection = func() []*frame.Family {
	families := make([]*frame.Family, 8)
	for i := range families {
		families[i] = zoneGauge("protection_"+strconv.Itoa(i), "Free pages that the zone keeps from requests which zone "+strconv.Itoa(i)+" could serve.")
	}
	return families
}()

func zoneGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_zoneinfo_" + name, Labels: []string{"node", "zone"}, Help: help}
}

func zoneCounter(name, help string) *frame.Family {
	f := zoneGauge(name, help)
	f.Type = frame.Counter
	return f
}

// zoneinfo is the collector zoneinfo (proc(5)).
type zoneinfo struct{ roots *roots }

func newZoneinfo(r *roots) *zoneinfo { return &zoneinfo{roots: r} }

// Name implements frame.Collector.
func (c *zoneinfo) Name() string { return "zoneinfo" }

// Families implements frame.Collector.
func (c *zoneinfo) Families() []*frame.Family {
	families := slices.Clone(zoneProtection)
	for _, f := range zoneFields {
		families = append(families, f)
	}
	return families
}

// Collect implements frame.Collector.
func (c *zoneinfo) Collect(_ context.Context, s *frame.Sink) error {
	node, zone := "", ""
	return c.roots.lines(filepath.Join(c.roots.proc, "zoneinfo"), func(line []byte) bool {
		if n, z, _, ok := nodeZone(line); ok {
			node, zone = n, z
			return true
		}
		word, rest := nextField(line)
		if string(word) == "protection:" {
			return node != "" && protection(s, rest, node, zone)
		}
		family, known := zoneFields[string(word)]
		if !known {
			return true
		}
		field, rest := nextField(rest)
		n, ok := number(field)
		if !ok || node == "" || len(bytes.TrimSpace(rest)) > 0 {
			return false
		}
		s.Send(family, float64(n), node, zone)
		return true
	})
}

// protection reads (0, 2867, 3862, 3862, 3862).
func protection(s *frame.Sink, text []byte, node, zone string) bool {
	text = bytes.Trim(text, " \t()")
	for i, part := range bytes.Split(text, []byte(", ")) {
		n, ok := number(part)
		if !ok || i >= len(zoneProtection) {
			return false
		}
		s.Send(zoneProtection[i], float64(n), node, zone)
	}
	return true
}
