package app

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"time"

	"tocsin/internal/config"
	"tocsin/internal/frame"
	"tocsin/probes"
)

// probeShare of a probe's timeout is what its run may take: the probe keeps
// a tenth of its time to say how it went.
const probeShare = 1.2

// accounts is of how many looks in all the account is kept, step by step, for
// the pages of probes.
const accounts = 2000

// probeTargets makes the targets of each probe of the site.
func probeTargets(site *config.Site, old *generation, log *slog.Logger) ([][]*frame.Target, error) {
	all := site.AllProbes()
	opts := probes.Options{Depth: max(1, accounts/max(1, len(all)))}
	kept := unchangedProbes(old, site)
	targets := make([][]*frame.Target, 0, len(all))
	for _, cfg := range all {
		t, ok := kept[cfg.Slug()]
		if !ok {
			one, err := probeTarget(site, cfg, opts, log)
			if err != nil {
				return nil, err
			}
			t = []*frame.Target{one}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// unchangedProbes are the old targets of the probes about which nothing
// changed, by the names of their pages: their newest results stay.
func unchangedProbes(old *generation, site *config.Site) map[string][]*frame.Target {
	if old == nil || !maps.Equal(old.site.Labels, site.Labels) {
		return nil
	}
	before := map[string]int{}
	was := old.site.AllProbes()
	for i := range was {
		before[was[i].Slug()] = i
	}
	kept := map[string][]*frame.Target{}
	for _, cfg := range site.AllProbes() {
		if i, ok := before[cfg.Slug()]; ok && reflect.DeepEqual(was[i], cfg) {
			kept[cfg.Slug()] = old.probes[i]
		}
	}
	return kept
}

// probeTarget is one look from outside. It is made on its own clock, since it
// may take longer than a scrape; the page has the newest.
func probeTarget(site *config.Site, cfg probes.Config, opts probes.Options, log *slog.Logger) (*frame.Target, error) {
	collector, err := probes.New(cfg, opts)
	if err != nil {
		return nil, fmt.Errorf("probe of %s: %w", cfg.Instance(), err)
	}
	l := labels(site, cfg.On)
	maps.Copy(l, cfg.Labels)
	scrape := cfg.PageInterval()
	spec := frame.Spec{
		Job: cmp.Or(cfg.Job, "probe"), ID: cfg.Slug(), Instance: cfg.Instance(), Labels: l,
		Interval: scrape, Timeout: share(scrape),
		Collectors: []frame.Entry{{
			Collector: collector, Every: time.Duration(cfg.Interval), Retry: time.Duration(cfg.RetryInterval),
			Timeout: time.Duration(float64(cfg.Timeout) * probeShare),
		}},
	}
	return frame.NewTarget(spec, log), nil
}
