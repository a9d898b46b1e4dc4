package alerts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// scripted is a voice that fails as it is told.
type scripted struct {
	name string
	err  error
}

func (s *scripted) Name() string { return s.name }
func (s *scripted) Say(context.Context, Notification) (bool, error) {
	return s.err != nil, s.err
}

func TestMeasure(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	inner := &scripted{name: "mattermost"}
	v := Measure(inner, reg)
	other := Measure(&scripted{name: "mail"}, reg)
	say := func(v Voice) { _, _ = v.Say(t.Context(), Notification{}) }
	say(v)
	inner.err = fmt.Errorf("mattermost: %w", Fail(CauseAuth, errors.New("refused")))
	say(v)
	inner.err = fmt.Errorf("x: %w", context.DeadlineExceeded)
	say(v)
	inner.err = errors.New("something")
	say(v)
	say(other)
	v = Measure(inner, reg) // as after a reload
	say(v)

	for reason, want := range map[Cause]float64{CauseAuth: 1, CauseTimeout: 1, CauseOther: 2, CauseServer: 0} {
		m := v.(*measured)
		if got := testutil.ToFloat64(m.failed.WithLabelValues("mattermost", string(reason))); got != want {
			t.Errorf("%s: %v, want %v", reason, got, want)
		}
	}
	err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP tocsin_notifications_total Notifications that a voice was asked to say, repeated attempts included.
# TYPE tocsin_notifications_total counter
tocsin_notifications_total{voice="mail"} 1
tocsin_notifications_total{voice="mattermost"} 5
`), "tocsin_notifications_total")
	if err != nil {
		t.Error(err)
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	if n, err := testutil.GatherAndCount(reg, "tocsin_notification_last_success_timestamp_seconds"); err != nil || n != 2 {
		t.Errorf("%d last successes, %v", n, err)
	}
}
