package brick

import (
	"context"

	"tocsin/internal/frame"
)

// dear makes one request on a clock of its own, and keeps the answer for the
// brick's collector.
type dear struct {
	owner *collector
	name  string
}

// keptFamily declares something: a collector must, though this one's answers
// are told by the brick's collector.
var keptFamily = &frame.Family{
	Name: "brick_request_timestamp_seconds", Type: frame.Gauge, Labels: []string{"request"},
	Help: "When this request, which has a clock of its own, was last answered.",
}

// Name implements frame.Collector.
func (d *dear) Name() string { return "request_" + d.name }

// Families implements frame.Collector.
func (d *dear) Families() []*frame.Family { return []*frame.Family{keptFamily} }

// Collect implements frame.Collector. That the service does not answer is a
// finding, told by brick_request_success.
func (d *dear) Collect(ctx context.Context, s *frame.Sink) error {
	o := d.owner.request(ctx, d.name)
	d.owner.kept.put(d.name, o)
	if o.failure != nil {
		return frame.ErrNoData
	}
	s.Send(keptFamily, float64(o.at.UnixMilli())/1000, d.name)
	return nil
}
