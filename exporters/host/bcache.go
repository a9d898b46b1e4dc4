//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

// The files of a bcache set, of one of its backing devices and of one of its
// caches (Documentation/admin-guide/bcache.rst of the kernel).
var (
	bcacheSet = []numberFile{
		bcacheGauge("average_key_size", "average_key_size_sectors", 1, "Data a key of the B-tree stands for on average, in sectors."),
		bcacheGauge("btree_cache_size", "btree_cache_size_bytes", 1, "Memory that holds the B-tree."),
		bcacheGauge("cache_available_percent", "cache_available_percent", 1, "Share of the cache that is not dirty, of a hundred."),
		bcacheGauge("congested", "congested", 1, "How congested the cache is."),
		bcacheGauge("root_usage_percent", "root_usage_percent", 1, "How full the B-tree's root is, of a hundred."),
		bcacheGauge("tree_depth", "tree_depth", 1, "Depth of the B-tree."),
		bcacheGauge("internal/active_journal_entries", "active_journal_entries", 1, "Entries of the journal that are newer than the index."),
		bcacheGauge("internal/btree_nodes", "btree_nodes", 1, "Nodes of the B-tree."),
		// The file is in microseconds; node_exporter takes them for
		// nanoseconds, and dashboards know it so.
		bcacheGauge("internal/btree_read_average_duration_us", "btree_read_average_duration_seconds", 1e9, "Average time to read a node of the B-tree: a thousandth of it, as node_exporter has it."),
		bcacheCounter("internal/cache_read_races", "cache_read_races_total", "Reads of what was thrown out of the cache meanwhile.", "uuid"),
	}
	bcacheBacking = []numberFile{
		bcacheGauge("dirty_data", "dirty_data_bytes", 1, "Data in the cache that the device lacks yet.", "backing_device"),
		bcacheCounter("stats_total/bypassed", "bypassed_bytes_total", "Data that went past the cache.", "backing_device", "uuid"),
		bcacheCounter("stats_total/cache_hits", "cache_hits_total", "Requests that the cache had.", "backing_device", "uuid"),
		bcacheCounter("stats_total/cache_misses", "cache_misses_total", "Requests that the cache lacked.", "backing_device", "uuid"),
		bcacheCounter("stats_total/cache_bypass_hits", "cache_bypass_hits_total", "Requests meant to go past the cache that it had.", "backing_device", "uuid"),
		bcacheCounter("stats_total/cache_bypass_misses", "cache_bypass_misses_total", "Requests meant to go past the cache that it lacked.", "backing_device", "uuid"),
		bcacheCounter("stats_total/cache_miss_collisions", "cache_miss_collisions_total", "Requests that the cache lacked and that another put there meanwhile.", "backing_device", "uuid"),
	}
	bcacheReadaheads = bcacheCounter("stats_total/cache_readaheads", "cache_readaheads_total", "Reads ahead; not counted since Linux 5.13.", "backing_device", "uuid")
	bcacheCaches     = []numberFile{
		bcacheGauge("io_errors", "io_errors", 1, "Errors of the cache's device, which count less as time goes by.", "cache_device"),
		bcacheCounter("metadata_written", "metadata_written_bytes_total", "Metadata written to the cache.", "cache_device", "uuid"),
		bcacheCounter("written", "written_bytes_total", "Data written to the cache.", "cache_device", "uuid"),
	}
)

// bcacheWriteback and bcachePriorities are lines of a file each, by the word
// that they begin with.
var (
	bcacheWriteback = []numberFile{
		bcacheGauge("target", "dirty_target_bytes", 1, "How much dirty data bcache aims at.", "backing_device"),
		bcacheGauge("rate", "writeback_rate", 1, "How fast dirty data is written back, in bytes a second.", "backing_device"),
		bcacheGauge("proportional", "writeback_rate_proportional_term", 1, "Share of the proportional controller in that rate.", "backing_device"),
		bcacheGauge("integral", "writeback_rate_integral_term", 1, "Share of the integral controller in that rate.", "backing_device"),
		bcacheGauge("change", "writeback_change", 1, "By how much that rate was changed last.", "backing_device"),
	}
	bcachePriorities = []numberFile{
		bcacheGauge("Unused", "priority_stats_unused_percent", 1, "Share of the cache that is empty, of a hundred.", "cache_device"),
		bcacheGauge("Metadata", "priority_stats_metadata_percent", 1, "Share of the cache that holds metadata, of a hundred.", "cache_device"),
	}
)

func bcacheGauge(file, name string, per float64, help string, device ...string) numberFile {
	return numberFile{file, &frame.Family{Name: "node_bcache_" + name, Labels: append(device, "uuid"), Help: help}, per}
}

