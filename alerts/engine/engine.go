package engine

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"tocsin/alerts"
	"tocsin/alerts/engine/queryapi"
	"tocsin/internal/sd"
)

const (
	queryTimeout = 30 * time.Second
	// querySamples bounds the memory of one query: 5 million samples are about
	// 80 MB.
	querySamples  = 5_000_000
	lookback      = 5 * time.Minute
	firstScrapes  = 15 * time.Second // how long rules wait for the first measurements
	ballastPeriod = 10 * time.Second
)

// Options is what an engine is made of, for its whole life.
type Options struct {
	Config     Config
	DataDir    string
	Log        *slog.Logger
	Registerer prometheus.Registerer
	// Pages serves this instance's own pages to the inner scraper: /metrics and
	// what lies below it.
	Pages http.Handler
	// Own returns the targets of this instance as they are now. Addresses are
	// ignored: they are reached in memory.
	Own func() []sd.Group
	// Detail says in words what a target of this instance finds wrong that the
	// alert of these labels is about.
	Detail func(alert map[string]string) string
	// CollectorOf names the collector that sends a metric; empty: not known.
	CollectorOf func(metric string) string
	// ExternalURL leads people to this instance; empty: posts have no links.
	ExternalURL string
}

// Settings are what a reload may change.
type Settings struct {
	Hosts []Host
	Rules RuleFiles
	Voice alerts.Voice
}

// Engine is the running inner monitoring system.
type Engine struct {
	opts     Options
	log      *slog.Logger
	db       *tsdb.DB
	queries  *promql.Engine
	inner    *inner
	scraping *scraping
	rules    *evaluation
	am       *alertmanager
	receiver *receiver
	ledger   *ledger
	judge    *judge
	ballast  *ballast
	api      http.Handler

	setAside  string
	diskLimit int64
	pageAt    atomic.Int64 // when this host's page was served last, Unix nanoseconds
	findings  chan finding
	lastEval  atomic.Int64
	stamped   atomic.Int64 // of what was handed on last
	ready     atomic.Bool

	stops []stop // in the order of starting; run backwards

	mu      sync.Mutex // guards what follows
	remotes map[string]*watchedHost
}

type stop struct {
	name string
	do   func()
}

type watchedHost struct {
	*remote
	cancel context.CancelFunc
	done   <-chan struct{}
}

// New opens the data folder and wires everything, without starting it. On an
// error nothing is left open.
func New(opts Options, first Settings) (*Engine, error) {
	if err := prepareFolder(opts.DataDir); err != nil {
		return nil, err
	}
	e := &Engine{
		opts: opts, log: opts.Log.With("room", "engine"),
		findings: make(chan finding, 64), remotes: map[string]*watchedHost{},
	}
	if err := e.build(first); err != nil {
		e.Stop()
		return nil, err
	}
	return e, nil
}

func (e *Engine) onStop(name string, do func()) { e.stops = append(e.stops, stop{name, do}) }

// build is one straight line: each part needs those before it.
func (e *Engine) build(first Settings) error {
	opts := e.opts
	e.ballast = newBallast(opts.DataDir, e.log)
	e.ballast.check()

	external, err := url.Parse(opts.ExternalURL)
	if err != nil {
		return fmt.Errorf("external_url: %w", err)
	}
	quiet := slog.New(warnOnly{e.log.Handler()})
	if e.db, e.setAside, err = openStorage(opts.DataDir, opts.Config, quiet, opts.Registerer); err != nil {
		return err
	}
	e.onStop("storage", func() {
		if err := e.db.Close(); err != nil {
			e.log.Error("measurements were not closed well", "err", err)
		}
	})
	e.diskLimit = sizeLimit(opts.DataDir, opts.Config)
	p := parser.NewParser(parser.Options{})
	e.queries = promql.NewEngine(promql.EngineOpts{
		Logger: quiet, MaxSamples: querySamples, Timeout: queryTimeout, LookbackDelta: lookback,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: p,
	})
	e.onStop("queries", func() { _ = e.queries.Close() })

	e.receiver = &receiver{
		log: e.log, detail: e.detail, link: opts.ExternalURL,
		busy: map[string]*groupLock{}, ended: map[string][]model.Fingerprint{}, waiting: map[model.Fingerprint]chan<- error{},
	}
	e.receiver.setVoice(first.Voice)
	amCtx, cancelAM := context.WithCancel(context.Background())
	e.onStop("alertmanager state", cancelAM)
	if e.am, err = newAlertmanager(amCtx, filepath.Join(opts.DataDir, "alertmanager"), e.receiver, external, quiet, opts.Registerer); err != nil {
		return err
	}

	e.inner = newInner(e.notePage(opts.Pages))
	if e.scraping, err = newScraping(e.db, e.inner, quiet, opts.Registerer); err != nil {
		return err
	}
	rulesCtx, cancelRules := context.WithCancel(context.Background())
	e.onStop("rules context", cancelRules)
	e.rules = newEvaluation(rulesCtx, e.db, e.queries, p, quiet, opts.Registerer)
	e.rules.found = e.found
	e.rules.scraped = func() time.Time { return time.Unix(0, e.pageAt.Load()) }

	e.am.forget = func(fps []model.Fingerprint) { e.ledger.delivered(fps) }
	e.judge = &judge{
		log: e.log, engine: e.queries, db: e.db, configured: e.scraping.configured, collector: opts.CollectorOf,
		recorded: func(name string) parser.Expr { return recordedBy(e.rules.manager.RuleGroups(), name) },
	}
	e.ledger = &ledger{
		file: filepath.Join(opts.DataDir, "alerts.json"), log: e.log,
		judge: e.judge.of, put: e.hand, refresh: e.refresh,
	}
	if err := e.ledger.load(); err != nil {
		return err
	}
	e.api = queryapi.New(queryapi.Options{
		Engine: e.queries, Queryable: e.db, Parser: p, Logger: quiet, Timeout: queryTimeout,
		Rules:   func() queryapi.RulesRetriever { return e.rules.manager },
		Targets: e.scraping.manager.TargetsActive,
	})
	return e.Apply(first)
}

