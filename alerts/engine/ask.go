package engine

import (
	"context"
	"time"
)

// A Sample is the newest value of one series.
type Sample struct {
	Name   string
	Labels map[string]string // without the name
	Value  float64
}

// Ask answers a PromQL expression from what is stored now, as the status page
// shows what other hosts measured.
func (e *Engine) Ask(ctx context.Context, expr string) ([]Sample, error) {
	vector, err := e.judge.query(ctx, expr, time.Now())
	if err != nil {
		return nil, err
	}
	samples := make([]Sample, len(vector))
	for i, s := range vector {
		labels := s.Metric.Map()
		samples[i] = Sample{Name: labels["__name__"], Labels: labels, Value: s.F}
		delete(labels, "__name__")
	}
	return samples, nil
}
