package engine

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"

	"tocsin/internal/sd"
)

// Bounds on what one scrape may bring; far above what our own pages have, they
// keep a wrong or hostile page from filling memory and disk.
const (
	maxPage        = 32 << 20 // bytes, uncompressed
	maxSamples     = 100_000
	maxLabels      = 64
	maxLabelValue  = 4096
	nodeInterval   = 5 * time.Second
	listInterval   = time.Second // how soon a changed list of targets takes effect
	ownPool        = "own"
	scrapeDefaults = `
global:
  scrape_interval: 15s
  scrape_timeout: 10s
`
)

// scraping owns the scrape manager and the lists of targets that it works on.
type scraping struct {
	log     *slog.Logger
	manager *scrape.Manager
	sets    chan map[string][]*targetgroup.Group
	changed chan struct{} // a list changed: send them all
	stopped chan struct{}

	mu      sync.Mutex // guards what follows
	lists   map[string][]sd.Group
	pools   map[string]bool
	refused map[key]string // targets that two lists name, and the list that was not followed
}

func newScraping(db *tsdb.DB, in *inner, log *slog.Logger, reg prometheus.Registerer) (*scraping, error) {
	manager, err := scrape.NewManager(&scrape.Options{
		DiscoveryReloadOnStartup: true,
		DiscoveryReloadInterval:  model.Duration(listInterval),
		HTTPClientOptions:        []commonconfig.HTTPClientOption{commonconfig.WithDialContextFunc(in.dial)},
	}, log, nil, nil, db, reg)
	if err != nil {
		return nil, fmt.Errorf("scraping: %w", err)
	}
	return &scraping{
		log: log, manager: manager,
		sets:    make(chan map[string][]*targetgroup.Group),
		changed: make(chan struct{}, 1),
		stopped: make(chan struct{}),
		lists:   map[string][]sd.Group{},
		pools:   map[string]bool{},
	}, nil
}

// run scrapes until stop.
func (s *scraping) run() {
	go s.send()
	if err := s.manager.Run(s.sets); err != nil {
		s.log.Error("scraping ended", "err", err)
	}
}

func (s *scraping) stop() {
	close(s.stopped)
	s.manager.Stop()
}

// apply sets the pools: one for this instance, and one for each remote host
// with its way in. Lists of hosts that are gone are emptied.
func (s *scraping) apply(hosts []Host) error {
	cfg, err := config.Load(scrapeDefaults, s.log)
	if err != nil {
		return fmt.Errorf("scraping: %w", err)
	}
	pools := map[string]bool{ownPool: true}
	cfg.ScrapeConfigs = append(cfg.ScrapeConfigs, scrapePool(ownPool, commonconfig.DefaultHTTPClientConfig))
	for _, h := range hosts {
		client, err := h.clientConfig()
		if err != nil {
			return err
		}
		pool := scrapePool(h.pool(), client)
		pool.Scheme = h.scheme()
		pools[h.pool()] = true
		cfg.ScrapeConfigs = append(cfg.ScrapeConfigs, pool)
	}
	for _, pool := range cfg.ScrapeConfigs {
		if err := pool.Validate(cfg.GlobalConfig); err != nil {
			return fmt.Errorf("scraping %s: %w", pool.JobName, err)
		}
	}
	if err := s.manager.ApplyConfig(cfg); err != nil {
		return fmt.Errorf("scraping: %w", err)
	}
	s.mu.Lock()
	for name := range s.lists {
		if !pools[name] {
			delete(s.lists, name) // the manager has dropped the pool with its targets
		}
	}
	s.pools = pools
	s.mu.Unlock()
	s.touch()
	return nil
}

func scrapePool(name string, client commonconfig.HTTPClientConfig) *config.ScrapeConfig {
	pool := config.DefaultScrapeConfig
	pool.JobName = name
	pool.HonorLabels = false
	pool.HTTPClientConfig = client
	pool.HTTPClientConfig.FollowRedirects = false
	pool.BodySizeLimit = maxPage
	pool.SampleLimit = maxSamples
	pool.LabelLimit = maxLabels
	pool.LabelValueLengthLimit = maxLabelValue
	return &pool
}

