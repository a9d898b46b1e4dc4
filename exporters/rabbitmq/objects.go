package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

// restShare is how many times as long as a listing took nothing is listed
// after it: a broker with 50,000 queues is busy with such a list for seconds.
const restShare = 9

// objects lists what there may be many of, on a clock of its own: single
// queues, and where the management API is asked all that its sums are made of.
type objects struct {
	cfg        Config
	plugin     *api.Client // of /metrics/detailed; nil: it is not asked
	management *api.Client // nil: it is not asked
	state      *state
	now        func() time.Time
	interval   time.Duration
	rested     time.Time // when the broker may be asked again
	failed     error     // how it went last
	short      bool      // the last list of queues lacked some
}

// Name implements frame.Collector.
func (*objects) Name() string { return "objects" }

// Families implements frame.Collector.
func (*objects) Families() []*frame.Family {
	return slices.Concat([]*frame.Family{leftOutFamily, listedFamily, listingFamily},
		ofQueues(), []*frame.Family{{Name: "rabbitmq_*", Help: passed[1].Help}})
}

// Collect implements frame.Collector.
func (o *objects) Collect(ctx context.Context, s *frame.Sink) error {
	began := o.now()
	if began.Before(o.rested) {
		o.sendNewest(s)
		return o.failed
	}
	l, err := o.list(ctx)
	took := o.now().Sub(began)
	o.rested, o.failed = o.now().Add(restShare*took), err
	if l != nil {
		l.at, l.took = o.now(), took
		l.valid = max(3*o.interval, 2*restShare*took)
		o.state.listing.Store(l)
	}
	o.sendNewest(s)
	return err
}

// list makes a listing; nil and frame.ErrNoData where there is nothing to list.
func (o *objects) list(ctx context.Context) (*listing, error) {
	switch {
	case !o.byPlugin():
		return o.listObjects(ctx)
	case len(o.cfg.Families) == 0:
		return nil, frame.ErrNoData // nothing is chosen, and the page has the sums
	default:
		return o.listDetailed(ctx)
	}
}

// sendNewest sends the newest listing, unless it is too old to be believed.
func (o *objects) sendNewest(s *frame.Sink) {
	if l := o.state.newest(o.now()); l != nil {
		l.send(s)
	}
}

// byPlugin tells whether the plugin is asked now.
func (o *objects) byPlugin() bool {
	if o.cfg.Mode != ModeAuto {
		return o.cfg.Mode == ModePlugin
	}
	return o.plugin != nil && !o.state.measuredBy(ModeManagement)
}

// toldFacts are the families of single queues that the site chooses.
func (o *objects) toldFacts() []fact {
	var told []fact
	for _, name := range o.cfg.Families {
		for _, f := range factsOf(name) {
			if f.each != nil && !slices.ContainsFunc(told, func(t fact) bool { return t.each.Name == f.each.Name }) {
				told = append(told, f)
			}
		}
	}
	return told
}

// factsOf are the queues' families by the names that /metrics/detailed has.
func factsOf(family string) []fact {
	switch family {
	case "queue_coarse_metrics":
		return coarseFacts
	case "queue_consumer_count":
		return consumerFacts
	case "queue_metrics":
		return slices.Concat(consumerFacts, queueFacts)
	}
	return nil
}

// listFew lists the two families that are no queues' and that the management
// API knows: vhost_status and exchange_names.
func (o *objects) listFew(ctx context.Context, l *listing, node string) error {
	var failed error
	if slices.Contains(o.cfg.Families, "vhost_status") {
		failed = errors.Join(failed, api.Whole(ctx, o.management, "/api/vhosts", []string{"name", "cluster_state"}, func(v *api.Object) error {
			running := 0.0
			if v.Text("cluster_state."+node) == "running" {
				running = 1
			}
			l.extra = append(l.extra, sample{vhostFamily, running, []string{v.Text("name")}})
			return nil
		}))
	}
	if slices.Contains(o.cfg.Families, "exchange_names") {
		failed = errors.Join(failed, api.Each(ctx, o.management, "/api/exchanges", []string{"name", "vhost", "type"}, func(e *api.Object) error {
			if len(l.extra) >= maxSeries {
				return fmt.Errorf("more than %d exchanges; take exchange_names out of families", maxSeries)
			}
			if e.Text("name") == "" {
				return nil // the default exchange, which the plugin does not tell
			}
			if o.cfg.Vhosts == nil || slices.Contains(o.cfg.Vhosts, e.Text("vhost")) {
				l.extra = append(l.extra, sample{exchangeFamily, 1, []string{e.Text("vhost"), e.Text("name"), e.Text("type")}})
			}
			return nil
		}))
	}
	return failed
}
