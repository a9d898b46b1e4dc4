package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/tsdb"
)

// What Prometheus' program sets by flags; the package has no defaults.
const (
	outageTolerance = time.Hour
	// resendDelay matters only for the package's own bookkeeping: what has
	// ended is decided by the ledger.
	resendDelay = 20 * time.Second
	// scrapeSettle is how long after a scrape its samples are certainly stored.
	scrapeSettle = 50 * time.Millisecond
)

// RuleFiles are rule files in standard form, by name. Names must be stable:
// a group is known by its file and its name.
type RuleFiles map[string][]byte

// evaluation owns the rule manager.
type evaluation struct {
	manager *rules.Manager
	log     *slog.Logger
	files   atomic.Pointer[RuleFiles]
	parser  parser.Parser
	found   func(context.Context, finding) // takes what each evaluation said
	scraped func() time.Time               // when this host's page was scraped last
	hurry   atomic.Bool                    // a reload wants the groups to end: do not wait for a scrape

	mu     sync.Mutex     // guards counts
	counts map[string]int // evaluations of each group since the start
}

func newEvaluation(ctx context.Context, db *tsdb.DB, eng *promql.Engine, p parser.Parser, log *slog.Logger, reg prometheus.Registerer) *evaluation {
	ev := &evaluation{parser: p, log: log, counts: map[string]int{}}
	ev.files.Store(&RuleFiles{})
	ev.manager = rules.NewManager(&rules.ManagerOptions{
		Context:              ctx,
		QueryFunc:            rules.EngineQueryFunc(eng, db),
		Appendable:           db,
		Queryable:            db,
		NotifyFunc:           func(context.Context, string, ...*rules.Alert) {}, // the ledger reads the rules' state itself
		Logger:               log,
		Registerer:           reg,
		OutageTolerance:      outageTolerance,
		ForGracePeriod:       0, // see "The restart gap" in the design: else a false "resolved" after each restart
		ResendDelay:          resendDelay,
		GroupLoader:          ev,
		Parser:               p,
		NameValidationScheme: model.UTF8Validation,
		RestoreNewRuleGroups: true,
	})
	return ev
}

// Load implements rules.GroupLoader over files in memory.
func (ev *evaluation) Load(name string, ignoreUnknown bool, scheme model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	content, ok := (*ev.files.Load())[name]
	if !ok {
		return nil, []error{fmt.Errorf("rule file %s is not there", name)}
	}
	return rulefmt.Parse(content, ignoreUnknown, scheme, ev.parser, ev.log)
}

// Parse implements rules.GroupLoader.
func (ev *evaluation) Parse(query string) (parser.Expr, error) { return ev.parser.ParseExpr(query) }

// CheckRules proves that the engine would take these files. It touches
// nothing.
func CheckRules(files RuleFiles) error {
	p := parser.NewParser(parser.Options{})
	var all []error
	for _, name := range sortedNames(files) {
		_, errs := rulefmt.Parse(files[name], false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
		for _, err := range errs {
			all = append(all, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(all...)
}

// apply loads the files. Unchanged groups keep running.
func (ev *evaluation) apply(files RuleFiles, externalURL string) error {
	if err := CheckRules(files); err != nil {
		return err
	}
	if _, err := url.Parse(externalURL); err != nil {
		return fmt.Errorf("external_url: %w", err)
	}
	ev.hurry.Store(true)
	defer ev.hurry.Store(false)
	old := ev.files.Swap(&files)
	err := ev.manager.Update(nodeInterval, sortedNames(files), labels.EmptyLabels(), externalURL, ev.iterate)
	if err != nil {
		ev.files.Store(old)
	}
	return err
}

func sortedNames(files RuleFiles) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// iterate evaluates one group, once. A group of the node's pace first waits
// for the next scrape of this host's page, so that what was measured is judged
// at once and not a phase later.
func (ev *evaluation) iterate(ctx context.Context, g *rules.Group, scheduled time.Time) {
	at := scheduled
	if g.Interval() <= nodeInterval {
		ev.awaitScrape(ctx, scheduled)
		at = time.Now()
	}
	if ctx.Err() != nil {
		return
	}
	rules.DefaultEvalIterationFunc(ctx, g, at)
	ev.mu.Lock()
	ev.counts[rules.GroupKey(g.File(), g.Name())]++
	count := ev.counts[rules.GroupKey(g.File(), g.Name())]
	ev.mu.Unlock()
	ev.found(ctx, takeFinding(g, at, count))
}

// awaitScrape returns once the page was scraped after since, or when the next
// evaluation would be due.
func (ev *evaluation) awaitScrape(ctx context.Context, since time.Time) {
	limit := time.NewTimer(nodeInterval - nodeInterval/20)
	defer limit.Stop()
	tick := time.NewTicker(scrapeSettle)
	defer tick.Stop()
	for seen := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-limit.C:
			return
		case <-tick.C:
			if seen || ev.hurry.Load() {
				return
			}
			seen = ev.scraped().After(since)
		}
	}
}

// names lists the groups that exist.
func (ev *evaluation) names() []string {
	var keys []string
	for _, g := range ev.manager.RuleGroups() {
		keys = append(keys, rules.GroupKey(g.File(), g.Name()))
	}
	return keys
}
