package queryapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"tocsin/alerts/engine/queryapi"
	"tocsin/internal/testenv"
)

// page is what the job app serves: every type, and values and labels that are
// hard to spell. The counters grow with each scrape.
const page = `# HELP requests_total Requests by code.
# TYPE requests_total counter
requests_total{code="200"} %[1]d
requests_total{code="500"} %[2]d
# HELP temperature_celsius Temperatures, the odd ones too.
# TYPE temperature_celsius gauge
temperature_celsius{place="hall"} 21.5
temperature_celsius{place="nan"} NaN
temperature_celsius{place="hot"} +Inf
temperature_celsius{place="cold"} -Inf
temperature_celsius{place="tiny"} 1.5e-09
temperature_celsius{place="vast"} 1.5e+24
temperature_celsius{place="minus"} -0.000001
# TYPE odd gauge
odd{text="a \"quote\", a \\ and a\nnewline"} 1
odd{text="<b>é</b> & 日本 \t"} 2
undescribed 7
# HELP latency_seconds Latencies.
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.1"} %[2]d
latency_seconds_bucket{le="1"} %[1]d
latency_seconds_bucket{le="+Inf"} %[1]d
latency_seconds_sum %[1]d.25
latency_seconds_count %[1]d
# HELP wait_seconds Waits.
# TYPE wait_seconds summary
wait_seconds{quantile="0.5"} 0.25
wait_seconds_sum 12
wait_seconds_count 48
`

const ruleFile = `groups:
  - name: records
    interval: 250ms
    limit: 50
    rules:
      - {record: "job:requests:rate3s", expr: "sum by (job) (rate(requests_total[3s]))", labels: {team: web}}
      - {record: broken, expr: "temperature_celsius + on(job) temperature_celsius"}
  - name: alarms
    rules:
      - {alert: TargetDown, expr: 'up{job="dead"} == 0', labels: {severity: critical}, annotations: {summary: "{{ $labels.job }} is down <now>"}}
      - {alert: Warm, expr: 'temperature_celsius{place="hall"} > 20', for: 1h, keep_firing_for: 5m, labels: {severity: info}}
      - {alert: Never, expr: "up > 1"}
`

// A pair is a real Prometheus and an API of ours over the same samples.
type pair struct {
	real string // URL
	ours *httptest.Server
	at   time.Time // a moment up to which both have the same
}

// sources starts what is scraped, and returns the scrape configuration.
func sources(t *testing.T) (scrapeConfig string, native *dto.Histogram) {
	t.Helper()
	var scrapes atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := scrapes.Add(1)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, page, 10*n, n)
	}))
	t.Cleanup(app.Close)

	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "sizes_bytes", Help: "Sizes.", NativeHistogramBucketFactor: 1.5})
	for _, size := range []float64{-3, 0, 0.5, 2, 2.1, 700} {
		h.Observe(size)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(h)
	modern := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	t.Cleanup(modern.Close)
	var m dto.Metric
	if err := h.Write(&m); err != nil {
		t.Fatal(err)
	}
	dead := testenv.Port(t)
	return fmt.Sprintf(`scrape_configs:
  - {job_name: app, scrape_interval: 250ms, scrape_timeout: 250ms, params: {x: ["1 2"]}, static_configs: [{targets: [%q], labels: {host: h1}}]}
  - {job_name: dead, scrape_interval: 250ms, scrape_timeout: 250ms, static_configs: [{targets: ["127.0.0.1:%d"]}]}
  - {job_name: modern, scrape_interval: 250ms, scrape_timeout: 250ms, %%s static_configs: [{targets: [%q]}]}
`, app.Listener.Addr(), dead, modern.Listener.Addr()), m.Histogram
}

func newPair(t *testing.T) pair {
	t.Helper()
	program := testenv.Program(t, "prometheus", "prometheus")
	scrapeConfig, native := sources(t)
	dir := t.TempDir()
	rulesPath := filepath.Join(dir, "rules.yml")
	write(t, rulesPath, ruleFile)
	configPath := filepath.Join(dir, "prometheus.yml")
	write(t, configPath, "global: {evaluation_interval: 250ms}\nrule_files: ["+rulesPath+"]\n"+fmt.Sprintf(scrapeConfig, ""))
	port := testenv.Port(t)
	p := pair{real: fmt.Sprintf("http://127.0.0.1:%d", port)}
	testenv.Start(t, program, "--config.file="+configPath, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port), "--enable-feature=native-histograms", "--log.level=error")
	testenv.WaitHTTP(t, p.real+"/-/ready")

	// Eight seconds without a failed scrape: ranges and rates have no ragged
	// start, and nothing went stale, which a copy of the samples would not show.
	testenv.Eventually(t, 2*time.Minute, "samples of the real Prometheus", func(context.Context) error {
		p.at = time.Now().Truncate(time.Millisecond)
		_, body := fetch(t, http.MethodGet, p.real+"/api/v1/query", url.Values{"time": {seconds(p.at)}, "query": {`
			min(count_over_time({__name__=~"up|job:requests:rate3s"}[8s])) >= 24
			and min(count_over_time(ALERTS[8s])) > 8
			and min(min_over_time(up{job!="dead"}[8s])) == 1`}})
		var a answer
		if err := json.Unmarshal([]byte(body), &a); err != nil || len(a.Data.Result) == 0 {
			return fmt.Errorf("not yet: %s %w", body, err)
		}
		return nil
	})
	db := newDB(t)
	copySamples(t, p, db, native)
	p.ours = httptest.NewServer(queryapi.New(queryapi.Options{
		Engine: newEngine(), Queryable: db, Now: func() time.Time { return p.at },
		Rules:   ourRules(t, db, rulesPath, p.at),
		Targets: ourTargets(t, fmt.Sprintf(scrapeConfig, "scrape_native_histograms: true,")),
	}))
	t.Cleanup(p.ours.Close)
	return p
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// seconds spells a time as clients do.
func seconds(at time.Time) string {
	return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', -1, 64)
}

