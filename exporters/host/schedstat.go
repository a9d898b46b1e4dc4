//go:build linux

package host

import (
	"bytes"
	"context"
	"path/filepath"

	"tocsin/internal/frame"
)

// schedstatColumns are the last three of a CPU's nine columns
// (Documentation/scheduler/sched-stats.rst).
var schedstatColumns = []struct {
	family *frame.Family
	per    float64
}{
	{schedstatCounter("running_seconds_total", "Time that tasks have run on the CPU, in seconds."), 1e9},
	{schedstatCounter("waiting_seconds_total", "Time that tasks have waited for the CPU, in seconds."), 1e9},
	{schedstatCounter("timeslices_total", "Turns that tasks have had on the CPU."), 1},
}

func schedstatCounter(name, help string) *frame.Family {
	return &frame.Family{Name: "node_schedstat_" + name, Type: frame.Counter, Labels: []string{"cpu"}, Help: help}
}

// schedstat is the collector schedstat.
type schedstat struct{ roots *roots }

func newSchedstat(r *roots) *schedstat { return &schedstat{roots: r} }

// Name implements frame.Collector.
func (c *schedstat) Name() string { return "schedstat" }

// Families implements frame.Collector.
func (c *schedstat) Families() []*frame.Family {
	var families []*frame.Family
	for _, column := range schedstatColumns {
		families = append(families, column.family)
	}
	return families
}

// Collect implements frame.Collector.
func (c *schedstat) Collect(_ context.Context, s *frame.Sink) error {
	return c.roots.lines(filepath.Join(c.roots.proc, "schedstat"), func(line []byte) bool {
		rest, isCPU := bytes.CutPrefix(line, []byte("cpu"))
		if !isCPU {
			return true // version, timestamp, and a line for each domain
		}
		cpu, rest := nextField(rest)
		var values [9]float64
		for i := range values {
			var field []byte
			field, rest = nextField(rest)
			n, ok := number(field)
			if !ok {
				return false
			}
			values[i] = float64(n)
		}
		for i, column := range schedstatColumns {
			s.Send(column.family, values[6+i]/column.per, string(cpu))
		}
		return true
	})
}
