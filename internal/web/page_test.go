package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// parse reads a page as Prometheus would.
func parse(t testing.TB, page string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatalf("the page cannot be parsed: %v\n%s", err, page)
	}
	return families
}

func TestPatience_leavesTimeForThePage(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                         9500 * time.Millisecond,
		"10":                       9500 * time.Millisecond,
		"5":                        4500 * time.Millisecond,
		"3.0":                      2700 * time.Millisecond,
		"0.000001":                 900 * time.Millisecond,
		"100000000000000000000000": maxScrape - maxReserve,
		"-1":                       9500 * time.Millisecond,
		"NaN":                      9500 * time.Millisecond,
		"Inf":                      9500 * time.Millisecond,
		"soon":                     9500 * time.Millisecond,
	} {
		h := http.Header{}
		h.Set(timeoutHeader, header)
		if got := patience(h); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestMetrics_nodeAndOwnOnOnePage(t *testing.T) {
	s := newSite(t, View{Node: target("node", "host1", constant("time", "node_time_seconds", 17))})
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tocsin_targets", Help: "x"}, func() float64 { return 3 }))
	w := s.get("/metrics")
	page := parse(t, w.Body.String())
	for name, want := range map[string]float64{"node_time_seconds": 17, "tocsin_targets": 3, "tocsin_collector_success": 1} {
		if f := page[name]; f == nil || f.Metric[0].GetGauge().GetValue() != want {
			t.Errorf("%s: %v", name, f)
		}
	}
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("content type %q", got)
	}
}

func TestMetrics_collectAndExcludeChooseAsOfNodeExporter(t *testing.T) {
	s := newSite(t, View{Node: target("node", "host1",
		constant("time", "node_time_seconds", 17), constant("loadavg", "node_load1", 1), constant("uname", "node_uname_info", 1))})
	for query, want := range map[string][]bool{ // time, loadavg, uname
		"":                                     {true, true, true},
		"?collect[]=time":                      {true, false, false},
		"?collect%5B%5D=time&collect[]=uname":  {true, false, true},
		"?exclude[]=time":                      {false, true, true},
		"?exclude[]=time&exclude[]=loadavg&x=": {false, false, true},
	} {
		page := parse(t, s.get("/metrics"+query).Body.String())
		for i, name := range []string{"node_time_seconds", "node_load1", "node_uname_info"} {
			if (page[name] != nil) != want[i] {
				t.Errorf("%s: %s is there: %v", query, name, page[name] != nil)
			}
		}
	}
	for query, words := range map[string]string{
		"?collect[]=cpu":                  `no collector "cpu" runs here; there are time, loadavg, uname`,
		"?exclude[]=cpu":                  `no collector "cpu" runs here; there are time, loadavg, uname`,
		"?collect[]=time&exclude[]=uname": "collect[] and exclude[] cannot be combined; leave one of them out",
	} {
		if w := s.get("/metrics" + query); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), words) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

func TestMetrics_clashCostsTheSeriesNotThePage(t *testing.T) {
	shared := &frame.Family{Name: "shared_gauge", Help: "From the node.", Labels: []string{"l"}}
	other := &frame.Family{Name: "other_type", Help: "From the node."}
	s := newSite(t, View{Node: target("node", "host1", collector{
		name: "c", families: []*frame.Family{shared, other},
		collect: func(_ context.Context, sink *frame.Sink) error {
			sink.Send(shared, 1, "same")
			sink.Send(shared, 2, "node")
			sink.Send(other, 3)
			return nil
		},
	})})
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "shared_gauge", Help: "Another help."}, []string{"l"})
	vec.WithLabelValues("same").Set(10)
	vec.WithLabelValues("own").Set(20)
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "other_type", Help: "x"})
	fine := prometheus.NewGauge(prometheus.GaugeOpts{Name: "z_fine", Help: "x"})
	s.registry.MustRegister(vec, counter, fine)

	for range 2 { // twice, since the families are shared and must not be changed
		page := parse(t, s.get("/metrics").Body.String())
		got := map[string]float64{}
		for _, m := range page["shared_gauge"].Metric {
			got[m.Label[0].GetValue()] = m.Gauge.GetValue()
		}
		if diff := cmp.Diff(map[string]float64{"same": 1, "node": 2, "own": 20}, got); diff != "" {
			t.Error(diff)
		}
		if page["other_type"].Metric[0].GetGauge().GetValue() != 3 || page["z_fine"] == nil {
			t.Error("the rest of the page is not whole")
		}
	}
	problems := parse(t, s.get("/metrics").Body.String())["tocsin_http_page_problems_total"]
	for _, m := range problems.Metric {
		if m.Label[0].GetValue() == causeClash && m.Counter.GetValue() < 4 {
			t.Errorf("clashes counted: %v", m)
		}
	}
}

