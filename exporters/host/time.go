//go:build linux

package host

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/procfs/sysfs"

	"tocsin/internal/frame"
)

var (
	timeSeconds = &frame.Family{Name: "node_time_seconds", Help: "The machine's time, in seconds since 1970."}
	timeZone    = &frame.Family{
		Name: "node_time_zone_offset_seconds", Labels: []string{"time_zone"},
		Help: "By how much the machine's time zone is ahead of UTC, in seconds.",
	}
	clockAvailable = &frame.Family{
		Name: "node_time_clocksource_available_info", Labels: []string{"device", "clocksource"},
		Help: "Clock sources that the kernel could use; always 1.",
	}
	clockCurrent = &frame.Family{
		Name: "node_time_clocksource_current_info", Labels: []string{"device", "clocksource"},
		Help: "The clock source that the kernel uses; always 1.",
	}
)

// clock is the collector time.
type clock struct {
	roots *roots
	now   func() time.Time
}

func newClock(r *roots, now func() time.Time) *clock { return &clock{roots: r, now: now} }

// Name implements frame.Collector.
func (c *clock) Name() string { return "time" }

// Families implements frame.Collector.
func (c *clock) Families() []*frame.Family {
	return []*frame.Family{timeSeconds, timeZone, clockAvailable, clockCurrent}
}

// Collect implements frame.Collector.
func (c *clock) Collect(_ context.Context, s *frame.Sink) error {
	now := c.now()
	zone, offset := now.Zone()
	s.Send(timeSeconds, float64(now.UnixNano())/1e9)
	s.Send(timeZone, float64(offset), zone)

	kernel, err := sysfs.NewFS(c.roots.sys)
	if err != nil {
		return fmt.Errorf("clock sources: %w", err)
	}
	sources, err := kernel.ClockSources()
	if err != nil {
		return optional("clock sources", err)
	}
	for i, source := range sources {
		device := strconv.Itoa(i)
		slices.Sort(source.Available)
		for _, name := range slices.Compact(source.Available) {
			s.Send(clockAvailable, 1, device, valid(name))
		}
		s.Send(clockCurrent, 1, device, valid(source.Current))
	}
	return nil
}
