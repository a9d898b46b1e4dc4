//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/prometheus/procfs/blockdevice"

	"tocsin/internal/frame"
)

// The columns of /proc/diskstats, in its order; older kernels have fewer.
var diskColumns = []*frame.Family{
	diskCounter("reads_completed_total", "Reads completed."),
	diskCounter("reads_merged_total", "Reads merged with a neighbouring one."),
	diskCounter("read_bytes_total", "Bytes read."),
	diskCounter("read_time_seconds_total", "Time that all reads took together, in seconds."),
	diskCounter("writes_completed_total", "Writes completed."),
	diskCounter("writes_merged_total", "Writes merged with a neighbouring one."),
	diskCounter("written_bytes_total", "Bytes written."),
	diskCounter("write_time_seconds_total", "Time that all writes took together, in seconds."),
	{Name: "node_disk_io_now", Labels: []string{"device"}, Help: "Requests that the disk is working on."},
	diskCounter("io_time_seconds_total", "Time during which the disk was busy, in seconds."),
	diskCounter("io_time_weighted_seconds_total", "Time that all requests took together, waiting included, in seconds."),
	diskCounter("discards_completed_total", "Discards (TRIM) completed."),
	diskCounter("discards_merged_total", "Discards merged with a neighbouring one."),
	diskCounter("discarded_sectors_total", "Sectors of 512 bytes discarded."),
	diskCounter("discard_time_seconds_total", "Time that all discards took together, in seconds."),
	diskCounter("flush_requests_total", "Flushes of the disk's cache completed."),
	diskCounter("flush_requests_time_seconds_total", "Time that all flushes took together, in seconds."),
}

func diskCounter(name, help string) *frame.Family {
	return &frame.Family{Name: "node_disk_" + name, Type: frame.Counter, Labels: []string{"device"}, Help: help}
}

// Units of /proc/diskstats, whatever the disk's own sectors are.
const (
	diskSector  = 512.0
	millisecond = 1.0 / 1000
)

// diskstats is the collector diskstats. The numbers come from procfs, the
// disks' names from what udev noted of them.
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
func (c *diskstats) Families() []*frame.Family { return append(diskInfoFamilies(), diskColumns...) }

// Collect implements frame.Collector.
func (c *diskstats) Collect(ctx context.Context, s *frame.Sink) error {
	kernel, err := blockdevice.NewFS(c.roots.proc, c.roots.sys)
	if err != nil {
		return fmt.Errorf("diskstats: %w", err)
	}
	// With an error come the disks that stand before the bad line.
	disks, err := kernel.ProcDiskstats()
	if err != nil {
		err = fmt.Errorf("read %s/diskstats: %w", c.roots.proc, err)
	}
	for i := range disks {
		disk := &disks[i]
		if !c.disks.watches([]byte(disk.DeviceName)) {
			continue
		}
		if ctx.Err() != nil { // an info is two files a disk
			return errors.Join(err, ctx.Err())
		}
		c.send(s, disk)
		c.udev.send(s, disk.DeviceName, disk.MajorNumber, disk.MinorNumber, rotational(kernel, disk.DeviceName))
	}
	return err
}

func (c *diskstats) send(s *frame.Sink, d *blockdevice.Diskstats) {
	values := [...]float64{
		float64(d.ReadIOs),
		float64(d.ReadMerges),
		float64(d.ReadSectors) * diskSector,
		float64(d.ReadTicks) * millisecond,
		float64(d.WriteIOs),
		float64(d.WriteMerges),
		float64(d.WriteSectors) * diskSector,
		float64(d.WriteTicks) * millisecond,
		float64(d.IOsInProgress),
		float64(d.IOsTotalTicks) * millisecond,
		float64(d.WeightedIOTicks) * millisecond,
		float64(d.DiscardIOs),
		float64(d.DiscardMerges),
		float64(d.DiscardSectors),
		float64(d.DiscardTicks) * millisecond,
		float64(d.FlushRequestsCompleted),
		float64(d.TimeSpentFlushing) * millisecond,
	}
	given := min(d.IoStatsCount-3, len(values)) // without major, minor and name
	for i, family := range diskColumns[:given] {
		s.Send(family, values[i], d.DeviceName)
	}
}

// rotational tells whether the disk turns; one that does not say does not.
func rotational(kernel blockdevice.FS, device string) string {
	n, err := kernel.SysBlockDeviceRotational(device)
	if err != nil || n != 1 {
		n = 0
	}
	return strconv.FormatUint(n, 10)
}
