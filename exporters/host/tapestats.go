//go:build linux

package host

import (
	"context"

	"tocsin/internal/frame"
)

// tapeFiles are what the driver st counts of each tape
// (Documentation/scsi/st.rst of the kernel).
var tapeFiles = []numberFile{
	{"stats/in_flight", &frame.Family{Name: "node_tape_io_now", Labels: []string{"device"}, Help: "Requests that the tape is working on."}, 1},
	tapeCounter("io_ns", "io_time_seconds_total", 1e9, "Time that all requests took together, moving the tape included, in seconds."),
	tapeCounter("other_cnt", "io_others_total", 1, "Requests other than reads and writes."),
	tapeCounter("read_byte_cnt", "read_bytes_total", 1, "Bytes read."),
	tapeCounter("read_cnt", "reads_completed_total", 1, "Reads completed."),
	tapeCounter("read_ns", "read_time_seconds_total", 1e9, "Time that all reads took together, in seconds."),
	tapeCounter("resid_cnt", "residual_total", 1, "Reads and writes that moved less than was asked for."),
	tapeCounter("write_byte_cnt", "written_bytes_total", 1, "Bytes written."),
	tapeCounter("write_cnt", "writes_completed_total", 1, "Writes completed."),
	tapeCounter("write_ns", "write_time_seconds_total", 1e9, "Time that all writes took together, in seconds."),
}

func tapeCounter(file, name string, per float64, help string) numberFile {
	return numberFile{"stats/" + file, &frame.Family{Name: "node_tape_" + name, Type: frame.Counter, Labels: []string{"device"}, Help: help}, per}
}

// tapestats is the collector tapestats.
type tapestats struct {
	roots *roots
	tapes *filter
}

func newTapestats(r *roots, tapes *filter) *tapestats { return &tapestats{roots: r, tapes: tapes} }

// Name implements frame.Collector.
func (c *tapestats) Name() string { return "tapestats" }

// Families implements frame.Collector.
func (c *tapestats) Families() []*frame.Family { return familiesOf(tapeFiles) }

// Collect implements frame.Collector.
func (c *tapestats) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "class/scsi_tape", "st", func(name string, a *attributes) {
		// Of each tape there are nst0, st0a, st0l, ... too: the same drive.
		if _, ok := numbered(name, "st"); ok && c.tapes.watches([]byte(name)) {
			a.send(s, tapeFiles, name)
		}
	})
}
