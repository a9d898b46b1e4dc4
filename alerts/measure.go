package alerts

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Measure returns v, counting what it says:
// tocsin_notifications_total{voice} the calls,
// tocsin_notifications_failed_total{voice,reason} those that failed, by Cause,
// tocsin_notification_last_success_timestamp_seconds{voice} the newest success.
// Several voices, and the voices made anew by a reload, may share one
// registerer: they share the metrics, and counts go on.
func Measure(v Voice, reg prometheus.Registerer) Voice {
	m := &measured{
		Voice: v,
		said: registered(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_notifications_total",
			Help: "Notifications that a voice was asked to say, repeated attempts included.",
		}, []string{"voice"})),
		failed: registered(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_notifications_failed_total",
			Help: "Notifications that a voice could not say, by reason.",
		}, []string{"voice", "reason"})),
		last: registered(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tocsin_notification_last_success_timestamp_seconds",
			Help: "When a voice last said what it was asked to say.",
		}, []string{"voice"})),
	}
	// Present from the start, so that rules can tell "none failed" from "not
	// watched".
	m.said.WithLabelValues(v.Name())
	for _, c := range Causes() {
		m.failed.WithLabelValues(v.Name(), string(c))
	}
	return m
}

// registered returns c, or the collector that was registered in its place.
func registered[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	var already prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &already) {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing
		}
	}
	return c
}

// measured is a Voice with its metrics.
type measured struct {
	Voice
	said, failed *prometheus.CounterVec
	last         *prometheus.GaugeVec
}

// Say implements Voice.
func (m *measured) Say(ctx context.Context, n Notification) (bool, error) {
	m.said.WithLabelValues(m.Name()).Inc()
	retry, err := m.Voice.Say(ctx, n)
	if err != nil {
		m.failed.WithLabelValues(m.Name(), string(CauseOf(err))).Inc()
		return retry, err
	}
	m.last.WithLabelValues(m.Name()).SetToCurrentTime()
	return retry, nil
}

// Unwrap returns the voice that is measured.
func (m *measured) Unwrap() Voice { return m.Voice }
