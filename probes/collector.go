package probes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
	"tocsin/internal/problem"
	"tocsin/probes/probe"
)

// A Collector looks at one target each time that its page is asked for. It is
// a frame.Collector and a frame.Explainer.
type Collector struct {
	prober  probe.Prober
	timeout time.Duration

	mu   sync.Mutex // guards past
	past History
}

// New makes the collector of an entry of the site file. It fails when the
// entry is wrong, or a file that it names cannot be read.
func New(cfg Config, opts Options) (*Collector, error) {
	prober, err := NewProber(cfg, opts)
	if err != nil {
		return nil, err
	}
	cfg.SetDefaults()
	return &Collector{
		prober: prober, timeout: time.Duration(cfg.Timeout),
		past: NewHistory(opts.Depth),
	}, nil
}

// NewProber makes the prober of an entry of the site file.
func NewProber(cfg Config, opts Options) (Prober, error) {
	cfg.SetDefaults()
	found := problem.New()
	cfg.Validate(found)
	var errs []error
	for _, p := range found.All() {
		errs = append(errs, fmt.Errorf("%s: %s", p.Path, p.Text))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return cfg.build(&opts)
}

// Name implements frame.Collector.
func (c *Collector) Name() string { return "probe" }

// Families implements frame.Collector.
func (c *Collector) Families() []*frame.Family { return FamiliesOf(c.prober) }

// Collect implements frame.Collector. A service that fails is no failure of
// the collector: the page says probe_success 0 and why. The collector fails
// when it could not look; the page then says nothing of the service.
func (c *Collector) Collect(ctx context.Context, s *frame.Sink) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("not measured: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience(ctx))
	defer cancel()
	r := c.prober.Probe(ctx)
	c.mu.Lock()
	c.past.Add(&r)
	c.mu.Unlock()
	if r.Unmeasured != nil {
		return r.Unmeasured
	}
	send(s, &r)
	return nil
}

// patience is how long a look may take: the probe's own timeout, or what ctx
// leaves, less a tenth (half a second at most) to put the page together.
func (c *Collector) patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return c.timeout
	}
	left := time.Until(deadline)
	return min(c.timeout, left-min(left/10, 500*time.Millisecond))
}

// Explain implements frame.Explainer: why the newest look failed, or nothing.
func (c *Collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.past.Measured(); r != nil {
		return r.Explain()
	}
	return ""
}

// Last returns the newest look that told something of the service; false
// before the first. What it points to is not to be changed.
func (c *Collector) Last() (Result, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.past.Measured(); r != nil {
		return *r, true
	}
	return Result{}, false
}

// Looks returns the newest looks, the newest first, and the newest that
// failed; nil without one. What it points to is not to be changed.
func (c *Collector) Looks() (newest []*Result, failure *Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.past.Looks()
}

// Run looks once at what an entry describes, as tocsin probe does. Its error
// says that the entry is wrong, and what to write.
func Run(ctx context.Context, cfg Config, opts Options) (Result, error) {
	prober, err := NewProber(cfg, opts)
	if err != nil {
		return Result{}, err
	}
	cfg.SetDefaults()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(cfg.Timeout))
	defer cancel()
	r := prober.Probe(ctx)
	r.Name = cfg.Name
	return r, cfg.tellBeside(ctx, &opts, &r)
}

// Page returns what a result of a prober looks like on a page of metrics.
func Page(prober Prober, r *Result) ([]*dto.MetricFamily, error) {
	s := frame.NewSink(FamiliesOf(prober))
	send(s, r)
	return s.Page()
}
