package app

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"sync"
	"time"

	"tocsin/alerts"
	"tocsin/alerts/engine"
	"tocsin/alerts/heartbeat"
	"tocsin/exporters/host"
	"tocsin/exporters/host/addresses"
	"tocsin/exporters/host/backups"
	"tocsin/internal/config"
	"tocsin/internal/frame"
	"tocsin/internal/web"
	"tocsin/internal/web/access"
	"tocsin/probes/allow"
	"tocsin/updatewatch"
)

// scrapeShare of an interval is what one scrape may take.
const scrapeShare = 0.9

// generation is what one configuration made; a reload replaces it whole.
type generation struct {
	site         *config.Site
	view         *web.View
	settings     engine.Settings
	servers      []measured
	probes       [][]*frame.Target // of view.Targets those that look from outside, place by place, in the order of AllProbes
	allowed      *allow.List
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
		words:   alerts.Wording{Language: site.Language, Location: site.Location()},
		allowed: site.Allowed(),
	}
	who, err := access.New(access.Options{
		Config: site.Web, Advertise: site.Advertise, ExternalURL: site.ExternalURL, Hostname: site.HostName(), Log: a.log,
	})
	if err != nil {
		return nil, err
	}
	g.view = &web.View{Language: site.Language, Advertise: site.Advertise, Access: who, Probe: a.prober(site, g.allowed)}
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
	if g.probes, err = probeTargets(site, old, a.allowed.Load, a.log); err != nil {
		return nil, err
	}
	g.view.Targets = services
	for _, s := range g.servers {
		g.view.Targets = append(g.view.Targets, s.target)
	}
	for _, places := range g.probes {
		g.view.Targets = append(g.view.Targets, places...)
	}
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
		t.Start(ctx, &g.done)
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
	spec.Collectors = append(spec.Collectors, addresses.New(site.Addresses, addresses.Options{Host: site.HostName(), Told: site.TellsAddresses()})...)
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
	if !reflect.DeepEqual(old.site.Addresses, site.Addresses) || old.site.TellsAddresses() != site.TellsAddresses() {
		return nil
	}
	return old.view.Node
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
