package app

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"tocsin/alerts"
	"tocsin/alerts/console"
	"tocsin/alerts/engine"
	"tocsin/alerts/mattermost"
	"tocsin/alerts/rules"
	"tocsin/exporters/host"
	"tocsin/internal/config"
	"tocsin/internal/frame"
	"tocsin/internal/web"
	"tocsin/internal/web/access"
)

// scrapeShare of an interval is what one scrape may take.
const scrapeShare = 0.9

// generation is what one configuration made; a reload replaces it whole.
type generation struct {
	site     *config.Site
	view     *web.View
	settings engine.Settings
	words    alerts.Wording
	loadedAt time.Time

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
	g.view = &web.View{Advertise: site.Advertise, Access: who}
	g.view.Node = nodeTarget(site, a.log)
	if site.Engine.Off {
		return g, nil
	}
	if g.settings.Rules, err = ruleFiles(site); err != nil {
		return nil, err
	}
	g.settings.Hosts = hosts(site)
	if old != nil && sameVoice(old.site, site) {
		g.settings.Voice = old.settings.Voice
	} else if g.settings.Voice, err = a.voice(site, g.words); err != nil {
		return nil, err
	}
	return g, nil
}

// run starts what runs by itself.
func (g *generation) run(*App) {
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	for _, t := range g.targets() {
		g.done.Go(func() { t.Run(ctx) })
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
	spec := frame.Spec{
		Job: "node", Instance: site.HostName(), Labels: labels(site, site.HostName()),
		Interval: interval, Timeout: share(interval), Alias: "node_scrape_collector",
	}
	for _, c := range host.New(site.Host, log) {
		spec.Collectors = append(spec.Collectors, frame.Entry{Collector: c})
	}
	return frame.NewTarget(spec, log)
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

// voice makes what speaks for a site: Mattermost where it is configured, else
// the console.
func (a *App) voice(site *config.Site, words alerts.Wording) (alerts.Voice, error) {
	voice, err := a.firstVoice(site, words)
	if err != nil {
		return nil, err
	}
	return heard{Voice: alerts.Measure(voice, a.registry), memory: a.said, text: words.Headline}, nil
}

func (a *App) firstVoice(site *config.Site, words alerts.Wording) (alerts.Voice, error) {
	cfg := site.Alerts.Mattermost
	if cfg.IsZero() {
		return console.New(console.Options{Logger: a.log, Wording: words}), nil
	}
	return mattermost.New(cfg, mattermost.Options{
		StateFile: filepath.Join(site.DataDir, "mattermost.json"), Language: site.Language,
		ExternalURL: site.ExternalURL, Location: words.Location, Logger: a.log,
	})
}

// sameVoice tells whether what speaks is configured as before.
func sameVoice(a, b *config.Site) bool {
	return reflect.DeepEqual(a.Alerts.Mattermost, b.Alerts.Mattermost) &&
		a.Language == b.Language && a.Timezone == b.Timezone && a.Site == b.Site
}

func ruleFiles(_ *config.Site) (engine.RuleFiles, error) {
	files, err := rules.Load()
	if err != nil {
		return nil, err
	}
	out := engine.RuleFiles{}
	for _, f := range files {
		out[f.Name] = f.Text()
	}
	return out, nil
}
