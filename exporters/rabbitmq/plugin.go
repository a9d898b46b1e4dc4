package rabbitmq

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
	"tocsin/internal/promtext"
)

const (
	maxPage   = 16 << 20 // bytes of /metrics
	maxSeries = 20_000   // samples of it
	keptPage  = 1 << 20  // of memory that is kept for the next
	textType  = "text/plain;version=0.0.4"
)

// passPage passes the plugin's page on, to the letter, and tells whether there
// was one.
func (b *broker) passPage(ctx context.Context, s *frame.Sink) (answered bool, err error) {
	ctx, cancel := b.half(ctx)
	defer cancel()
	body, err := b.plugin.Open(ctx, "", nil, textType, maxPage)
	if err != nil {
		return false, err
	}
	defer body.Close()
	b.read.Reset()
	if _, err := b.read.ReadFrom(body); err != nil {
		return false, err
	}
	families, lost, err := b.page.Families(b.read.Bytes(), maxSeries, func(changed []*promtext.Family) { b.identified = mend(changed) })
	if err != nil {
		return false, frame.Fail(frame.ReasonRefused, fmt.Errorf("what it answers is no page of metrics (%w); does metrics_url lead to the plugin rabbitmq_prometheus?", err))
	}
	for _, mf := range families {
		s.Pass(mf)
	}
	if !b.identified && b.management != nil {
		_ = b.identify(ctx, s) // what the page has is worth passing on without
	}
	if b.read.Cap() > keptPage {
		b.read = bytes.Buffer{}
	}
	s.Send(droppedFamily, float64(lost.Lines+lost.Samples))
	switch {
	case lost.Lines > 0:
		return true, frame.Fail(frame.ReasonInvalid, fmt.Errorf("%d lines of its page cannot be read (%w); the others are passed on", lost.Lines, lost.First))
	case lost.Samples > 0:
		return true, frame.Fail(frame.ReasonInvalid, fmt.Errorf("its page has %d samples more than the %d that are passed on; "+
			"if the broker's rabbitmq.conf says prometheus.return_per_object_metrics = true, take that away and choose families and queues here", lost.Samples, maxSeries))
	}
	return true, nil
}

// mend adds what a newer plugin has on the same page: rabbitmq_identity_info
// has told since RabbitMQ 4 which page it stands on, and the dashboards of
// today join on that label. It tells whether the page has that metric.
func mend(families []*promtext.Family) bool {
	endpoint, identity := "aggregated", (*promtext.Family)(nil)
	for _, f := range families {
		switch f.Name {
		case identityFamily.Name:
			identity = f
		case "rabbitmq_queue_messages_ready":
			if len(f.Samples) > 0 && labelled(f.Samples[0].Labels, "queue") {
				endpoint = "per-object"
			}
		}
	}
	if identity == nil {
		return false
	}
	for i := range identity.Samples {
		sample := &identity.Samples[i]
		if !labelled(sample.Labels, endpointLabel) {
			sample.Labels = append(slices.Clip(sample.Labels), promtext.Label{Name: endpointLabel, Value: endpoint})
		}
	}
	return true
}

func labelled(labels []promtext.Label, name string) bool {
	return slices.ContainsFunc(labels, func(l promtext.Label) bool { return l.Name == name })
}

// identify makes rabbitmq_identity_info of the management API's overview.
func (b *broker) identify(ctx context.Context, s *frame.Sink) error {
	var overview api.Object
	if err := b.management.Get(ctx, "/api/overview", []string{"node", "cluster_name"}, &overview); err != nil {
		return err
	}
	b.sendIdentity(ctx, s, &overview)
	return nil
}
