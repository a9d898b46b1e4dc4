// Package collectortest is the conformance suite that every collector runs:
// it holds a collector to the contract of frame.Collector.
package collectortest

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
)

// inherited are the prefixes of names that the world had before us. They keep
// their form, so promlint has no say in them.
var inherited = []string{"node_", "probe_", "pg_", "rabbitmq_", "erlang_", "redis_", "mysql_", "nginx_", "rsyslog_"}

// own are names that begin with an inherited prefix and are ours all the
// same: promlint does have a say in them.
var own = []string{"probe_failure_", "probe_hop_", "probe_certificate_"}

// patience is how long a collector may take to notice that its time is up.
const patience = 2 * time.Second

// Run holds the collectors that make returns to the contract. Each part of
// the suite makes its own.
func Run(t *testing.T, make func(t testing.TB) frame.Collector) {
	t.Run("declares valid names with help", func(t *testing.T) { declares(t, make(t)) })
	t.Run("sends only what it declares", func(t *testing.T) { sends(t, make(t)) })
	t.Run("stops at its deadline", func(t *testing.T) { stops(t, make(t)) })
	t.Run("works again after a run that was cut off", func(t *testing.T) { recovers(t, make(t)) })
}

func declares(t *testing.T, c frame.Collector) {
	if c.Name() == "" || strings.ToLower(c.Name()) != c.Name() || strings.ContainsAny(c.Name(), "- .") {
		t.Errorf("name %q is not snake_case", c.Name())
	}
	if len(c.Families()) == 0 {
		t.Fatal("declares no family")
	}
	names := map[string]bool{}
	for _, f := range c.Families() {
		if names[f.Name] {
			t.Errorf("%s is declared twice", f.Name)
		}
		names[f.Name] = true
		if strings.TrimSpace(f.Help) == "" {
			t.Errorf("%s has no help text", f.Name)
		}
		if plain := strings.NewReplacer("*", "x", "[", "", "]", "").Replace(f.Name); !model.LegacyValidation.IsValidMetricName(plain) {
			t.Errorf("%s is no valid metric name", f.Name)
		}
		for _, l := range f.Labels {
			if !model.LegacyValidation.IsValidLabelName(l) {
				t.Errorf("%s: %q is no valid label name", f.Name, l)
			}
			if l == "job" || l == "instance" {
				t.Errorf("%s: label %s is put on by the scraper, never inside the page", f.Name, l)
			}
		}
	}
}

func sends(t *testing.T, c frame.Collector) {
	target := frame.NewTarget(frame.Spec{Job: "test", Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	page := target.Gather(ctx)
	state := target.States()[0]
	if state.Reason == frame.ReasonInvalid || state.Reason == frame.ReasonPanic {
		t.Errorf("%s: %s", state.Reason, state.Error)
	}
	var lint []*dto.MetricFamily
	for _, mf := range page {
		if !strings.HasPrefix(mf.GetName(), "tocsin_collector_") && needsLint(mf.GetName()) {
			lint = append(lint, mf)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(lint).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func needsLint(name string) bool {
	for _, prefix := range own {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for _, prefix := range inherited {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return true
}

func stops(t *testing.T, c frame.Collector) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Collect(ctx, frame.NewSink(c.Families()))
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Errorf("Collect did not return within %s of the end of its context", patience)
	}
}

func recovers(t *testing.T, c frame.Collector) {
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	_ = c.Collect(cut, frame.NewSink(c.Families()))

	target := frame.NewTarget(frame.Spec{Job: "test", Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	target.Gather(ctx)
	if s := target.States()[0]; s.Reason == frame.ReasonStillRunning || s.Reason == frame.ReasonPanic {
		t.Errorf("after a run that was cut off: %s: %s", s.Reason, s.Error)
	}
}