func TestMetrics_ownGathererFailsOrHangsThePageIsThere(t *testing.T) {
	for name, gatherer := range map[string]prometheus.GathererFunc{
		"error": func() ([]*dto.MetricFamily, error) { return nil, errors.New("a collector of ours failed") },
		"panic": func() ([]*dto.MetricFamily, error) { panic("a collector of ours panicked") },
		"hangs": func() ([]*dto.MetricFamily, error) { <-make(chan struct{}); return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, View{Node: target("node", "host1", constant("time", "node_time_seconds", 17))})
			s.own.gatherer = gatherer
			r := localRequest(http.MethodGet, "/metrics")
			r.Header.Set(timeoutHeader, "1")
			if page := parse(t, s.do(r).Body.String()); page["node_time_seconds"] == nil {
				t.Error("the node's part is missing")
			}
		})
	}
}

func TestTarget_hungCollectorThePageIsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		hung := collector{name: "mounts", collect: func(context.Context, *frame.Sink) error { <-leave; return nil }}
		s := newSite(t, View{Targets: []*frame.Target{target("node", "x", hung, constant("time", "node_time_seconds", 17))}})
		for header, limit := range map[string]time.Duration{"": 10 * time.Second, "3": 3 * time.Second, "60": time.Minute} {
			r := localRequest(http.MethodGet, "/metrics/node/x")
			r.Header.Set(timeoutHeader, header)
			start := time.Now()
			w := s.do(r)
			if took := time.Since(start); took >= limit {
				t.Errorf("the page took %v, the scraper waits %v", took, limit)
			}
			page := parse(t, w.Body.String())
			if page["node_time_seconds"] == nil || page["tocsin_collector_failure_info"] == nil {
				t.Errorf("the page is not whole:\n%s", w.Body)
			}
		}
		close(leave)
	})
}

func TestTarget_twoScrapersShareOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		f := &frame.Family{Name: "pg_up", Help: "x"}
		slow := collector{name: "queries", families: []*frame.Family{f}, collect: func(_ context.Context, sink *frame.Sink) error {
			time.Sleep(time.Second) // of the fake clock
			sink.Send(f, float64(runs.Add(1)))
			return nil
		}}
		s := newSite(t, View{Targets: []*frame.Target{target("postgres", "main", slow)}})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if page := s.get("/metrics/postgres/main").Body.String(); !strings.Contains(page, "pg_up 1\n") {
					t.Errorf("page:\n%s", page)
				}
			})
		}
		wg.Wait()
		if runs.Load() != 1 {
			t.Errorf("%d runs", runs.Load())
		}
	})
}

func TestTarget_oddLabelValuesArriveAsTheyAre(t *testing.T) {
	values := []string{`a"b`, "line\nbreak", `back\slash`, "<script>", "é\u202e", "", strings.Repeat("x", 4096)}
	f := &frame.Family{Name: "odd_info", Help: "With \\ and\nnewline.", Labels: []string{"v"}}
	s := newSite(t, View{Targets: []*frame.Target{target("brick", "x", collector{
		name: "c", families: []*frame.Family{f},
		collect: func(_ context.Context, sink *frame.Sink) error {
			for _, v := range append(values, "not\xffutf8") {
				sink.Send(f, 1, v)
			}
			return nil
		},
	})}})
	page := parse(t, s.get("/metrics/brick/x").Body.String())
	var got []string
	for _, m := range page["odd_info"].Metric {
		v := ""
		for _, l := range m.Label {
			v = l.GetValue()
		}
		got = append(got, v)
	}
	if diff := cmp.Diff(values, got); diff != "" {
		t.Error(diff)
	}
}

