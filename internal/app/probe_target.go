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
	"tocsin/probes/allow"
	"tocsin/probes/elsewhere"
)

// besidePatience is what a look beside a probe may take, several requests
// long; it holds up nobody.
const besidePatience = 30 * time.Second

// probeShare of a probe's timeout is what its run may take: the probe keeps
// a tenth of its time to say how it went.
const probeShare = 1.2

// accounts is of how many looks in all the account is kept, step by step, for
// the pages of probes.
const accounts = 2000

// startShare is what the start of each probe adds to the time within which
// their first looks are made.
const startShare = 4 * time.Millisecond

// probeTargets makes the targets of each probe of the site.
func probeTargets(site *config.Site, old *generation, allowed func() *allow.List, log *slog.Logger) ([][]*frame.Target, error) {
	all := site.AllProbes()
	opts := probes.Options{Depth: max(1, accounts/max(1, len(all))), Allowed: allowed}
	kept := unchangedProbes(old, site)
	targets := make([][]*frame.Target, 0, len(all))
	for _, cfg := range all {
		t, ok := kept[cfg.Slug()]
		if !ok {
			var err error
			if t, err = placesOf(site, cfg, opts, time.Duration(len(all))*startShare, log); err != nil {
				return nil, err
			}
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
	sameHosts := reflect.DeepEqual(old.site.Hosts, site.Hosts)
	for _, cfg := range site.AllProbes() {
		if len(cfg.From) > 0 && !sameHosts {
			continue // who is asked may have changed
		}
		if i, ok := before[cfg.Slug()]; ok && reflect.DeepEqual(was[i], cfg) {
			kept[cfg.Slug()] = old.probes[i]
		}
	}
	return kept
}

// placesOf makes the targets of one probe: one for each place that it is to be
// looked at from.
func placesOf(site *config.Site, cfg probes.Config, opts probes.Options, spread time.Duration, log *slog.Logger) ([]*frame.Target, error) {
	from := cfg.From
	if len(from) == 0 {
		from = []string{site.HostName()}
	}
	var targets []*frame.Target
	for _, name := range from {
		collector, err := lookFrom(name, site, cfg, opts)
		if err != nil {
			return nil, fmt.Errorf("probe of %s: %w", cfg.Instance(), err)
		}
		spec := probeSpec(site, &cfg, name, collector)
		spec.Collectors[0].Spread = spread
		if name == site.HostName() {
			beside, every, err := probes.NewBeside(cfg, opts)
			if err != nil {
				return nil, fmt.Errorf("probe of %s: %w", cfg.Instance(), err)
			}
			if beside != nil {
				spec.Collectors = append(spec.Collectors, frame.Entry{Collector: beside, Every: every, Timeout: besidePatience})
			}
		}
		targets = append(targets, frame.NewTarget(spec, log))
	}
	return targets, nil
}

// lookFrom is the collector that has a probe made at one place.
func lookFrom(name string, site *config.Site, cfg probes.Config, opts probes.Options) (frame.Collector, error) {
	if name == site.HostName() {
		return probes.New(cfg, opts)
	}
	for _, h := range hosts(site) {
		if h.Name != name {
			continue
		}
		client, err := h.Client()
		if err != nil {
			return nil, err
		}
		return elsewhere.New(cfg, elsewhere.Place{Name: name, Address: h.URL(), Client: client}, opts)
	}
	return nil, fmt.Errorf("there is no host %s", name)
}

// probeSpec describes one look from outside. It is made on its own clock, since
// it may take longer than a scrape; the page has the newest.
func probeSpec(site *config.Site, cfg *probes.Config, from string, collector frame.Collector) frame.Spec {
	l := labels(site, cfg.On)
	maps.Copy(l, cfg.Labels)
	id, timeout := cfg.Slug(), time.Duration(cfg.Timeout)
	if from != site.HostName() {
		l["from"] = from
		id += "@" + from
		timeout += elsewhere.Spare
	}
	scrape := cfg.PageInterval()
	return frame.Spec{
		Job: cmp.Or(cfg.Job, "probe"), ID: id, Instance: cfg.Instance(), Labels: l,
		Interval: scrape, Timeout: share(scrape),
		Collectors: []frame.Entry{{
			Collector: collector, Every: time.Duration(cfg.Interval), Retry: time.Duration(cfg.RetryInterval),
			Timeout: time.Duration(float64(timeout) * probeShare),
		}},
	}
}
