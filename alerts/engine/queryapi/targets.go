package queryapi

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
)

type targetList struct {
	Active        []target       `json:"activeTargets"`
	Dropped       []target       `json:"droppedTargets"` // always empty: see the package's comment
	DroppedCounts map[string]int `json:"droppedTargetCounts"`
}

type target struct {
	DiscoveredLabels   labels.Labels       `json:"discoveredLabels"`
	Labels             labels.Labels       `json:"labels"`
	ScrapePool         string              `json:"scrapePool"`
	ScrapeURL          string              `json:"scrapeUrl"`
	GlobalURL          string              `json:"globalUrl"`
	LastError          string              `json:"lastError"`
	LastScrape         time.Time           `json:"lastScrape"`
	LastScrapeDuration float64             `json:"lastScrapeDuration"`
	Health             scrape.TargetHealth `json:"health"`
	ScrapeInterval     string              `json:"scrapeInterval"`
	ScrapeTimeout      string              `json:"scrapeTimeout"`
}

func (a *api) targets(r *http.Request, out *reply) error {
	list := targetList{Active: []target{}, Dropped: []target{}}
	state, only := strings.ToLower(r.FormValue("state")), r.FormValue("scrapePool")
	pools := a.Targets()
	if state == "" || state == "any" || state == "active" {
		for _, pool := range slices.Sorted(maps.Keys(pools)) {
			if only != "" && pool != only {
				continue
			}
			for _, t := range pools[pool] {
				list.Active = append(list.Active, describe(pool, t))
			}
		}
	}
	if state == "" || state == "any" || state == "dropped" {
		list.DroppedCounts = make(map[string]int, len(pools))
		for pool := range pools {
			list.DroppedCounts[pool] = 0
		}
	}
	return out.send(list, nil, "")
}

func describe(pool string, t *scrape.Target) target {
	builder := labels.NewBuilder(labels.EmptyLabels())
	address := t.URL().String()
	d := target{
		DiscoveredLabels: t.DiscoveredLabels(builder), Labels: t.Labels(builder),
		ScrapePool: pool, ScrapeURL: address, GlobalURL: address,
		LastScrape: t.LastScrape(), LastScrapeDuration: t.LastScrapeDuration().Seconds(), Health: t.Health(),
		ScrapeInterval: t.GetValue(model.ScrapeIntervalLabel), ScrapeTimeout: t.GetValue(model.ScrapeTimeoutLabel),
	}
	if err := t.LastError(); err != nil {
		d.LastError = err.Error()
	}
	return d
}

// A description is what one target says of a metric.
type description struct {
	Type model.MetricType `json:"type"`
	Help string           `json:"help"`
	Unit string           `json:"unit"`
}

// metadata merges what the targets say of their metrics. Where Prometheus
// leaves the order, and so the effect of the limits, to chance, ours is sorted.
func (a *api) metadata(r *http.Request, out *reply) error {
	limit, err := countParam(r, "limit")
	if err != nil {
		return err
	}
	perMetric, err := countParam(r, "limit_per_metric")
	if err != nil {
		return err
	}
	known := a.descriptions(r.FormValue("metric"))
	found := make(map[string][]description, len(known))
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if limit >= 0 && len(found) >= limit {
			break
		}
		list := slices.SortedFunc(maps.Keys(known[name]), func(x, y description) int {
			return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.Help, y.Help), cmp.Compare(x.Unit, y.Unit))
		})
		if perMetric > 0 && len(list) > perMetric {
			list = list[:perMetric]
		}
		found[name] = list
	}
	return out.send(found, nil, "")
}

// descriptions collects the distinct ones by metric; of one metric, if named.
func (a *api) descriptions(metric string) map[string]map[description]struct{} {
	known := map[string]map[description]struct{}{}
	add := func(m scrape.MetricMetadata) {
		if known[m.MetricFamily] == nil {
			known[m.MetricFamily] = map[description]struct{}{}
		}
		known[m.MetricFamily][description{m.Type, m.Help, m.Unit}] = struct{}{}
	}
	for _, pool := range a.Targets() {
		for _, t := range pool {
			if metric != "" {
				if m, ok := t.GetMetadata(metric); ok {
					add(m)
				}
				continue
			}
			for _, m := range t.ListMetadata() {
				add(m)
			}
		}
	}
	return known
}
