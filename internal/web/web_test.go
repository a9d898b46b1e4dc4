package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/frame"
	"tocsin/internal/web/access"
	"tocsin/internal/web/status"
)

// site is a server under test, with what can be changed while it runs.
type site struct {
	*Server
	view     atomic.Pointer[View]
	registry *prometheus.Registry
	reloads  atomic.Int32
	reload   func(context.Context) error
	ready    func() (bool, string)
	status   Status
}

func newSite(t testing.TB, view View) *site {
	t.Helper()
	s := &site{
		registry: prometheus.NewRegistry(),
		reload:   func(context.Context) error { return nil },
		ready:    func() (bool, string) { return true, "" },
	}
	if view.Access == nil {
		view.Access = newAccess(t, access.Options{})
	}
	s.view.Store(&view)
	var err error
	s.Server, err = New(Options{
		View: s.view.Load, Own: s.registry, Registerer: s.registry,
		Reload: func(ctx context.Context) error { s.reloads.Add(1); return s.reload(ctx) },
		Ready:  func() (bool, string) { return s.ready() },
		Status: func(context.Context) *status.Status { return &s.status },
		Log:    quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newAccess(t testing.TB, o access.Options) *access.Access {
	t.Helper()
	o.Log = quiet()
	o.Config.SetDefaults()
	a, err := access.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// a request as it comes by the loopback from a program on this machine.
func localRequest(method, path string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
	r.Host = "127.0.0.1:10617"
	return over(r, "127.0.0.1")
}

// over makes a request come by the address.
func over(r *http.Request, address string) *http.Request {
	ip := net.ParseIP(address)
	r.RemoteAddr = net.JoinHostPort(address, "40000")
	local := &net.TCPAddr{IP: ip, Port: 10617}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
}

func (s *site) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.outer.ServeHTTP(w, r)
	return w
}

func (s *site) get(path string) *httptest.ResponseRecorder {
	return s.do(localRequest(http.MethodGet, path))
}

// collector is one whose run a test decides.
type collector struct {
	name     string
	families []*frame.Family
	collect  func(context.Context, *frame.Sink) error
	explain  func() string
}

func (c collector) Name() string              { return c.name }
func (c collector) Families() []*frame.Family { return c.families }
func (c collector) Collect(ctx context.Context, s *frame.Sink) error {
	return c.collect(ctx, s)
}

func (c collector) Explain() string {
	if c.explain == nil {
		return ""
	}
	return c.explain()
}

// constant is a collector that sends one sample.
func constant(name, metric string, value float64, labels ...string) collector {
	f := &frame.Family{Name: metric, Help: "A number of the test.", Type: frame.Gauge}
	var values []string
	for i := 0; i+1 < len(labels); i += 2 {
		f.Labels = append(f.Labels, labels[i])
		values = append(values, labels[i+1])
	}
	return collector{name: name, families: []*frame.Family{f}, collect: func(_ context.Context, s *frame.Sink) error {
		s.Send(f, value, values...)
		return nil
	}}
}

func target(job, id string, collectors ...collector) *frame.Target {
	spec := frame.Spec{
		Job: job, ID: id, Instance: "host1:" + id, Interval: 15 * time.Second, Timeout: 10 * time.Second,
		Labels: map[string]string{"host": "host1"},
	}
	for _, c := range collectors {
		spec.Collectors = append(spec.Collectors, frame.Entry{Collector: c})
	}
	return frame.NewTarget(spec, quiet())
}

func TestServer_healthyAndReady(t *testing.T) {
	s := newSite(t, View{})
	if w := s.get("/-/healthy"); w.Code != http.StatusOK {
		t.Errorf("healthy: %d", w.Code)
	}
	if w := s.get("/-/ready"); w.Code != http.StatusOK {
		t.Errorf("ready: %d", w.Code)
	}
	s.ready = func() (bool, string) { return false, "the database is replayed" }
	w := s.get("/-/ready")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the database is replayed") {
		t.Errorf("not ready: %d %s", w.Code, w.Body)
	}
}

func TestServer_reloadTellsWhyItWasRefused(t *testing.T) {
	s := newSite(t, View{})
	s.reload = func(context.Context) error { return errors.New("tocsin.yml:3: webhok_url: unknown key, webhook_url?") }
	w := s.do(localRequest(http.MethodPost, "/-/reload"))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "tocsin.yml:3: webhok_url") {
		t.Errorf("refused reload: %d %s", w.Code, w.Body)
	}
	s.reload = func(context.Context) error { return nil }
	if w := s.do(localRequest(http.MethodPost, "/-/reload")); w.Code != http.StatusOK {
		t.Errorf("reload: %d %s", w.Code, w.Body)
	}
}

func TestServer_oneReloadAtATime(t *testing.T) {
	s := newSite(t, View{})
	entered, leave := make(chan struct{}), make(chan struct{})
	s.reload = func(ctx context.Context) error {
		close(entered)
		<-leave
		return ctx.Err()
	}
	first := make(chan int)
	ctx, hangUp := context.WithCancel(t.Context())
	go func() { first <- s.do(localRequest(http.MethodPost, "/-/reload").WithContext(withLoopback(ctx))).Code }()
	<-entered
	if w := s.do(localRequest(http.MethodPost, "/-/reload")); w.Code != http.StatusConflict {
		t.Errorf("second reload: %d", w.Code)
	}
	hangUp() // the reload goes on
	close(leave)
	if code := <-first; code != http.StatusOK {
		t.Errorf("first reload after its caller hung up: %d", code)
	}
}

func withLoopback(ctx context.Context) context.Context {
	return context.WithValue(ctx, http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}))
}

