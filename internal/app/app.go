package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/alerts/engine"
	"tocsin/internal/config"
	"tocsin/internal/sd"
	"tocsin/internal/web"
	"tocsin/probes/allow"
)

// Options are what the command line decides.
type Options struct {
	ConfigFile string // empty: no file, this machine
	DataDir    string // wins over the file
	Listen     string // wins over the file
	Version    string
	Log        *slog.Logger
	// Reload asks for the site file to be read again.
	Reload <-chan struct{}
	// Started is called once with the address of the status page.
	Started func(page string)
}

// settleTime is after how long a start is over, and its memory can go.
const settleTime = 20 * time.Second

// gcPercent trades a little processor time for memory: most of the heap is the
// engine's newest hours, which live long. Go's default is 100.
const gcPercent = 50

// ErrConfig is behind an error of the configuration: exit code 2.
var ErrConfig = errors.New("configuration")

// App is a running Tocsin: what lives as long as the process.
type App struct {
	opts     Options
	log      *slog.Logger
	started  time.Time
	registry *prometheus.Registry
	metrics  metrics
	server   *web.Server
	engine   *engine.Engine // nil: off
	current  atomic.Pointer[generation]
	said     *memory
	// allowed is what probes may reach now. Those that a reload does not
	// change go on, and ask for it at each look.
	allowed atomic.Pointer[allow.List]

	reloading sync.Mutex // one reload at a time
	refused   atomic.Pointer[refusal]
}

// refusal is a configuration that was not taken.
type refusal struct {
	at  time.Time
	err error
}

// Run watches until ctx ends. It returns nil when it was asked to end, an
// error with ErrConfig or a *config.Error behind it when the configuration is
// wrong, and any other when it could not run.
func Run(ctx context.Context, opts Options) error {
	site, err := load(opts)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	a := &App{opts: opts, log: opts.Log, started: time.Now(), said: &memory{}}
	a.registry, a.metrics = newMetrics(opts.Version)

	listener, err := listen(ctx, site.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := a.start(site); err != nil {
		return err
	}
	defer a.stop()

	served := make(chan error, 1)
	serveCtx, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	go func() { served <- a.server.Serve(serveCtx, listener) }()
	page := pageURL(site, listener.Addr().String())
	a.log.Info("watching", "what", site.Summary(), "page", page)
	for _, text := range site.Warnings() {
		a.log.Warn("probably not meant", "what", text)
	}
	for _, gap := range site.Unwatched() {
		a.log.Warn("not watched", "what", gap)
	}
	if opts.Started != nil {
		opts.Started(page)
	}
	stopping := notifySystemd(ctx, a.log, a.alive)
	defer stopping()
	started := time.NewTimer(settleTime)
	defer started.Stop()

	for {
		select {
		case <-ctx.Done():
			a.log.Info("stopping")
			stopServing()
			return <-served
		case err := <-served:
			return fmt.Errorf("serve: %w", err)
		case <-opts.Reload:
			_ = a.Reload(ctx) // told by log, metric and page
		case <-started.C:
			trim()
		}
	}
}

// load reads the site file; flags win over it.
func load(opts Options) (*config.Site, error) {
	return config.LoadWith(opts.ConfigFile, config.Flags{DataDir: opts.DataDir, Listen: opts.Listen})
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; is another Tocsin running, or should listen (or --listen) name another address?", err)
	}
	return l, nil
}

func pageURL(site *config.Site, address string) string {
	scheme := "http"
	if site.Web.TLS.CertFile != "" {
		scheme = "https"
	}
	if host, port, err := net.SplitHostPort(address); err == nil && net.ParseIP(host).IsUnspecified() {
		address = net.JoinHostPort("localhost", port)
	}
	return scheme + "://" + address + "/"
}

