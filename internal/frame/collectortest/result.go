package collectortest

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
)

// A Result is what one run of a collector came to.
type Result struct {
	// Samples are the values by name and, after it, the values of the labels
	// in braces, divided by bars and sorted by the labels' names: up{a|b}.
	Samples map[string]float64
	Reason  frame.Reason
	Err     string
}

// Once lets the frame run a collector once.
func Once(t testing.TB, c frame.Collector) Result {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Job: "test", Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	samples := map[string]float64{}
	for _, mf := range target.Gather(ctx) {
		if strings.HasPrefix(mf.GetName(), "tocsin_collector_") {
			continue
		}
		for _, m := range mf.GetMetric() {
			name := mf.GetName()
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if len(values) > 0 {
				name += "{" + strings.Join(values, "|") + "}"
			}
			samples[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
		}
	}
	state := target.States()[0]
	return Result{samples, state.Reason, state.Error}
}
