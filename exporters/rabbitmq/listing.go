package rabbitmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

// listing is what was made of the lists of a broker's objects.
type listing struct {
	at       time.Time
	took     time.Duration
	valid    time.Duration // how long it may stand for what is
	sums     map[*frame.Family]float64
	told     []*frame.Family // of single queues
	queues   []queue         // with the values of told
	filtered int
	beyond   int
	unlisted float64 // there are so many that they are not listed at all
	extra    []sample // of what is neither
	passed   []*passedFamily
	dropped  int // samples that are not passed on
}

// sample is one that is sent as it is.
type sample struct {
	family *frame.Family
	value  float64
	labels []string
}

func (l *listing) send(s *frame.Sink) {
	s.Send(listedFamily, float64(l.at.UnixMilli())/1000)
	s.Send(listingFamily, l.took.Seconds())
	if len(l.told) > 0 || len(l.passed) > 0 {
		s.Send(leftOutFamily, float64(l.filtered), "filter")
		s.Send(leftOutFamily, float64(l.beyond), "top")
	}
	if l.unlisted > 0 {
		s.Send(leftOutFamily, l.unlisted, "limit")
	}
	for _, q := range l.queues {
		for i, f := range l.told {
			if v := q.values[i]; !isMissing(v) {
				s.Send(f, v, q.vhost, q.name)
			}
		}
	}
	for _, p := range l.passed {
		p.pass(s, l.queues)
	}
	for _, e := range l.extra {
		s.Send(e.family, e.value, e.labels...)
	}
}

// total sums one key of facts over many objects.
type total struct {
	facts []fact
	sums  []float64
	seen  []bool
	count int
}

func newTotal(facts ...[]fact) *total {
	t := &total{}
	for _, f := range slices.Concat(facts...) {
		if f.sum != nil {
			t.facts = append(t.facts, f)
		}
	}
	t.sums, t.seen = make([]float64, len(t.facts)), make([]bool, len(t.facts))
	return t
}

func (t *total) add(o *api.Object) {
	t.count++
	for i, f := range t.facts {
		if v, ok := o.Number(f.key); ok {
			t.sums[i] += v
			t.seen[i] = true
		}
	}
}

// into notes the sums. The API leaves out statistics that never counted, so
// their sum is 0; of what no object has otherwise nothing is known.
func (t *total) into(sums map[*frame.Family]float64) {
	for i, f := range t.facts {
		if t.seen[i] || t.count == 0 || strings.HasPrefix(f.key, "message_stats.") {
			sums[f.sum] = t.sums[i] / f.unit
		}
	}
}

// listObjects asks the management API for all queues, connections and
// channels, in pages and by columns, and makes sums of them.
func (o *objects) listObjects(ctx context.Context) (*listing, error) {
	var overview api.Object
	if err := o.management.Get(ctx, "/api/overview", []string{"node", "rabbitmq_version", "disable_stats", "object_totals.queues"}, &overview); err != nil {
		return nil, err
	}
	here := func(object *api.Object) bool { return o.cfg.Cluster || object.Text("node") == overview.Text("node") }
	l := &listing{sums: map[*frame.Family]float64{}}
	var err error
	n, counted := overview.Number("object_totals.queues")
	if n > api.MaxQueues {
		l.unlisted = n
		err = fmt.Errorf("it has %.0f queues, more than the %d that the management API can list without harm; "+
			"turn its plugin rabbitmq_prometheus on, which has their sums", n, api.MaxQueues)
	} else {
		var seen int
		seen, err = o.listQueues(ctx, l, queueSums(overview.Text("rabbitmq_version")), here)
		if err == nil && counted {
			err = o.allShown(l, seen, int(n))
		}
	}
	err = errors.Join(err, o.listOpen(ctx, l, here), o.listFew(ctx, l, overview.Text("node")))
	if len(l.sums) == 0 && l.unlisted == 0 {
		return nil, err
	}
	return l, err
}

// allShown compares how many queues were listed with how many the broker
// counts. A user who may not enter a virtual host is shown its queues as if
// there were none: then the sums over queues are not told, for they lack some.
// A queue may have come in between, so that one listing alone is no proof,
// unless it has none at all.
func (o *objects) allShown(l *listing, seen, there int) error {
	was := o.short
	o.short = seen < there
	if !o.short || seen > 0 && !was {
		return nil
	}
	for _, f := range slices.Concat(coarseFacts, consumerFacts, queueFacts, sumFacts, newerFacts) {
		delete(l.sums, f.sum)
	}
	delete(l.sums, queuesFamily)
	delete(l.sums, consumersFamily)
	user := cmp.Or(o.cfg.Username, "USER")
	return frame.Fail(frame.ReasonPermission, fmt.Errorf("user %s is shown %d of %d queues, so their sums are not told: it may not enter each virtual host; "+
		"for each: rabbitmqctl set_permissions -p 'VHOST' %s '^$' '^$' '^$'", user, seen, there, user))
}

func (o *objects) listQueues(ctx context.Context, l *listing, facts []fact, here func(*api.Object) bool) (seen int, err error) {
	sums := newTotal(facts)
	told := o.toldFacts()
	for _, f := range told {
		l.told = append(l.told, f.each)
	}
	c := newChoice(&o.cfg)
	columns := append(keys(facts), "name", "vhost", "node")
	consumers := 0.0
	err = api.Each(ctx, o.management, "/api/queues", columns, func(object *api.Object) error {
		seen++
		if !here(object) {
			return nil
		}
		sums.add(object)
		n, _ := object.Number("consumers")
		consumers += n
		if len(told) > 0 {
			c.offer(toldQueue(object, told))
		}
		return nil
	})
	if err != nil {
		return seen, err
	}
	sums.into(l.sums)
	l.sums[queuesFamily], l.sums[consumersFamily] = float64(sums.count), consumers
	l.queues, l.filtered, l.beyond = c.queues(), c.filtered, c.beyond
	return seen, nil
}

func toldQueue(object *api.Object, told []fact) queue {
	q := queue{vhost: object.Text("vhost"), name: object.Text("name"), values: make([]float64, len(told))}
	q.messages, _ = object.Number("messages")
	for i, f := range told {
		v, ok := object.Number(f.key)
		switch {
		case ok:
			q.values[i] = v / f.unit
		case strings.HasPrefix(f.key, "message_stats."):
		default:
			q.values[i] = missing
		}
	}
	return q
}

// listOpen sums over connections and channels.
func (o *objects) listOpen(ctx context.Context, l *listing, here func(*api.Object) bool) error {
	var failed error
	for _, of := range []struct {
		path  string
		facts []fact
		count *frame.Family
	}{
		{"/api/connections", connectionFacts, connectionsFamily},
		{"/api/channels", channelFacts, channelsFamily},
	} {
		sums := newTotal(of.facts)
		err := api.Each(ctx, o.management, of.path, append(keys(of.facts), "name", "node"), func(object *api.Object) error {
			if here(object) {
				sums.add(object)
			}
			return nil
		})
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		sums.into(l.sums)
		l.sums[of.count] = float64(sums.count)
	}
	return failed
}
