package rabbitmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
	"tocsin/internal/promtext"
)

// pluginRetry is how often the plugin is tried again where the management API
// takes its place.
const pluginRetry = time.Minute

// state is what the collectors of one broker know of one another.
type state struct {
	mode    atomic.Pointer[string]  // how it is measured now; nil: not known yet
	listing atomic.Pointer[listing] // the newest list of its objects
}

// newest returns the newest listing, unless it is too old to be believed.
func (s *state) newest(now time.Time) *listing {
	l := s.listing.Load()
	if l != nil && now.Sub(l.at) > l.valid {
		return nil
	}
	return l
}

func (s *state) measuredBy(mode string) bool {
	m := s.mode.Load()
	return m != nil && *m == mode
}

// broker fills the page at each scrape: with the plugin's, or with what takes
// its place.
type broker struct {
	cfg        Config
	plugin     *api.Client // nil: it is not asked
	management *api.Client // nil: it is not asked
	state      *state
	now        func() time.Time
	families   []*frame.Family
	read       bytes.Buffer
	page       promtext.Memory // of the plugin
	identified bool            // that page has rabbitmq_identity_info
	missed     time.Time       // when the plugin last failed to answer; zero: it did not
}

// Name implements frame.Collector.
func (*broker) Name() string { return "broker" }

// Families implements frame.Collector.
func (b *broker) Families() []*frame.Family { return b.families }

func brokerFamilies() []*frame.Family {
	return slices.Concat(passed, []*frame.Family{upFamily, modeFamily, droppedFamily}, ofManagement())
}

// Collect implements frame.Collector.
func (b *broker) Collect(ctx context.Context, s *frame.Sink) error {
	mode, err := b.measure(ctx, s)
	if mode == "" {
		s.Send(upFamily, 0)
		return err
	}
	b.state.mode.Store(&mode)
	s.Send(upFamily, 1)
	s.Send(modeFamily, 1, mode)
	return err
}

// measure asks the plugin, then the management API, and returns which of them
// answered; neither is nothing.
func (b *broker) measure(ctx context.Context, s *frame.Sink) (mode string, err error) {
	var missed error
	if b.plugin != nil && (b.management == nil || b.now().Sub(b.missed) >= pluginRetry) {
		answered, err := b.passPage(ctx, s)
		if answered {
			b.missed = time.Time{}
			return ModePlugin, err
		}
		if b.cfg.Mode == ModePlugin || b.management == nil {
			return "", err
		}
		b.missed, missed = b.now(), fmt.Errorf("its plugin: %w", err)
	}
	answered, err := b.askManagement(ctx, s)
	if answered {
		return ModeManagement, err
	}
	b.missed = time.Time{} // neither answers: both are tried again
	return "", errors.Join(err, missed)
}

// half bounds the try of the plugin, so that time is left for what takes its
// place.
func (b *broker) half(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || b.management == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}