// Start begins: scraping first, then, when there is something to judge, the
// rules. It returns at once; Ready tells when the rules have begun.
func (e *Engine) Start() error {
	if e.setAside != "" {
		go e.sayDirectly("measurements could not be opened and were set aside; a new history begins",
			"The old ones are in "+e.setAside+". Alerts, silences and what was said are not affected.")
	}
	go e.inner.serve()
	e.onStop("inner listener", e.inner.close)
	e.loop("notification log", e.am.maintain)
	e.ledger.repeat(context.Background()) // what the last life knew
	e.am.start()
	e.onStop("alertmanager", e.am.stop)
	e.loop("ledger", e.reconcile)

	// Rules begin after the first scrapes: before, they would believe that
	// nothing is wrong. Stop must find the manager running, or it would wait
	// for groups that never began.
	run := sync.OnceFunc(func() { go e.rules.manager.Run() })
	e.onStop("rules", func() {
		e.rules.hurry.Store(true)
		run()
		e.rules.manager.Stop()
	})
	e.scraping.set(ownPool, e.own())
	go e.scraping.run()
	e.onStop("scraping", e.scraping.stop)
	e.loop("own targets", e.followOwn)
	e.loop("first scrapes", func(ctx context.Context) {
		wait, done := context.WithTimeout(ctx, firstScrapes)
		defer done()
		e.scraping.waitFirst(wait)
		if ctx.Err() == nil {
			run()
			e.ready.Store(true)
		}
	})
	return nil
}

// loop runs a function until its turn to stop comes.
func (e *Engine) loop(name string, run func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	e.onStop(name, func() {
		cancel()
		<-done
	})
}

// Stop ends everything, newest first, and returns when all is on disk.
func (e *Engine) Stop() {
	e.mu.Lock()
	for _, r := range e.remotes {
		r.cancel()
		<-r.done
	}
	e.mu.Unlock()
	for _, s := range slices.Backward(e.stops) {
		began := time.Now()
		s.do()
		if took := time.Since(began); took > time.Second {
			e.log.Info("part stopped", "part", s.name, "took", took.Round(time.Millisecond))
		}
	}
	e.stops = nil
}

// QueryAPI serves /api/v1/.
func (e *Engine) QueryAPI() http.Handler { return e.api }

// AlertmanagerAPI serves /api/v2/. It is an administrator's API without any
// authentication of its own.
func (e *Engine) AlertmanagerAPI() http.Handler { return e.am.handler }

// followOwn keeps the engine's list of this instance's targets as it is now.
func (e *Engine) followOwn(ctx context.Context) {
	tick := time.NewTicker(listInterval)
	defer tick.Stop()
	ballastTick := time.NewTicker(ballastPeriod)
	defer ballastTick.Stop()
	for {
		e.scraping.set(ownPool, e.own())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-ballastTick.C:
			e.ballast.check()
		}
	}
}

// own lists this instance's targets as they are reached from within.
func (e *Engine) own() []sd.Group {
	groups := e.opts.Own()
	for i := range groups {
		groups[i].Targets = []string{innerHost}
	}
	return groups
}

// notePage notes when this host's page was served: the rules follow it.
func (e *Engine) notePage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if r.URL.Path == "/metrics" {
			e.pageAt.Store(time.Now().UnixNano())
		}
	})
}

// found hands what a group said to the ledger.
func (e *Engine) found(ctx context.Context, f finding) {
	e.lastEval.Store(time.Now().UnixNano())
	select {
	case e.findings <- f:
	case <-ctx.Done():
	}
}

// reconcile keeps the ledger: it takes what the rules say, ends what no rule
// watches any more, and repeats all that is known once a minute.
func (e *Engine) reconcile(ctx context.Context) {
	work := context.WithoutCancel(ctx) // a judgement that has begun is finished
	prune, repeat := time.NewTicker(nodeInterval), time.NewTicker(repeatAll)
	defer prune.Stop()
	defer repeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-e.findings:
			e.ledger.take(work, f)
		case <-prune.C:
			e.ledger.prune(work, e.rules.names())
		case <-repeat.C:
			e.ledger.repeat(work)
		}
	}
}

// detail says in words what is wrong with an alert's target: what it says of
// itself, else why it could not be scraped.
func (e *Engine) detail(alert map[string]string) string {
	if text := e.opts.Detail(alert); text != "" {
		return text
	}
	job, instance := alert["job"], alert["instance"]
	for k, h := range e.scraping.health() {
		if k.key != (key{job, instance}) || h.err == "" {
			continue
		}
		_, why, found := strings.Cut(h.err, `": `) // Get "http://…": dial tcp …
		if !found {
			why = h.err
		}
		return why
	}
	return ""
}
