package brick

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"tocsin/bricks"
	"tocsin/exporters/brick/adapter"
	"tocsin/internal/frame"
)

// Options are what the collectors of a brick need from outside.
type Options struct {
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// measureTime is how long all expressions of a page may take together.
const measureTime = time.Second

// New returns the collectors of one brick's target: one that asks, judges and
// measures at each scrape, and one for each request that has its own clock.
// It connects to nobody.
func New(b bricks.Brick, k bricks.Kind, o Options) ([]frame.Entry, error) {
	p, err := compile(k)
	if err != nil {
		return nil, err
	}
	c := &collector{
		brick: b, program: p, now: o.Now, askers: map[string]adapter.Asker{}, every: map[string]time.Duration{},
		kept: &answers{kept: map[string]outcome{}},
	}
	if c.now == nil {
		c.now = time.Now
	}
	entries := []frame.Entry{{Collector: c}}
	for _, name := range k.RequestNames() {
		if b.Address(k, name) == "" {
			continue
		}
		if c.askers[name], err = adapter.New(b, k, name); err != nil {
			return nil, fmt.Errorf("brick %s: request %s: %w", b.Name, name, err)
		}
		every := time.Duration(cmp.Or(b.Requests[name].Interval, k.Requests[name].Interval))
		if every == 0 {
			continue
		}
		c.every[name] = every
		entries = append(entries, frame.Entry{Collector: &dear{owner: c, name: name}, Every: every, Timeout: time.Duration(k.Requests[name].Timeout)})
	}
	return entries, nil
}

// collector makes a brick's page at each scrape.
type collector struct {
	brick   bricks.Brick
	program *program
	now     func() time.Time
	askers  map[string]adapter.Asker
	every   map[string]time.Duration // requests with a clock of their own
	kept    *answers

	mu      sync.Mutex // guards what follows
	newest  Finding
	started float64 // the last start that was believed
}

// Name implements frame.Collector.
func (c *collector) Name() string { return "brick" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family { return slices.Concat(Families(), c.program.declared) }

// Explain implements frame.Explainer.
func (c *collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.newest.Words
}

// Collect implements frame.Collector. A service that is down is a finding, not
// a failure of the collector.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	began := c.now()
	outcomes := c.ask(ctx)
	for name, every := range c.every {
		outcomes[name] = c.kept.get(name, every, began)
	}
	for _, need := range c.brick.Needs {
		s.Send(needsFamily, 1, need)
	}
	// What was learnt is told even when asking has used up the time.
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), measureTime)
	defer cancel()
	found := c.tell(rest, s, newState(c.program.kind, outcomes))
	found.At = began
	c.note(found)
	s.Send(scrapeFamily, c.now().Sub(began).Seconds())
	return nil
}

// ask makes all requests without a clock of their own, side by side.
func (c *collector) ask(ctx context.Context) map[string]outcome {
	outcomes := map[string]outcome{}
	var mu sync.Mutex // guards outcomes
	var wg sync.WaitGroup
	for name := range c.askers {
		if c.every[name] > 0 {
			continue
		}
		wg.Go(func() {
			o := c.request(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			outcomes[name] = o
		})
	}
	wg.Wait()
	return outcomes
}

// share of the time of a scrape that requests may use: the rest is for the
// expressions, so that a service which hangs still gets its page.
const share = 0.9

// request makes one request.
func (c *collector) request(ctx context.Context, name string) outcome {
	r := c.program.kind.Requests[name]
	timeout := time.Duration(r.Timeout)
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Duration(float64(time.Until(deadline)) * share)
		if timeout == 0 || left < timeout {
			timeout = left
		}
	}
	if timeout != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	began := c.now()
	raw, err := c.askers[name].Ask(ctx)
	took := c.now().Sub(began)
	return c.program.decode(name, raw, err, began, took)
}

// decode makes an outcome of an answer, or of a part of it.
func (p *program) decode(name string, raw adapter.Raw, err error, at time.Time, took time.Duration) outcome {
	o := outcome{at: at, took: took, asked: true}
	if err != nil {
		o.failure = adapter.FailureOf(err)
		if len(raw.Body) == 0 {
			return o
		}
	}
	answer, err := adapter.Decode(p.kind.Requests[name], raw, p.wanted)
	if err != nil {
		if o.failure == nil {
			o.failure = adapter.FailureOf(err)
		}
		return o
	}
	answer.Took = took
	o.answer = answer
	return o
}

// tell sends all that follows from the answers, and returns it for people.
func (c *collector) tell(ctx context.Context, s *frame.Sink, st state) Finding {
	p := c.program
	verdict := p.judge(ctx, st)
	found := Finding{Known: verdict.known, Up: verdict.up, Reason: verdict.why.Reason, Words: verdict.why.Words}
	switch {
	case verdict.known && verdict.up:
		s.Send(upFamily, 1)
	case verdict.known:
		s.Send(upFamily, 0)
		s.Send(failureFamily, 1, string(verdict.why.Reason))
	}
	for name, o := range st.outcomes {
		if !o.asked {
			continue
		}
		tellRequest(s, name, o)
	}
	gaps := p.measure(ctx, st, s)
	found.Version = p.versionOf(ctx, st)
	if found.Version != "" {
		s.Send(versionFamily, 1, found.Version)
	}
	if at, ok := p.startOf(ctx, st); ok {
		s.Send(startFamily, c.steady(at))
	}
	for _, o := range st.outcomes {
		if o.answer != nil {
			passOn(s, p.own, o.answer.Families)
		}
	}
	for g := range gaps {
		s.Send(missingFamily, 1, g.metric, string(g.reason))
	}
	found.Failed, found.Missing = failedRequests(st.outcomes), missingMetrics(gaps)
	return found
}

func tellRequest(s *frame.Sink, name string, o outcome) {
	success := 1.0
	if o.failure != nil {
		success = 0
		s.Send(requestFailureFamily, 1, name, string(o.failure.Reason))
	}
	s.Send(requestUpFamily, success, name)
	s.Send(requestDurationFamily, o.took.Seconds(), name)
}

// versionOf returns the version that runs, empty where it is not told.
func (p *program) versionOf(ctx context.Context, st state) string {
	if p.version.query == nil {
		return ""
	}
	if stand := st.of(p.version.reads); stand != ready {
		return ""
	}
	value, err := p.version.query.First(ctx, st.documents)
	if err != nil {
		return ""
	}
	text, reason := labelText(value)
	if reason != "" || len(text) > 64 {
		return ""
	}
	return plain(text)
}

// startOf returns when the service started.
func (p *program) startOf(ctx context.Context, st state) (float64, bool) {
	if p.start.query == nil {
		return 0, false
	}
	if stand := st.of(p.start.reads); stand != ready {
		return 0, false
	}
	value, err := p.start.query.First(ctx, st.documents)
	if err != nil {
		return 0, false
	}
	at, ok := float(value)
	return at, ok && at > 0 && !math.IsInf(at, 0) && !math.IsNaN(at)
}

// jitter is by how much a start may move without being another one: many
// services tell how long they have been up, in whole seconds.
const jitter = 5.0

// steady keeps a start that moves by less than jitter where it was.
func (c *collector) steady(at float64) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if math.Abs(at-c.started) > jitter {
		c.started = at
	}
	return c.started
}