// set replaces the targets of one pool. An unchanged list is no work.
func (s *scraping) set(pool string, groups []sd.Group) {
	s.mu.Lock()
	old, ok := s.lists[pool]
	same := ok && reflect.DeepEqual(old, groups)
	if !same {
		s.lists[pool] = groups
	}
	s.mu.Unlock()
	if !same {
		s.touch()
	}
}

func (s *scraping) touch() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// send gives the manager all lists whenever one changed. It alone sends, and
// reads the lists when it does: a list can be late, never lost.
func (s *scraping) send() {
	for {
		select {
		case <-s.stopped:
			return
		case <-s.changed:
		}
		select {
		case <-s.stopped:
			return
		case s.sets <- s.targets():
		}
	}
}

// targets writes the lists as the manager takes them. Of two targets with the
// same job and instance the first is scraped, this instance's own before
// others: two would be one series, and the alerts of one the other's. One list
// may have a target several times, looked at from several places.
func (s *scraping) targets() map[string][]*targetgroup.Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, refused := map[key]string{}, map[key]string{}
	places := map[placed]bool{}
	sets := make(map[string][]*targetgroup.Group, len(s.lists))
	for _, pool := range slices.SortedFunc(maps.Keys(s.lists), ownFirst) {
		sets[pool] = []*targetgroup.Group{{Source: pool}} // an empty list removes a pool's targets
		for i, g := range s.lists[pool] {
			k := key{g.Labels[sd.LabelJob], g.Labels[sd.LabelInstance]}
			place := placed{k, g.Labels["from"]}
			if other, taken := owner[k]; taken && (other != pool || places[place]) {
				refused[k] = pool
				if s.refused[k] != pool {
					s.log.Error("two targets have the same job and instance, the second is not scraped", "job", k.job, "instance", k.instance, "first", other, "second", pool)
				}
				continue
			}
			owner[k], places[place] = pool, true
			tg := &targetgroup.Group{Source: fmt.Sprintf("%s/%d", pool, i), Labels: model.LabelSet{}}
			for _, addr := range g.Targets {
				tg.Targets = append(tg.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(addr)})
			}
			for k, v := range g.Labels {
				tg.Labels[model.LabelName(k)] = model.LabelValue(v)
			}
			sets[pool] = append(sets[pool], tg)
		}
	}
	s.refused = refused
	return sets
}

func ownFirst(a, b string) int {
	if (a == ownPool) != (b == ownPool) {
		if a == ownPool {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

// duplicates lists the targets that are not scraped because an earlier list
// has one of the same name.
func (s *scraping) duplicates() map[key]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.refused)
}

// A key names a target over the site.
type key struct{ job, instance string }

// placed is a target as it is measured from one place.
type placed struct {
	key
	from string
}

// configured tells which targets the lists have now.
func (s *scraping) configured() map[key]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := map[key]bool{}
	for _, list := range s.lists {
		for _, g := range list {
			have[key{g.Labels[sd.LabelJob], g.Labels[sd.LabelInstance]}] = true
		}
	}
	return have
}

// health is how the newest scrape of each active target went.
type health struct {
	up      bool
	scraped time.Time // zero: not yet
	err     string
	labels  map[string]string
}

func (s *scraping) health() map[placed]health {
	out := map[placed]health{}
	for _, targets := range s.manager.TargetsActive() {
		for _, t := range targets {
			h := health{up: t.Health() == scrape.HealthGood, scraped: t.LastScrape(), labels: map[string]string{}}
			t.LabelsRange(func(l labels.Label) { h.labels[l.Name] = l.Value })
			if err := t.LastError(); err != nil {
				h.err = err.Error()
			}
			out[placed{key{t.GetValue("job"), t.GetValue("instance")}, t.GetValue("from")}] = h
		}
	}
	return out
}

// waitFirst returns when each target of the lists was scraped once, or ctx
// ends: rules that are evaluated before would believe that nothing is wrong.
func (s *scraping) waitFirst(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		scraped := map[key]bool{}
		for k, h := range s.health() {
			scraped[k.key] = scraped[k.key] || !h.scraped.IsZero()
		}
		missing := false
		for k := range s.configured() {
			missing = missing || !scraped[k]
		}
		if !missing {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