// start builds the first generation, the server and the engine.
func (a *App) start(site *config.Site) error {
	g, err := a.generation(site, nil)
	if err != nil {
		return err
	}
	var testAlert func(context.Context, io.Writer) error
	if !site.Engine.Off {
		testAlert = a.testAlert
	}
	a.server, err = web.New(web.Options{
		TestAlert: testAlert,
		View:      func() *web.View { return a.current.Load().view }, Own: a.registry, Registerer: a.registry,
		Reload: a.Reload, Ready: a.ready, Status: a.status, Probe: a.probePage, Log: a.log,
	})
	if err != nil {
		return err
	}
	if !site.Engine.Off {
		a.engine, err = engine.New(engine.Options{
			Config: site.Engine, DataDir: site.DataDir, Log: a.log, Registerer: a.registry,
			Pages: a.server.Handler(), Own: a.own, Detail: a.detail, CollectorOf: a.collectorOf,
			ExternalURL: site.ExternalURL,
		}, g.settings)
		if err != nil {
			return err
		}
		g.view.QueryAPI, g.view.Alertmanager = a.engine.QueryAPI(), a.engine.AlertmanagerAPI()
	}
	a.adopt(g)
	if a.engine != nil {
		if err := a.engine.Start(); err != nil {
			a.stop()
			return err
		}
	}
	return nil
}

// adopt makes g the generation that is served, and ends the one before.
func (a *App) adopt(g *generation) {
	old := a.current.Swap(g)
	if old != nil {
		old.end() // what both have is not run twice
	}
	a.allowed.Store(g.allowed)
	g.run()
	a.refused.Store(nil)
	a.metrics.reloaded(true)
	a.metrics.unwatched.Set(float64(len(g.site.Unwatched())))
}

func (a *App) stop() {
	if g := a.current.Load(); g != nil {
		g.end()
	}
	if a.engine != nil {
		a.engine.Stop()
	}
}

// Reload reads the site file again. Everything new is built and checked before
// anything old is touched; on an error the old goes on, and the error is told
// by the log, a metric and the status page. The same configuration is no work.
func (a *App) Reload(context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	err := a.reload()
	if err != nil {
		a.refused.Store(&refusal{at: time.Now(), err: err})
		a.metrics.reloaded(false)
		a.log.Error("configuration refused, the old one goes on", "err", err)
	}
	return err
}

func (a *App) reload() error {
	site, err := load(a.opts)
	if err != nil {
		return err
	}
	old := a.current.Load()
	if site.Fingerprint() == old.site.Fingerprint() {
		a.refused.Store(nil)
		a.metrics.reloaded(true)
		a.log.Info("configuration unchanged")
		return nil
	}
	if key := needsRestart(old.site, site); key != "" {
		return fmt.Errorf("%w: %s changed, which takes effect only at a restart: restart Tocsin, or change it back", ErrConfig, key)
	}
	g, err := a.generation(site, old)
	if err != nil {
		return err
	}
	if a.engine != nil {
		g.view.QueryAPI, g.view.Alertmanager = a.engine.QueryAPI(), a.engine.AlertmanagerAPI()
		if err := a.engine.Apply(g.settings); err != nil {
			return err
		}
	}
	a.adopt(g)
	a.log.Info("configuration reloaded", "what", site.Summary())
	return nil
}

// needsRestart names a key that a reload cannot apply.
func needsRestart(old, fresh *config.Site) string {
	switch {
	case old.Listen != fresh.Listen:
		return "listen"
	case old.DataDir != fresh.DataDir:
		return "data_dir"
	case old.Engine != fresh.Engine:
		return "engine"
	case old.ExternalURL != fresh.ExternalURL:
		return "external_url"
	}
	return ""
}

// own lists this instance's targets for the engine.
func (a *App) own() []sd.Group { return web.Groups(a.current.Load().view, "") }

func (a *App) ready() (bool, string) {
	if a.engine != nil && !a.engine.Ready() {
		return false, "the first measurements are being made"
	}
	return true, ""
}

// collectorOf names the collector that sends a metric. Other hosts run the
// same ones.
func (a *App) collectorOf(metric string) string {
	for _, t := range a.current.Load().targets() {
		for _, e := range t.Spec().Collectors {
			if sends(e.Collector, metric) {
				return e.Collector.Name()
			}
		}
	}
	return ""
}

// alive tells systemd's watchdog whether the work goes on.
func (a *App) alive() bool {
	return a.engine == nil || !a.engine.Ready() || a.engine.Evaluating()
}
