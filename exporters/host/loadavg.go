package host

import (
	"context"
	"fmt"

	"github.com/shirou/gopsutil/v3/load"

	"tocsin/internal/frame"
)

var (
	load1  = &frame.Family{Name: "node_load1", Help: "Average number of processes that ran or waited, over 1 minute."}
	load5  = &frame.Family{Name: "node_load5", Help: "Average number of processes that ran or waited, over 5 minutes."}
	load15 = &frame.Family{Name: "node_load15", Help: "Average number of processes that ran or waited, over 15 minutes."}
)

// loadavg is the collector loadavg. The averages come from gopsutil, which
// asks sysinfo(2) for them where /proc/loadavg cannot be read.
type loadavg struct {
	rooted func(context.Context) context.Context
}

// newLoadavg makes it. Rooted tells gopsutil where the machine is seen.
func newLoadavg(rooted func(context.Context) context.Context) *loadavg {
	return &loadavg{rooted: rooted}
}

// Name implements frame.Collector.
func (c *loadavg) Name() string { return "loadavg" }

// Families implements frame.Collector.
func (c *loadavg) Families() []*frame.Family { return []*frame.Family{load1, load5, load15} }

// Collect implements frame.Collector.
func (c *loadavg) Collect(ctx context.Context, s *frame.Sink) error {
	averages, err := averages(c.rooted(ctx))
	if err != nil {
		return fmt.Errorf("load averages: %w", err)
	}
	s.Send(load1, averages.Load1)
	s.Send(load5, averages.Load5)
	s.Send(load15, averages.Load15)
	return nil
}

// averages turns gopsutil's panic into an error: it takes three fields of the
// file without looking whether there are three, and a file system that
// answers for the kernel (lxcfs) may serve an empty one.
func averages(ctx context.Context) (averages *load.AvgStat, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("fewer than three averages in it: %v", p)
		}
	}()
	return load.AvgWithContext(ctx)
}
