// Package heartbeat tells a service outside the site, at each interval, that
// alerting works: rules were evaluated and the last delivery succeeded. When it
// does not, the heartbeat stops, and it is the service that rings. It is the
// one part whose failure is noticed elsewhere.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options are what a heartbeat needs besides its configuration.
type Options struct {
	// Healthy tells whether alerting works, and if not why, in words. It must
	// return at once. Required.
	Healthy func() (ok bool, why string)
	// Registerer gets tocsin_heartbeat_sent_total and
	// tocsin_heartbeat_last_success_timestamp_seconds; nil is none.
	Registerer prometheus.Registerer
	Transport  http.RoundTripper // nil is one of our own
	Logger     *slog.Logger      // nil discards
}

// A Heartbeat is made by New and lives in Run.
type Heartbeat struct {
	cfg     Config
	client  *http.Client
	healthy func() (bool, string)
	log     *slog.Logger
	sent    prometheus.Counter
	last    prometheus.Gauge

	state  state // of the last beat; used by Run alone, as is missed
	missed int   // beats since it stopped
}

// New returns a heartbeat that does not beat yet.
func New(cfg Config, opts Options) *Heartbeat {
	cfg.SetDefaults()
	if opts.Transport == nil {
		opts.Transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			// A beat a minute needs no connection kept open.
			DisableKeepAlives: true,
		}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Heartbeat{
		cfg: cfg, healthy: opts.Healthy, log: opts.Logger,
		client: &http.Client{
			Transport: opts.Transport,
			Timeout:   time.Duration(cfg.Timeout),
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_heartbeat_sent_total",
			Help: "Heartbeats that the outside service took.",
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_heartbeat_last_success_timestamp_seconds",
			Help: "When the outside service last took a heartbeat.",
		}),
	}
	h.register(opts.Registerer)
	return h
}

// register makes the metrics known. After a reload those of the heartbeat
// before go on.
func (h *Heartbeat) register(reg prometheus.Registerer) {
	if reg == nil {
		return
	}
	var already prometheus.AlreadyRegisteredError
	if err := reg.Register(h.sent); errors.As(err, &already) {
		if c, ok := already.ExistingCollector.(prometheus.Counter); ok {
			h.sent = c
		}
	}
	if err := reg.Register(h.last); errors.As(err, &already) {
		if g, ok := already.ExistingCollector.(prometheus.Gauge); ok {
			h.last = g
		}
	}
}

// Run beats at once and then at each interval, until ctx ends.
func (h *Heartbeat) Run(ctx context.Context) {
	tick := time.NewTicker(time.Duration(h.cfg.Interval))
	defer tick.Stop()
	for {
		h.beat(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// A state is whether the heartbeat beats, and if not, on which side that is.
type state int

const (
	unknown state = iota
	beating
	held   // our own alerting does not work
	unsent // the service did not take it
)

// beat sends one heartbeat if all is well, and logs when that changed.
func (h *Heartbeat) beat(ctx context.Context) {
	ok, why := h.healthy()
	if !ok {
		h.tell(held, "alerting does not work: "+why)
		return
	}
	err := h.send(ctx)
	switch {
	case err == nil:
		h.sent.Inc()
		h.last.SetToCurrentTime()
		h.tell(beating, "")
	case ctx.Err() == nil:
		h.tell(unsent, err.Error())
	}
}

// tell logs a change of state, once.
func (h *Heartbeat) tell(now state, why string) {
	was := h.state
	h.state = now
	if now != beating {
		h.missed++
	}
	switch {
	case now == was:
	case now != beating:
		h.log.Warn("the heartbeat stopped", "why", why)
	case was == unknown:
		h.log.Info("the heartbeat beats", "interval", h.cfg.Interval.String())
	default:
		h.log.Info("the heartbeat beats again", "missed", h.missed)
	}
	if now == beating {
		h.missed = 0
	}
}

// send makes one request. Its errors hold neither the address nor anything
// that the service wrote.
func (h *Heartbeat) send(ctx context.Context) error {
	address, err := h.cfg.source().Read()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.Reveal(), nil)
	if err != nil {
		return errors.New("its address can't be used")
	}
	resp, err := h.client.Do(r)
	if err != nil {
		return errors.New(noAnswer(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	switch {
	case resp.StatusCode < 300:
		return nil
	case resp.StatusCode < 400:
		return fmt.Errorf("the service answers %d and another address: write the final one", resp.StatusCode)
	default:
		return fmt.Errorf("the service answers %d", resp.StatusCode)
	}
}

func noAnswer(err error) string {
	var timeout net.Error
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "the service's name can't be resolved"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the service did not answer in time"
	default:
		return "the service can't be reached"
	}
}