func TestServer_withoutEngineSaysSo(t *testing.T) {
	s := newSite(t, View{})
	for _, path := range []string{"/api/v1/query?query=up", "/api/v2/status"} {
		w := s.get(path)
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "engine is off") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestServer_unknownTargetTellsNothing(t *testing.T) {
	s := newSite(t, View{Targets: []*frame.Target{target("postgres", "secretname", constant("c", "pg_up", 1))}})
	for _, path := range []string{"/metrics/postgres/other", "/metrics/other/secretname", "/nothing", "/metrics/", "/debug/pprof/"} {
		w := s.get(path)
		if w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "secretname") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestServer_panicInAMountIsAnAnswer(t *testing.T) {
	s := newSite(t, View{QueryAPI: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no such thing") })})
	w := s.get("/api/v1/query")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "no such thing") {
		t.Errorf("panic: %d %s", w.Code, w.Body)
	}
}

func TestServer_bodiesAreBounded(t *testing.T) {
	var read int64
	var readErr error
	s := newSite(t, View{Alertmanager: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		read, readErr = io.Copy(io.Discard, r.Body)
	})})
	r := localRequest(http.MethodPost, "/api/v2/alerts")
	r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 3*maxBody)))
	s.do(r)
	if read > maxBody || readErr == nil {
		t.Errorf("%d bytes of the body were read, error %v", read, readErr)
	}
}

func TestServer_tooManyRequestsAtOnce(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := newSite(t, View{QueryAPI: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	})})
	done := make(chan struct{}, maxInFlight)
	for range maxInFlight {
		go func() { s.get("/api/v1/query"); done <- struct{}{} }()
		<-entered
	}
	if w := s.get("/api/v1/query"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one more: %d", w.Code)
	}
	if w := s.get("/-/healthy"); w.Code != http.StatusOK {
		t.Errorf("healthy under load: %d", w.Code)
	}
	close(leave)
	for range maxInFlight {
		<-done
	}
}

func TestServer_headersOfEveryAnswer(t *testing.T) {
	s := newSite(t, View{})
	for _, path := range []string{"/", "/metrics", "/sd", "/-/healthy", "/nothing", "/-/reload"} {
		h := s.get(path).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") ||
			strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
}
