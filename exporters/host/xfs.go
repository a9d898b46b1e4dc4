//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"tocsin/internal/frame"
)

// xfsLines are the lines of a file system's statistics that are sent, by
// their first word, and what their columns count (Documentation/filesystems/
// xfs and fs/xfs/xfs_stats.c of the kernel). The kernel has many more lines.
var xfsLines = map[string][]*frame.Family{
	"extent_alloc": {
		xfsCounter("extent_allocation_extents_allocated", "Extents allocated."),
		xfsCounter("extent_allocation_blocks_allocated", "Blocks allocated."),
		xfsCounter("extent_allocation_extents_freed", "Extents freed."),
		xfsCounter("extent_allocation_blocks_freed", "Blocks freed."),
	},
	"abt": xfsTree("allocation_btree", "allocation"),
	"blk_map": {
		xfsCounter("block_mapping_reads", "Block maps looked up to read."),
		xfsCounter("block_mapping_writes", "Block maps looked up to write."),
		xfsCounter("block_mapping_unmaps", "Block maps removed."),
		xfsCounter("block_mapping_extent_list_insertions", "Extents put into the list of a file."),
		xfsCounter("block_mapping_extent_list_deletions", "Extents taken out of the list of a file."),
		xfsCounter("block_mapping_extent_list_lookups", "Extents looked up in the list of a file."),
		xfsCounter("block_mapping_extent_list_compares", "Extents compared in the list of a file."),
	},
	"bmbt": xfsTree("block_map_btree", "block map"),
	"dir": {
		xfsCounter("directory_operation_lookup", "Names looked up that the kernel's cache of names lacked."),
		xfsCounter("directory_operation_create", "Directory entries made."),
		xfsCounter("directory_operation_remove", "Directory entries removed."),
		xfsCounter("directory_operation_getdents", "Directories listed."),
	},
	"ig": {
		xfsCounter("inode_operation_attempts", "Inodes looked up in the cache of inodes."),
		xfsCounter("inode_operation_found", "Inodes found in the cache."),
		xfsCounter("inode_operation_recycled", "Inodes found in the cache that were being recycled."),
		xfsCounter("inode_operation_missed", "Inodes that the cache lacked."),
		xfsCounter("inode_operation_duplicates", "Inodes that another had put into the cache meanwhile."),
		xfsCounter("inode_operation_reclaims", "Inodes put out of the cache to free memory."),
		xfsCounter("inode_operation_attribute_changes", "Inodes whose attributes were changed."),
	},
	"rw": {
		xfsCounter("write_calls", "Calls of write(2)."),
		xfsCounter("read_calls", "Calls of read(2)."),
	},
	"vnodes": {
		xfsCounter("vnode_active", "Vnodes that are not free."),
		xfsCounter("vnode_allocate", "Vnodes allocated."),
		xfsCounter("vnode_get", "Vnodes asked for."),
		xfsCounter("vnode_hold", "Vnodes held."),
		xfsCounter("vnode_release", "Vnodes released."),
		xfsCounter("vnode_reclaim", "Vnodes reclaimed."),
		xfsCounter("vnode_remove", "Vnodes removed."),
	},
}

func xfsCounter(name, help string) *frame.Family {
	return &frame.Family{Name: "node_xfs_" + name + "_total", Type: frame.Counter, Labels: []string{"device"}, Help: help}
}

func xfsTree(name, of string) []*frame.Family {
	of = " in the B-tree of the " + of + "."
	return []*frame.Family{
		xfsCounter(name+"_lookups", "Look-ups"+of),
		xfsCounter(name+"_compares", "Comparisons"+of),
		xfsCounter(name+"_records_inserted", "Records inserted"+of),
		xfsCounter(name+"_records_deleted", "Records deleted"+of),
	}
}

// xfs is the collector xfs. It reads the files itself: procfs gives up all
// file systems for one line that it does not understand.
type xfs struct{ roots *roots }

func newXFS(r *roots) *xfs { return &xfs{roots: r} }

// Name implements frame.Collector.
func (c *xfs) Name() string { return "xfs" }

// Families implements frame.Collector.
func (c *xfs) Families() []*frame.Family {
	var families []*frame.Family
	for _, word := range slices.Sorted(maps.Keys(xfsLines)) {
		families = append(families, xfsLines[word]...)
	}
	return families
}

// Collect implements frame.Collector.
func (c *xfs) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "fs/xfs", "", func(device string, a *attributes) {
		path := filepath.Join(a.folder.path, "stats/stats")
		err := c.roots.read(path, func(content []byte) error { return sendXFS(s, path, device, content) })
		if !missing(err) { // as under fs/xfs/stats, the statistics of all together
			a.errs = append(a.errs, err)
		}
	})
}

func sendXFS(s *frame.Sink, path, device string, content []byte) error {
	var errs []error
	sent := 0
	for line := range bytes.Lines(content) {
		word, rest := nextField(bytes.TrimRight(line, "\n"))
		columns, known := xfsLines[string(word)]
		if !known {
			continue
		}
		for _, family := range columns {
			var field []byte
			field, rest = nextField(rest)
			n, ok := number(field)
			if !ok {
				errs = append(errs, malformed(path, line))
				break
			}
			s.Send(family, float64(n), device)
			sent++
		}
	}
	if sent == 0 && len(errs) == 0 {
		errs = append(errs, errors.New(path+": no line of it is known"))
	}
	return errors.Join(errs...)
}
