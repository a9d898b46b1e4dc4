package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
)

func TestProbe_questions(t *testing.T) {
	var asked ProbeQuery
	answer := ProbeAnswer{Status: http.StatusOK, Text: "the account", Families: []*dto.MetricFamily{{
		Name: new("probe_success"), Help: new("x"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: new(1.0)}}},
	}}}
	s := newSite(t, View{Probe: func(_ context.Context, q ProbeQuery) ProbeAnswer { asked = q; return answer }})
	const patience = 119500 * time.Millisecond
	for _, c := range []struct {
		name, path, timeout string
		code                int
		says                string
		want                ProbeQuery
	}{
		{"page", "/probe?target=a.example&module=m", "", 200, "probe_success 1\n", ProbeQuery{Target: "a.example", Module: "m", Patience: patience}},
		{"no module", "/probe?target=a.example", "", 200, "probe_success 1\n", ProbeQuery{Target: "a.example", Module: "http_2xx", Patience: patience}},
		{"escaped twice", "/probe?target=http%253A%252F%252Fa.example", "", 200, "", ProbeQuery{Target: "http://a.example", Module: "http_2xx", Patience: patience}},
		{"account", "/probe?target=a.example&debug=true&hostname=b.example", "", 200, "the account", ProbeQuery{Target: "a.example", Module: "http_2xx", Hostname: "b.example", Debug: true, Patience: patience}},
		{"the scraper's time", "/probe?target=a", "10", 200, "", ProbeQuery{Target: "a", Module: "http_2xx", Patience: 9500 * time.Millisecond}},
		{"the scraper's time, in parts", "/probe?target=a", "2.5", 200, "", ProbeQuery{Target: "a", Module: "http_2xx", Patience: 2 * time.Second}},
		{"less than the offset", "/probe?target=a", "0.3", 200, "", ProbeQuery{Target: "a", Module: "http_2xx", Patience: 300 * time.Millisecond}},
		{"a day", "/probe?target=a", "86400", 200, "", ProbeQuery{Target: "a", Module: "http_2xx", Patience: patience}},
		{"no time at all", "/probe?target=a", "soon", 400, "is no number of seconds", ProbeQuery{}},
		{"no target", "/probe", "", 400, "Target parameter is missing", ProbeQuery{}},
		{"a target without end", "/probe?target=" + strings.Repeat("a", 5000), "", 400, "longer than a URL", ProbeQuery{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked = ProbeQuery{}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil)
			r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
			if c.timeout != "" {
				r.Header.Set(timeoutHeader, c.timeout)
			}
			w := httptest.NewRecorder()
			s.probe(w, r)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%d %s, want %d with %q", w.Code, w.Body, c.code, c.says)
			}
			if diff := cmp.Diff(c.want, asked); diff != "" {
				t.Error(diff)
			}
		})
	}
	for status, text := range map[int]string{403: "probe_allow: [a]", 503: "not measured: x", 400: "Unknown module"} {
		answer = ProbeAnswer{Status: status, Text: text}
		w := httptest.NewRecorder()
		s.probe(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/probe?target=a", nil))
		if w.Code != status || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// TestProbe_atOnce fills the places, for one target and in all.
func TestProbe_atOnce(t *testing.T) {
	hold, entered := make(chan struct{}), make(chan struct{}, maxProbes)
	s := newSite(t, View{Probe: func(context.Context, ProbeQuery) ProbeAnswer {
		entered <- struct{}{}
		<-hold
		return ProbeAnswer{Status: http.StatusOK}
	}})
	var wg sync.WaitGroup
	ask := func(target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.probe(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/probe?target="+url.QueryEscape(target), nil))
		return w
	}
	for i := range maxProbes {
		wg.Go(func() { ask(string(rune('a' + i/maxProbesATarget))) })
		<-entered
		if i+1 == maxProbesATarget {
			if w := ask("a"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
				t.Errorf("a target's fifth look: %d", w.Code)
			}
		}
	}
	if w := ask("z"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one look more than there may be: %d", w.Code)
	}
	close(hold)
	wg.Wait()
	if w := ask("a"); w.Code != http.StatusOK {
		t.Errorf("after all have left: %d", w.Code)
	}
	if len(s.probes.target) != 0 || s.probes.all != 0 {
		t.Errorf("places are not given back: %v", s.probes.target)
	}
}