func bcacheCounter(file, name, help string, labels ...string) numberFile {
	return numberFile{file, &frame.Family{Name: "node_bcache_" + name, Type: frame.Counter, Labels: labels, Help: help}, 1}
}

// bcache is the collector bcache.
type bcache struct {
	roots      *roots
	priorities bool // the caches' priorities too: the kernel sorts all of them for it
}

func newBcache(r *roots, priorities bool) *bcache { return &bcache{roots: r, priorities: priorities} }

// Name implements frame.Collector.
func (c *bcache) Name() string { return "bcache" }

// Families implements frame.Collector.
func (c *bcache) Families() []*frame.Family {
	return familiesOf(bcacheSet, bcacheBacking, []numberFile{bcacheReadaheads}, bcacheCaches, bcacheWriteback, bcachePriorities)
}

// Collect implements frame.Collector.
func (c *bcache) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "fs/bcache", "", func(uuid string, a *attributes) {
		if !strings.Contains(uuid, "-") {
			return
		}
		a.sendHuman(s, bcacheSet, uuid)
		names, err := a.folder.names()
		if err != nil {
			a.errs = append(a.errs, err)
		}
		for _, name := range names {
			_, backing := numbered(name, "bdev")
			_, cache := numbered(name, "cache")
			if !backing && !cache {
				continue
			}
			err := within(filepath.Join(a.folder.path, name), func(a *attributes) {
				if backing {
					c.backing(s, a, name, uuid)
				} else {
					c.cache(s, a, name, uuid)
				}
			})
			a.errs = append(a.errs, err)
		}
	})
}

func (c *bcache) backing(s *frame.Sink, a *attributes, device, uuid string) {
	a.sendHuman(s, bcacheBacking, device, uuid)
	if n, ok := a.human(bcacheReadaheads.file); ok && n != 0 {
		s.Send(bcacheReadaheads.family, n, device, uuid)
	}
	c.lines(s, a, "writeback_rate_debug", bcacheWriteback, device, uuid)
}

func (c *bcache) cache(s *frame.Sink, a *attributes, device, uuid string) {
	a.sendHuman(s, bcacheCaches, device, uuid)
	if c.priorities {
		c.lines(s, a, "priority_stats", bcachePriorities, device, uuid)
	}
}

// lines sends the lines of a file, as "rate:  1.1M/sec".
func (c *bcache) lines(s *frame.Sink, a *attributes, file string, wanted []numberFile, labels ...string) {
	path := filepath.Join(a.folder.path, file)
	err := c.roots.read(path, func(content []byte) error {
		var errs []error
		for line := range bytes.Lines(content) {
			word, rest, _ := bytes.Cut(line, []byte(":"))
			for _, w := range wanted {
				if string(word) != w.file {
					continue
				}
				text := string(bytes.TrimSpace(rest))
				text = strings.TrimSuffix(strings.TrimSuffix(text, "/sec"), "%")
				n, ok := humanNumber(text)
				if !ok {
					errs = append(errs, malformed(path, line))
					continue
				}
				s.Send(w.family, n, labels...)
			}
		}
		return errors.Join(errs...)
	})
	if !missing(err) {
		a.errs = append(a.errs, err)
	}
}

// sendHuman sends files whose numbers bcache writes for people to read.
func (a *attributes) sendHuman(s *frame.Sink, files []numberFile, labels ...string) {
	for _, f := range files {
		if n, ok := a.human(f.file); ok {
			s.Send(f.family, n/f.per, labels...)
		}
	}
}

func (a *attributes) human(file string) (float64, bool) {
	value := a.value(file)
	if len(value) == 0 {
		return 0, false
	}
	n, ok := humanNumber(string(value))
	if !ok {
		a.errs = append(a.errs, malformed(a.folder.path+"/"+file, value))
	}
	return n, ok
}

// humanNumber reads 1.1k as bch_hprint (drivers/md/bcache/util.c of the
// kernel) writes 1124 to 1228: one digit behind the point, units of 1024. Like
// node_exporter it takes the digit for a little less than a tenth.
func humanNumber(text string) (float64, bool) {
	text, negative := strings.CutPrefix(text, "-")
	factor := 1.0
	if i := len(text) - 1; i > 0 {
		if power := strings.IndexByte("kMGTPEZY", text[i]); power >= 0 {
			text = text[:i]
			for range power + 1 {
				factor *= 1024
			}
		}
	}
	whole, tenths, point := strings.Cut(text, ".")
	n, err := strconv.ParseUint(whole, 10, 64)
	value := float64(n)
	if point {
		tenth, err2 := strconv.ParseUint(tenths, 10, 8)
		err = errors.Join(err, err2)
		value += float64(tenth) / 10.24
	}
	value = float64(uint64(min(value*factor, 1<<63)))
	if negative {
		value = -value
	}
	return value, err == nil
}
