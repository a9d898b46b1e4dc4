//go:build linux

package host

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

func TestTimex_states(t *testing.T) {
	cases := map[string]struct {
		state  int
		status int32
		want   map[string]float64
	}{
		"in step, nanoseconds":      {unix.TIME_OK, nanoseconds, map[string]float64{"node_timex_sync_status": 1, "node_timex_offset_seconds": 0.002, "node_timex_status": nanoseconds}},
		"in step, microseconds":     {unix.TIME_OK, 1, map[string]float64{"node_timex_sync_status": 1, "node_timex_offset_seconds": 2, "node_timex_pps_jitter_seconds": 3}},
		"a leap second is in step":  {unix.TIME_INS, 1, map[string]float64{"node_timex_sync_status": 1}},
		"nobody keeps it":           {unsynchronized, 0x40, map[string]float64{"node_timex_sync_status": 0, "node_timex_status": 64}},
		"the frequency is a factor": {unix.TIME_OK, 1, map[string]float64{"node_timex_frequency_adjustment_ratio": 1 + 100e-6, "node_timex_tick_seconds": 0.01}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newTimex(func(x *unix.Timex) (int, error) {
				x.Status, x.Offset, x.Jitter, x.Freq, x.Tick = tc.status, 2e6, 3e6, 100*65536, 10000
				return tc.state, nil
			})
			wantSamples(t, run(t, c, time.Second), tc.want)
		})
	}
}

func TestTimex_forbiddenIsNoData(t *testing.T) {
	r := run(t, newTimex(func(*unix.Timex) (int, error) { return 0, unix.EPERM }), time.Second)
	if r.reason != "" || len(r.samples) != 0 {
		t.Errorf("reason %q (%s), %d samples", r.reason, r.err, len(r.samples))
	}
}

func TestTimex_otherErrorsAreTold(t *testing.T) {
	r := run(t, newTimex(func(*unix.Timex) (int, error) { return 0, errTest }), time.Second)
	wantFailure(t, r, frame.ReasonError, "adjtimex", errTest.Error())
}

func TestUname_textsAreMadeValid(t *testing.T) {
	c := newUname(func(u *unix.Utsname) error {
		copy(u.Nodename[:], "h\xffst")
		copy(u.Sysname[:], "Linux")
		return nil
	})
	r := run(t, c, time.Second)
	wantSamples(t, r, map[string]float64{
		"node_uname_info{domainname=\"\",machine=\"\",nodename=\"h\uFFFDst\",release=\"\",sysname=\"Linux\",version=\"\"}": 1,
	})
}

func TestUname_errorsAreTold(t *testing.T) {
	wantFailure(t, run(t, newUname(func(*unix.Utsname) error { return errTest }), time.Second), frame.ReasonError, "uname", errTest.Error())
}