// answer is a matrix as read back from the real Prometheus.
type answer struct {
	Data struct {
		Result []struct {
			Metric     map[string]string
			Values     [][2]any
			Histograms [][2]any
		}
	}
}

// copySamples reads all that the real Prometheus has, and appends it to db.
func copySamples(t *testing.T, p pair, db *tsdb.DB, native *dto.Histogram) {
	t.Helper()
	_, body := fetch(t, http.MethodGet, p.real+"/api/v1/query", url.Values{
		"query": {`{__name__=~".+"}[10m]`}, "time": {seconds(p.at)},
	})
	var a answer
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Data.Result) < 40 {
		t.Fatalf("only %d series: %s", len(a.Data.Result), body)
	}
	app := db.Appender(t.Context())
	put := func(set labels.Labels, at any, v float64, h *histogram.Histogram) {
		t.Helper()
		ms := int64(at.(float64)*1000 + 0.5)
		var err error
		if h != nil {
			_, err = app.AppendHistogram(0, set, ms, h, nil)
		} else {
			_, err = app.Append(0, set, ms, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	histograms := 0
	for _, s := range a.Data.Result {
		set := labels.FromMap(s.Metric)
		for _, v := range s.Values {
			f, err := strconv.ParseFloat(v[1].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			put(set, v[0], f, nil)
		}
		for _, v := range s.Histograms {
			put(set, v[0], 0, fromDTO(native))
			histograms++
		}
	}
	if histograms == 0 {
		t.Fatal("the real Prometheus took no native histogram")
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
}

func fromDTO(h *dto.Histogram) *histogram.Histogram {
	spans := func(from []*dto.BucketSpan) (to []histogram.Span) {
		for _, s := range from {
			to = append(to, histogram.Span{Offset: s.GetOffset(), Length: s.GetLength()})
		}
		return to
	}
	return &histogram.Histogram{
		Schema: h.GetSchema(), ZeroThreshold: h.GetZeroThreshold(), ZeroCount: h.GetZeroCount(),
		Count: h.GetSampleCount(), Sum: h.GetSampleSum(),
		PositiveSpans: spans(h.PositiveSpan), NegativeSpans: spans(h.NegativeSpan),
		PositiveBuckets: h.PositiveDelta, NegativeBuckets: h.NegativeDelta,
	}
}

type fixedRules []*rules.Group

func (f fixedRules) RuleGroups() []*rules.Group { return f }

func (f fixedRules) AlertingRules() (all []*rules.AlertingRule) {
	for _, g := range f {
		all = append(all, g.AlertingRules()...)
	}
	return all
}

// ourRules evaluates the same rules over the copied samples. What they write
// goes to a storage of its own, so that the copy stays a copy.
func ourRules(t *testing.T, db *tsdb.DB, path string, at time.Time) func() queryapi.RulesRetriever {
	t.Helper()
	m := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(newEngine(), db), Queryable: db, Appendable: newDB(t),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Context: t.Context(),
		Logger: slog.New(slog.DiscardHandler), ExternalURL: &url.URL{}, Parser: parser.NewParser(parser.Options{}),
	})
	groups, errs := m.LoadGroups(250*time.Millisecond, labels.EmptyLabels(), "", nil, false, path)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	sorted := fixedRules(slices.SortedFunc(maps.Values(groups), func(a, b *rules.Group) int {
		return strings.Compare(a.Name(), b.Name())
	}))
	for _, g := range sorted {
		g.Eval(t.Context(), at)
	}
	return func() queryapi.RulesRetriever { return sorted }
}

// ourTargets scrapes the same pages, into a storage that nobody reads.
func ourTargets(t *testing.T, scrapeConfig string) func() map[string][]*scrape.Target {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	cfg, err := config.Load(scrapeConfig, log)
	if err != nil {
		t.Fatal(err)
	}
	m, err := scrape.NewManager(&scrape.Options{DiscoveryReloadOnStartup: true, DiscoveryReloadInterval: model.Duration(time.Second)},
		log, nil, nil, newDB(t), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.ApplyConfig(cfg); err != nil {
		t.Fatal(err)
	}
	sets := make(chan map[string][]*targetgroup.Group, 1)
	groups := map[string][]*targetgroup.Group{}
	for _, c := range cfg.ScrapeConfigs {
		for _, d := range c.ServiceDiscoveryConfigs {
			groups[c.JobName] = append(groups[c.JobName], d.(discovery.StaticConfig)...)
		}
	}
	sets <- groups
	done := make(chan struct{})
	go func() { // ends with Stop
		defer close(done)
		_ = m.Run(sets)
	}()
	t.Cleanup(func() { m.Stop(); <-done })
	testenv.Eventually(t, time.Minute, "scrapes of ours", func(context.Context) error {
		n := 0
		for _, pool := range m.TargetsActive() {
			for _, target := range pool {
				if target.Health() != scrape.HealthUnknown {
					n++
				}
			}
		}
		if n < 3 {
			return fmt.Errorf("%d of 3 targets scraped", n)
		}
		return nil
	})
	return m.TargetsActive
}

var (
	_ queryapi.RulesRetriever = (*rules.Manager)(nil)
	_ storage.Queryable       = (*tsdb.DB)(nil)
	_ promql.QueryEngine      = (*promql.Engine)(nil)
)