func TestTarget_formats(t *testing.T) {
	counter := &frame.Family{Name: "x_seen_total", Help: "Seen.", Type: frame.Counter}
	c := collector{name: "c", families: []*frame.Family{counter}, collect: func(_ context.Context, sink *frame.Sink) error {
		sink.Send(counter, 1)
		return nil
	}}
	entry := []frame.Entry{{Collector: c}}
	s := newSite(t, View{Targets: []*frame.Target{
		frame.NewTarget(frame.Spec{Job: "node", ID: "classic", Collectors: entry}, quiet()),
		frame.NewTarget(frame.Spec{Job: "probe", ID: "own", Collectors: entry, OpenMetrics: true}, quiet()),
	}})
	const prometheusAccepts = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
	const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	for _, c := range []struct{ path, accept, want, end string }{
		{"/metrics/node/classic", prometheusAccepts, "text/plain; version=0.0.4", "\n"},
		{"/metrics/node/classic", protobuf, "text/plain; version=0.0.4", "\n"},
		{"/metrics/node/classic", "", "text/plain; version=0.0.4", "\n"},
		{"/metrics/probe/own", prometheusAccepts, "application/openmetrics-text; version=1.0.0", "# EOF\n"},
		{"/metrics/probe/own", "application/openmetrics-text;version=0.0.1", "application/openmetrics-text; version=0.0.1", "# EOF\n"},
		{"/metrics/probe/own", "text/plain", "text/plain; version=0.0.4", "\n"},
		{"/metrics/probe/own", "", "text/plain; version=0.0.4", "\n"},
	} {
		r := localRequest(http.MethodGet, c.path)
		r.Header.Set("Accept", c.accept)
		w := s.do(r)
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s, accepting %q: content type %q", c.path, c.accept, got)
		}
		if body := w.Body.String(); !strings.HasSuffix(body, c.end) || strings.HasSuffix(body, "# EOF\n") != (c.end == "# EOF\n") {
			t.Errorf("%s, accepting %q: the page ends wrongly:\n%s", c.path, c.accept, body)
		}
	}
}

func TestMetrics_promtoolFindsNothingWrong(t *testing.T) {
	promtool := testenv.Program(t, "promtool", "prometheus")
	s := newSite(t, View{
		Node: target("node", "n", constant("time", "node_time_seconds", 17)),
		QueryAPI: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
		}),
	})
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, r := range []*http.Request{
		localRequest(http.MethodGet, "/metrics"), localRequest(http.MethodGet, "/api/v1/query"),
		localRequest(http.MethodDelete, "/"), httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/-/reload", nil),
	} {
		s.do(r)
	}
	page := s.get("/metrics").Body.Bytes()
	for _, want := range []string{
		`tocsin_http_requests_total{code="418",route="query"} 1`, `tocsin_http_requests_total{code="405",route="status"} 1`,
		`tocsin_http_requests_total{code="403",route="reload"} 1`, `tocsin_http_refusals_total{reason="not_local"} 1`,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page lacks %s", want)
		}
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = bytes.NewReader(page)
	if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

func BenchmarkPage(b *testing.B) {
	f := &frame.Family{Name: "node_x", Help: "x", Labels: []string{"device", "mode"}}
	s := newSite(b, View{Node: target("node", "n", collector{
		name: "c", families: []*frame.Family{f},
		collect: func(_ context.Context, sink *frame.Sink) error {
			for i := range 1000 {
				sink.Send(f, float64(i)*1.1, fmt.Sprint("device", i), "mode")
			}
			return nil
		},
	})})
	for name, encoding := range map[string]string{"plain": "", "gzip": "gzip"} {
		b.Run(name, func(b *testing.B) {
			r := localRequest(http.MethodGet, "/metrics")
			r.Header.Set("Accept-Encoding", encoding)
			b.ReportAllocs()
			for b.Loop() {
				s.do(r)
			}
		})
	}
}
