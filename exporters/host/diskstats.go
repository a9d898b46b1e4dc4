//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path/filepath"

	"tocsin/internal/frame"
)

// The columns of /proc/diskstats, in its order; older kernels have fewer.
var diskColumns = []numberFile{
	diskCounter("reads_completed_total", 1, "Reads completed."),
	diskCounter("reads_merged_total", 1, "Reads merged with a neighbouring one."),
	diskCounter("read_bytes_total", 1/diskSector, "Bytes read."),
	diskCounter("read_time_seconds_total", 1000, "Time that all reads took together, in seconds."),
	diskCounter("writes_completed_total", 1, "Writes completed."),
	diskCounter("writes_merged_total", 1, "Writes merged with a neighbouring one."),
	diskCounter("written_bytes_total", 1/diskSector, "Bytes written."),
	diskCounter("write_time_seconds_total", 1000, "Time that all writes took together, in seconds."),
	{"", &frame.Family{Name: "node_disk_io_now", Labels: []string{"device"}, Help: "Requests that the disk is working on."}, 1},
	diskCounter("io_time_seconds_total", 1000, "Time during which the disk was busy, in seconds."),
	diskCounter("io_time_weighted_seconds_total", 1000, "Time that all requests took together, waiting included, in seconds."),
	diskCounter("discards_completed_total", 1, "Discards (TRIM) completed."),
	diskCounter("discards_merged_total", 1, "Discards merged with a neighbouring one."),
	diskCounter("discarded_sectors_total", 1, "Sectors of 512 bytes discarded."),
	diskCounter("discard_time_seconds_total", 1000, "Time that all discards took together, in seconds."),
	diskCounter("flush_requests_total", 1, "Flushes of the disk's cache completed."),
	diskCounter("flush_requests_time_seconds_total", 1000, "Time that all flushes took together, in seconds."),
}

func diskCounter(name string, per float64, help string) numberFile {
	return numberFile{"", &frame.Family{Name: "node_disk_" + name, Type: frame.Counter, Labels: []string{"device"}, Help: help}, per}
}

// diskSector is the unit of /proc/diskstats, whatever the disk's own sectors
// are (Documentation/admin-guide/iostats.rst of the kernel).
const diskSector = 512.0

// oldColumns is how many columns all kernels have; discards came with 4.18,
// flushes with 5.5.
const oldColumns = 11

// diskstats is the collector diskstats. It reads /proc/diskstats itself:
// procfs takes twice the memory and loses all disks after a bad line. The
// disks' names are from what udev noted of them.
type diskstats struct {
	roots *roots
	disks *filter
	udev  udev
}

func newDiskstats(r *roots, disks *filter) *diskstats {
	return &diskstats{roots: r, disks: disks, udev: udev{roots: r}}
}

// Name implements frame.Collector.
func (c *diskstats) Name() string { return "diskstats" }

// Families implements frame.Collector.
func (c *diskstats) Families() []*frame.Family {
	return append(diskInfoFamilies(), familiesOf(diskColumns)...)
}

// Collect implements frame.Collector.
func (c *diskstats) Collect(ctx context.Context, s *frame.Sink) error {
	path := filepath.Join(c.roots.proc, "diskstats")
	return c.roots.read(path, func(content []byte) error {
		var errs []error
		for line := range bytes.Lines(content) {
			if err := ctx.Err(); err != nil { // an info is two files a disk
				return errors.Join(append(errs, err)...)
			}
			d, ok := parseDisk(line)
			if !ok {
				errs = append(errs, malformed(path, line))
				continue
			}
			if !c.disks.watches(d.name) {
				continue
			}
			name := valid(string(d.name))
			for i, column := range diskColumns[:d.given] {
				s.Send(column.family, float64(d.columns[i])/column.per, name)
			}
			c.udev.send(s, name, uint32(d.major), uint32(d.minor), c.rotational(name))
		}
		return errors.Join(errs...)
	})
}

// diskLine is one line of /proc/diskstats.
type diskLine struct {
	major, minor uint64
	name         []byte
	columns      [17]uint64 // as diskColumns has them
	given        int        // how many of them this kernel has
}

func parseDisk(line []byte) (d diskLine, ok bool) {
	major, rest := nextField(bytes.TrimRight(line, "\n"))
	minor, rest := nextField(rest)
	d.name, rest = nextField(rest)
	d.major, ok = number(major)
	var ok2 bool
	d.minor, ok2 = number(minor)
	if !ok || !ok2 || d.major > math.MaxUint32 || d.minor > math.MaxUint32 {
		return d, false
	}
	for d.given < len(diskColumns) {
		var field []byte
		field, rest = nextField(rest)
		if len(field) == 0 {
			break
		}
		if d.columns[d.given], ok = number(field); !ok {
			return d, false
		}
		d.given++
	}
	return d, d.given >= oldColumns
}

// rotational tells whether the disk turns; one that does not say does not.
func (c *diskstats) rotational(disk string) string {
	turns := "0"
	_ = c.roots.read(filepath.Join(c.roots.sys, "block", disk, "queue/rotational"), func(content []byte) error { // a partition has no such file
		if string(bytes.TrimSpace(content)) == "1" {
			turns = "1"
		}
		return nil
	})
	return turns
}
