package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"sync"
	"time"

	"tocsin/alerts"
	"tocsin/alerts/engine"
	"tocsin/alerts/heartbeat"
	"tocsin/exporters/host"
	"tocsin/exporters/host/backups"
	"tocsin/internal/config"
	"tocsin/internal/frame"
	"tocsin/internal/web"
	"tocsin/internal/web/access"
	"tocsin/probes"
	"tocsin/updatewatch"
)

const (
	// scrapeShare of an interval is what one scrape may take.
	scrapeShare = 0.9
	// probeShare of a probe's timeout is what its run may take: the probe keeps
	// a tenth of its time to say how it went.
	probeShare = 1.2
	// besidePatience is what a look beside a probe may take, several requests
	// long; it holds up nobody.
	besidePatience = 30 * time.Second
)

// generation is what one configuration made; a reload replaces it whole.
type generation struct {
	site         *config.Site
	view         *web.View
	settings     engine.Settings
	servers      []measured
	probes       []*frame.Target      // of view.Targets those that look from outside, in the site's order
	voice        *voice               // nil: the engine is off
	heartbeat    *heartbeat.Heartbeat // nil: none
	updates      *updatewatch.Watcher // nil: none
	updatesVoice alerts.Voice         // nil: nobody is told of them
	words        alerts.Wording
	loadedAt     time.Time
	// How long before a certificate's end the site's rules alert.
	certificateSoon, certificateLast time.Duration

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// generation builds all that a configuration asks for, and starts nothing.
// What did not change since old, and has a state of its own, is taken over.
func (a *App) generation(site *config.Site, old *generation) (*generation, error) {
	g := &generation{
		site: site, loadedAt: time.Now(),
		words: alerts.Wording{Language: site.Language, Location: site.Location()},
	}
	who, err := access.New(access.Options{
		Config: site.Web, Advertise: site.Advertise, ExternalURL: site.ExternalURL, Hostname: site.HostName(), Log: a.log,
	})
	if err != nil {
		return nil, err
	}
	g.view = &web.View{Advertise: site.Advertise, Access: who, Probe: a.prober(site)}
	if g.view.Node = unchangedNode(old, site); g.view.Node == nil {
		g.view.Node = nodeTarget(site, a.log)
	}
	services, err := brickTargets(site, a.log)
	if err != nil {
		return nil, err
	}
	if g.servers, err = servers(site, old, a.log); err != nil {
		return nil, err
	}
	for _, p := range site.AllProbes() {
		t := unchangedProbe(old, site, p)
		if t == nil {
			if t, err = probeTarget(site, p, a.log); err != nil {
				return nil, err
			}
		}
		g.probes = append(g.probes, t)
	}
	g.view.Targets = services
	for _, s := range g.servers {
		g.view.Targets = append(g.view.Targets, s.target)
	}
	g.view.Targets = append(g.view.Targets, g.probes...)
	g.certificateSoon, g.certificateLast = certificateDays(site)
	if site.Engine.Off {
		site.ForgetRules()
		return g, a.watchUpdates(g, old)
	}
	g.settings.Rules = site.RuleTexts()
	g.settings.Hosts = hosts(site)
	if old != nil && sameVoice(old.site, site) {
		g.voice = old.voice
	} else if g.voice, err = a.newVoice(site, g.words); err != nil {
		return nil, err
	}
	g.settings.Voice = g.voice
	if h := site.Alerts.Heartbeat; !h.IsZero() {
		g.heartbeat = heartbeat.New(h, heartbeat.Options{Healthy: a.healthy, Registerer: a.registry, Logger: a.log})
	}
	return g, a.watchUpdates(g, old)
}

// run starts what runs by itself.
func (g *generation) run() {
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	for _, t := range g.targets() {
		g.done.Go(func() { t.Run(ctx) })
	}
	if g.voice != nil {
		g.done.Go(func() { g.voice.run(ctx) })
	}
	if g.heartbeat != nil {
		g.done.Go(func() { g.heartbeat.Run(ctx) })
	}
	if g.updates != nil {
		g.done.Go(func() { g.updates.Run(ctx) })
	}
}

// end stops it again and waits.
func (g *generation) end() {
	if g.cancel != nil {
		g.cancel()
	}
	g.done.Wait()
}

// targets returns all of this instance.
func (g *generation) targets() []*frame.Target {
	return append([]*frame.Target{g.view.Node}, g.view.Targets...)
}

// nodeTarget is this machine.
func nodeTarget(site *config.Site, log *slog.Logger) *frame.Target {
	interval := time.Duration(site.Intervals.Node)
	job, instance := site.HostLabels()
	spec := frame.Spec{
		Job: job, Instance: instance, Labels: labels(site, site.HostName()),
		Interval: interval, Timeout: share(interval), Alias: "node_scrape_collector",
	}
	spec.Collectors = host.New(site.Host, log)
	if len(site.Backups) > 0 {
		spec.Collectors = append(spec.Collectors, backups.New(site.Backups, backups.Options{Location: site.Location(), Covered: site.Coverage()}))
	}
	return frame.NewTarget(spec, log)
}

// unchangedNode returns the old target of this machine, if nothing about it
// changed: it goes on with what it knows, a mount that hangs among it.
func unchangedNode(old *generation, site *config.Site) *frame.Target {
	if old == nil || !reflect.DeepEqual(old.site.Host, site.Host) || old.site.Intervals != site.Intervals || !maps.Equal(old.site.Labels, site.Labels) {
		return nil
	}
	if !reflect.DeepEqual(old.site.Backups, site.Backups) || old.site.Timezone != site.Timezone || !maps.Equal(old.site.Coverage(), site.Coverage()) {
		return nil
	}
	return old.view.Node
}

// unchangedProbe does the same for a probe: its newest result stays on its page.
func unchangedProbe(old *generation, site *config.Site, cfg probes.Config) *frame.Target {
	if old == nil || !maps.Equal(old.site.Labels, site.Labels) {
		return nil
	}
	for i, p := range old.site.AllProbes() {
		if reflect.DeepEqual(p, cfg) {
			return old.probes[i]
		}
	}
	return nil
}

// probeTarget is one look from outside. It is made on its own clock, since it
// may take longer than a scrape; the page has the newest.
func probeTarget(site *config.Site, cfg probes.Config, log *slog.Logger) (*frame.Target, error) {
	collector, err := probes.New(cfg, probes.Options{})
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
	beside, every, err := probes.NewBeside(cfg, probes.Options{})
	if err != nil {
		return nil, fmt.Errorf("probe of %s: %w", cfg.Instance(), err)
	}
	if beside != nil {
		spec.Collectors = append(spec.Collectors, frame.Entry{
			Collector: beside, Every: every, Timeout: besidePatience,
		})
	}
	return frame.NewTarget(spec, log), nil
}

// labels are what is put on a target of this instance: where it runs, who
// measures it, and the site's own.
func labels(site *config.Site, runsOn string) map[string]string {
	l := maps.Clone(site.Labels)
	if l == nil {
		l = map[string]string{}
	}
	if runsOn != "" {
		l["host"] = runsOn
	}
	l["from"] = site.HostName()
	return l
}

func share(interval time.Duration) time.Duration {
	return time.Duration(float64(interval) * scrapeShare)
}

func hosts(site *config.Site) []engine.Host {
	var out []engine.Host
	for _, h := range site.Hosts {
		e := engine.Host{
			Name: h.Name, Instance: h.Instance, Job: h.Job, Address: h.Address, Labels: h.Labels,
			Username: h.Username, Password: h.Secret(),
		}
		if h.TLS.On {
			e.TLS = &engine.TLS{CAFile: h.TLS.CAFile, CertFile: h.TLS.CertFile, KeyFile: h.TLS.KeyFile, ServerName: h.TLS.ServerName}
		}
		out = append(out, e)
	}
	return out
}
