package frame

import (
	"context"
	"log/slog"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A Spec describes one target: what it is called, what fills its page, and
// how often it should be asked.
type Spec struct {
	Job      string            // node, postgres, rabbitmq, probe, brick, updates
	ID       string            // slug, unique in the job; the page's last path element
	Instance string            // what the world calls it; job and instance are unique over the site
	Labels   map[string]string // what else whoever scrapes puts on: host, brick, kind, the site's own

	Interval time.Duration // how often the page should be scraped
	Timeout  time.Duration // what one scrape may take

	Collectors []Entry

	// Serial runs the collectors of a scrape one after another, in their order:
	// those that share one connection.
	Serial bool

	// OpenMetrics lets the page be asked for in that format. Pages whose names
	// are those of another exporter answer the classic text only, as it does.
	OpenMetrics bool
	// Alias, where set, repeats duration and success of the collectors under
	// <Alias>_duration_seconds and <Alias>_success: node_scrape_collector.
	Alias string
}

// An Entry is one collector of a target.
type Entry struct {
	Collector Collector
	// Every gives the collector its own clock: it runs once an interval
	// however many scrape, and the page has its newest result. 0 runs it at
	// each scrape.
	Every time.Duration
	// Retry is the interval of that clock while the collector explains a
	// failure, and later up to Every; 0 is Every. Where it could not measure,
	// it runs again after a minute, two, four and so on, if that is sooner.
	Retry time.Duration
	// Spread is within which time of the start the first run is made; 0 is a
	// tenth of Every. Where thousands begin, they are not to begin at once.
	Spread time.Duration
	// Timeout bounds one run of a collector with its own clock; 0 is 80 % of
	// Every. At a scrape the scraper's own timeout decides.
	Timeout time.Duration
}

// A State is how one collector of a target stands, for the status page.
type State struct {
	Collector   string
	LastRun     time.Time
	LastSuccess time.Time // zero: never
	Duration    time.Duration
	Reason      Reason // empty: the last run succeeded
	Error       string // the last run's error, in words
	Explain     string // what the collector found wrong with what it measures
	Aside       string // what it leaves alone here, and why
	Running     bool   // it is running now
	FailedSince time.Time
}

// A Target is one thing measured, ready to be asked for its page. Its methods
// may be called from any goroutine.
type Target struct {
	spec Spec
	runs []*run

	mu      sync.Mutex
	current *gathering // the pass that is under way, shared by all who ask meanwhile
}

// gathering is one pass over the collectors.
type gathering struct {
	done chan struct{}
	page []*dto.MetricFamily // set before done is closed
}

// defaultTimeout is what a scrape may take when the scraper does not say.
const defaultTimeout = 10 * time.Second

// share of the scraper's patience that collectors may use; the rest is for
// writing the page.
const deadlineShare = 0.8

// NewTarget makes a target of its description. Collectors with a clock of
// their own are silent until Run.
func NewTarget(spec Spec, log *slog.Logger) *Target {
	t := &Target{spec: spec}
	for _, e := range spec.Collectors {
		t.runs = append(t.runs, &run{entry: e, spec: &t.spec, log: log})
	}
	return t
}

// Spec returns the target's description.
func (t *Target) Spec() Spec { return t.spec }

// States tells how each collector stands, in the order of the description.
func (t *Target) States() []State {
	states := make([]State, len(t.runs))
	for i, r := range t.runs {
		states[i] = r.snapshot()
	}
	return states
}

// Only returns a target with some of t's collectors, chosen by name: a part of
// its page. They stay the same ones: a run that is under way is shared.
func (t *Target) Only(chosen func(collector string) bool) *Target {
	part := &Target{spec: t.spec}
	for _, r := range t.runs {
		if chosen(r.entry.Collector.Name()) {
			part.runs = append(part.runs, r)
		}
	}
	return part
}

// Run drives the collectors that have a clock of their own, until ctx ends.
func (t *Target) Run(ctx context.Context) {
	var done sync.WaitGroup
	t.Start(ctx, &done)
	done.Wait()
}

// Start is Run that does not wait: done has as many more as there are clocks,
// until ctx has ended and their last runs have returned.
func (t *Target) Start(ctx context.Context, done *sync.WaitGroup) {
	for _, r := range t.runs {
		if r.entry.Every > 0 {
			r.start(ctx, t.spec.Job+t.spec.ID, done)
		}
	}
}

// Gather returns the target's page, its families sorted by name. It never
// fails and always returns before ctx's deadline: a collector that is late is
// left behind, and the page says so. Those who ask while a pass is under way
// share its result.
func (t *Target) Gather(ctx context.Context) []*dto.MetricFamily {
	t.mu.Lock()
	g := t.current
	if g == nil {
		g = &gathering{done: make(chan struct{})}
		t.current = g
		timeout := defaultTimeout
		if deadline, ok := ctx.Deadline(); ok {
			timeout = time.Until(deadline)
		}
		// The pass outlives the request that began it: others may share it.
		passCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(float64(timeout)*deadlineShare))
		go func() {
			defer cancel()
			page := t.pass(passCtx)
			t.mu.Lock()
			t.current = nil
			t.mu.Unlock()
			g.page = page
			close(g.done)
		}()
	}
	t.mu.Unlock()

	select {
	case <-g.done:
		return g.page
	case <-ctx.Done():
		// Only one who joined late and has less patience than the first.
		return t.page(nil)
	}
}

// pass runs all collectors once: side by side, or one after another.
func (t *Target) pass(ctx context.Context) []*dto.MetricFamily {
	results := make([]map[string]*family, len(t.runs))
	var wg sync.WaitGroup
	for i, r := range t.runs {
		if r.entry.Every > 0 {
			results[i] = r.newest(time.Now())
			continue
		}
		if t.spec.Serial {
			results[i] = r.once(ctx)
			continue
		}
		wg.Go(func() { results[i] = r.once(ctx) })
	}
	wg.Wait()
	return t.page(results)
}
