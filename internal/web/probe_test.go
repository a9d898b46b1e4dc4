package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// hung is a view whose probes answer only when they are let go, but for those
// of targets with the word healthy.
func hung(entered chan<- string, hold <-chan struct{}) View {
	return View{Probe: func(ctx context.Context, q ProbeQuery) ProbeAnswer {
		if strings.Contains(q.Target, "healthy") {
			return ProbeAnswer{Status: http.StatusOK}
		}
		entered <- q.Target
		select {
		case <-hold:
			return ProbeAnswer{Status: http.StatusOK}
		case <-ctx.Done():
			return ProbeAnswer{Status: http.StatusServiceUnavailable}
		}
	}}
}

func askProbe(t *testing.T, s *site, target, timeout string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/probe?target="+url.QueryEscape(target), nil)
	if timeout != "" {
		r.Header.Set(timeoutHeader, timeout)
	}
	w := httptest.NewRecorder()
	s.probe(w, r)
	if w.Code == http.StatusServiceUnavailable && strings.Contains(w.Body.String(), "too many") && w.Header().Get("Retry-After") == "" {
		t.Error("a refusal does not say when to come again")
	}
	return w.Code
}

// TestProbe_aHungTarget has many looks at a server that hangs: a healthy one is
// measured at once meanwhile, and who waits is refused in time.
func TestProbe_aHungTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entered := make(chan string, 100)
		s := newSite(t, hung(entered, nil))
		began := time.Now()
		var wg sync.WaitGroup
		var refused atomic.Int64
		for range 40 {
			wg.Go(func() {
				if askProbe(t, s, "hung", "10") != http.StatusOK {
					refused.Add(1)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("the scraper's 10 s were over: answered after %s", took)
				}
			})
		}
		synctest.Wait()
		if len(entered) != maxProbesATarget || len(s.probes.places) != maxProbesATarget {
			t.Errorf("%d looks at one target are under way, and hold %d places", len(entered), len(s.probes.places))
		}
		if n := refused.Load(); n != 40-maxProbesATarget-maxWaitingATarget {
			t.Errorf("%d of 40 are refused at once", n)
		}
		for range 100 {
			if code := askProbe(t, s, "healthy", "10"); code != http.StatusOK {
				t.Fatalf("the healthy target: %d", code)
			}
		}
		if time.Since(began) != 0 {
			t.Errorf("the healthy target waited %s", time.Since(began))
		}
		wg.Wait()
		if refused.Load() != 40 {
			t.Errorf("%d of 40 are refused", refused.Load())
		}
		if len(s.probes.targets) != 0 || s.probes.asked != 0 || len(s.probes.places) != 0 {
			t.Errorf("places are not given back: %v", s.probes)
		}
	})
}

// TestProbe_atOnce fills all places there are: the next look waits, and goes on
// when one is free, with what is left of its time.
func TestProbe_atOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, entered := make(chan struct{}), make(chan string, maxProbes)
		var last ProbeQuery
		view := hung(entered, hold)
		look := view.Probe
		view.Probe = func(ctx context.Context, q ProbeQuery) ProbeAnswer {
			if q.Target == "healthy" {
				last = q
			}
			return look(ctx, q)
		}
		s := newSite(t, view)
		var wg sync.WaitGroup
		for i := range maxProbes {
			wg.Go(func() { askProbe(t, s, fmt.Sprint(i/maxProbesATarget), "") })
		}
		synctest.Wait()
		if len(entered) != maxProbes {
			t.Fatalf("%d looks are under way", len(entered))
		}
		began := time.Now()
		if code := askProbe(t, s, "another", "10"); code != http.StatusServiceUnavailable || time.Since(began) != 7500*time.Millisecond {
			t.Errorf("without a place: %d after %s", code, time.Since(began))
		}
		wg.Go(func() {
			if code := askProbe(t, s, "healthy", "10"); code != http.StatusOK {
				t.Errorf("with a place after 3 s: %d", code)
			}
		})
		time.Sleep(3 * time.Second)
		close(hold)
		wg.Wait()
		if last.Waited != 3*time.Second || last.Patience != 6500*time.Millisecond {
			t.Errorf("it waited %s and was left %s", last.Waited, last.Patience)
		}
	})
}

// TestProbe_manyWait has more who wait than may.
func TestProbe_manyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, entered := make(chan struct{}), make(chan string, maxProbes)
		s := newSite(t, hung(entered, hold))
		var wg sync.WaitGroup
		for i := range maxProbes + maxWaiting {
			wg.Go(func() { askProbe(t, s, fmt.Sprint(i/maxProbesATarget), "") })
		}
		synctest.Wait()
		began := time.Now()
		if code := askProbe(t, s, "another", ""); code != http.StatusServiceUnavailable || time.Since(began) != 0 {
			t.Errorf("%d after %s", code, time.Since(began))
		}
		close(hold)
		go func() { // ends with the channel
			for range entered {
			}
		}()
		wg.Wait()
		close(entered)
	})
}

// TestProbe_slots: looks that hang keep no page from being answered.
func TestProbe_slots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, entered := make(chan struct{}), make(chan string, maxProbes)
		s := newSite(t, hung(entered, hold))
		var wg sync.WaitGroup
		for i := range 2 * maxInFlight {
			wg.Go(func() { s.get("/probe?target=" + fmt.Sprint(i)) })
		}
		synctest.Wait()
		if w := s.get("/sd"); w.Code != http.StatusOK || len(entered) != 2*maxInFlight {
			t.Errorf("/sd answers %d beside %d looks", w.Code, len(entered))
		}
		close(hold)
		wg.Wait()
	})
}
