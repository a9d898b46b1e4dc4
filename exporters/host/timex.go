//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// What the kernel says of its clock, in the order of timex.values.
var timexFamilies = []*frame.Family{
	{Name: "node_timex_sync_status", Help: "Whether the clock is kept in step with a time server (1) or not (0)."},
	{Name: "node_timex_offset_seconds", Help: "By how much the clock differs from its reference."},
	{Name: "node_timex_frequency_adjustment_ratio", Help: "How fast the clock is made to run, against its own pace."},
	{Name: "node_timex_maxerror_seconds", Help: "The largest error that the clock may have."},
	{Name: "node_timex_estimated_error_seconds", Help: "The error that the clock is thought to have."},
	{Name: "node_timex_status", Help: "The clock's status bits, as adjtimex(2) has them."},
	{Name: "node_timex_loop_time_constant", Help: "The time constant of the loop that steers the clock."},
	{Name: "node_timex_tick_seconds", Help: "Time between two ticks of the clock."},
	{Name: "node_timex_pps_frequency_hertz", Help: "Frequency of the pulse-per-second signal."},
	{Name: "node_timex_pps_jitter_seconds", Help: "Jitter of the pulse-per-second signal."},
	{Name: "node_timex_pps_shift_seconds", Help: "Length of the interval over which the pulse is averaged."},
	{Name: "node_timex_pps_stability_hertz", Help: "How much the pulse's frequency wanders."},
	{Name: "node_timex_pps_jitter_total", Type: frame.Counter, Help: "Pulses whose jitter was over the limit."},
	{Name: "node_timex_pps_calibration_total", Type: frame.Counter, Help: "Intervals in which the clock was calibrated by the pulse."},
	{Name: "node_timex_pps_error_total", Type: frame.Counter, Help: "Calibrations by the pulse that went wrong."},
	{Name: "node_timex_pps_stability_exceeded_total", Type: frame.Counter, Help: "Calibrations in which the pulse wandered too far."},
	{Name: "node_timex_tai_offset_seconds", Help: "By how much International Atomic Time is ahead of UTC, as the kernel was told."},
}

// Of adjtimex(2): the scales, and the state of a clock that nobody keeps.
const (
	micro          = 1e6
	nano           = 1e9
	scaledPPM      = 1e6 * 65536
	unsynchronized = 5      // TIME_ERROR
	nanoseconds    = 0x2000 // STA_NANO, a bit of the status
)

// timex is the collector timex: one system call, which only reads.
type timex struct {
	ask func(*unix.Timex) (int, error)
}

func newTimex(ask func(*unix.Timex) (int, error)) *timex { return &timex{ask: ask} }

// Name implements frame.Collector.
func (c *timex) Name() string { return "timex" }

// Families implements frame.Collector.
func (c *timex) Families() []*frame.Family { return timexFamilies }

// Collect implements frame.Collector.
func (c *timex) Collect(_ context.Context, s *frame.Sink) error {
	var t unix.Timex
	state, err := c.ask(&t)
	if errors.Is(err, fs.ErrPermission) {
		return frame.ErrNoData // a sandbox without the system call has no clock to report
	}
	if err != nil {
		return fmt.Errorf("adjtimex: %w", err)
	}
	resolution := float64(micro)
	if t.Status&nanoseconds != 0 {
		resolution = nano
	}
	synchronized := 1.0
	if state == unsynchronized {
		synchronized = 0
	}
	values := [...]float64{
		synchronized,
		float64(t.Offset) / resolution,
		1 + float64(t.Freq)/scaledPPM,
		float64(t.Maxerror) / micro,
		float64(t.Esterror) / micro,
		float64(t.Status),
		float64(t.Constant),
		float64(t.Tick) / micro,
		float64(t.Ppsfreq) / scaledPPM,
		float64(t.Jitter) / resolution,
		float64(t.Shift),
		float64(t.Stabil) / scaledPPM,
		float64(t.Jitcnt),
		float64(t.Calcnt),
		float64(t.Errcnt),
		float64(t.Stbcnt),
		float64(t.Tai),
	}
	for i, family := range timexFamilies {
		s.Send(family, values[i])
	}
	return nil
}
