package rabbitmq

import (
	"context"
	"io"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
	"tocsin/internal/promtext"
)

var anything = &frame.Family{Name: frame.AnyName, Help: "What the broker's own plugin sends."}

// broker is the page of the plugin, or what takes its place.
type broker struct {
	cfg    Config
	plugin *api.Client
}

// Name implements frame.Collector.
func (*broker) Name() string { return "broker" }

// Families implements frame.Collector.
func (*broker) Families() []*frame.Family { return []*frame.Family{anything} }

// Collect implements frame.Collector.
func (b *broker) Collect(ctx context.Context, s *frame.Sink) error {
	body, err := b.plugin.Open(ctx, "", nil, "text/plain;version=0.0.4", 32<<20)
	if err != nil {
		return err
	}
	defer body.Close()
	page, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	families, err := promtext.Parse(page, func(string) bool { return true })
	for _, f := range families {
		if mf := f.Metrics(); mf != nil {
			s.Pass(mf)
		}
	}
	return err
}
