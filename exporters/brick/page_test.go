package brick

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"tocsin/bricks"
	"tocsin/internal/frame"
)

func find(t testing.TB, name string) bricks.Kind {
	t.Helper()
	k, ok := bricks.Find(load(t), name)
	if !ok {
		t.Fatalf("there is no kind %s", name)
	}
	return k
}

// everything makes all entries run at each scrape, so that tests need not wait
// for clocks: those of single requests come first.
func everything(t testing.TB, b bricks.Brick, k bricks.Kind) page {
	t.Helper()
	entries, err := New(b, k, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, e := range entries[1:] {
		if err := e.Collector.Collect(ctx, frame.NewSink(e.Collector.Families())); err != nil && !errors.Is(err, frame.ErrNoData) {
			t.Errorf("%s: %v", e.Collector.Name(), err)
		}
	}
	target := frame.NewTarget(frame.Spec{Job: "brick", Instance: b.Name, Collectors: entries[:1]}, slog.New(slog.DiscardHandler))
	families := target.Gather(ctx)
	if s := target.States()[0]; s.Reason != "" {
		t.Errorf("the collector failed: %s: %s", s.Reason, s.Error)
	}
	explainer, ok := entries[0].Collector.(frame.Explainer)
	if !ok {
		t.Fatal("the collector cannot explain itself")
	}
	return page{values: flatten(families), words: explainer.Explain(), families: families}
}

// page is what a scrape found: values by name{label values}.
type page struct {
	values   map[string]float64
	words    string
	families []*dto.MetricFamily
}

func flatten(families []*dto.MetricFamily) map[string]float64 {
	flat := map[string]float64{}
	for _, mf := range families {
		for _, m := range mf.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			key := mf.GetName()
			if len(labels) > 0 {
				key += "{" + strings.Join(labels, ",") + "}"
			}
			flat[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
		}
	}
	return flat
}

// up demands a brick that is well, or not for this reason.
func (p page) up(t testing.TB, reason string) {
	t.Helper()
	value, known := p.values["brick_up"]
	if !known || (value == 1) != (reason == "") {
		t.Errorf("brick_up %v (known %t), want reason %q; words %q", value, known, reason, p.words)
	}
	if reason != "" && p.values["brick_failure_info{reason="+reason+"}"] != 1 {
		t.Errorf("no brick_failure_info with reason %s; words %q; %v", reason, p.words, p.values)
	}
	if (reason == "") != (p.words == "") {
		t.Errorf("reason %q, words %q", reason, p.words)
	}
}

func (p page) has(t testing.TB, want map[string]float64) {
	t.Helper()
	for key, value := range want {
		if got, ok := p.values[key]; !ok || got != value {
			t.Errorf("%s is %v (there %t), want %v", key, got, ok, value)
		}
	}
}

// complete demands that nothing is missing.
func (p page) complete(t testing.TB) {
	t.Helper()
	for key := range p.values {
		if strings.HasPrefix(key, "brick_metric_missing") || strings.HasPrefix(key, "brick_request_failure_info") {
			t.Error(key)
		}
	}
}
