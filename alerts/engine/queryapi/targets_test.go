package queryapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"

	"tocsin/alerts/engine/queryapi"
)

// says is what a target says of its metrics.
type says []scrape.MetricMetadata

func (s says) ListMetadata() []scrape.MetricMetadata { return s }
func (s says) SizeMetadata() int                     { return 0 }
func (s says) LengthMetadata() int                   { return len(s) }

func (s says) GetMetadata(family string) (scrape.MetricMetadata, bool) {
	for _, m := range s {
		if m.MetricFamily == family {
			return m, true
		}
	}
	return scrape.MetricMetadata{}, false
}

func meta(family string, kind model.MetricType, help, unit string) scrape.MetricMetadata {
	return scrape.MetricMetadata{MetricFamily: family, Type: kind, Help: help, Unit: unit}
}

func newTarget(address string, metadata says) *scrape.Target {
	target := scrape.NewTarget(labels.FromStrings(
		model.AddressLabel, address, model.SchemeLabel, "http", model.MetricsPathLabel, "/metrics/node/x", "job", "node", "instance", address,
		model.ScrapeIntervalLabel, "5s", model.ScrapeTimeoutLabel, "4s",
	), &config.ScrapeConfig{JobName: "node"}, nil, nil)
	target.SetMetadataStore(metadata)
	return target
}

func withTargets(t *testing.T) http.Handler {
	t.Helper()
	a := newTarget("a:1", says{meta("up_seconds", "gauge", "Up.", "seconds"), meta("load", "gauge", "Load.", "")})
	b := newTarget("b:1", says{meta("load", "counter", "Load.", ""), meta("load", "gauge", "Load.", ""), meta("load", "gauge", "Another.", "")})
	a.Report(time.UnixMilli(1500).UTC(), 250*time.Millisecond, nil)
	b.Report(time.UnixMilli(2500).UTC(), time.Second, errors.New("it is gone"))
	return small(t, func(o *queryapi.Options) {
		o.Targets = func() map[string][]*scrape.Target {
			return map[string][]*scrape.Target{"two": {b}, "one": {a}}
		}
	})
}

func TestTargets_describesEach(t *testing.T) {
	t.Parallel()
	h := withTargets(t)
	const one = `"labels":{"instance":"a:1","job":"node"},"scrapePool":"one","scrapeUrl":"http://a:1/metrics/node/x","globalUrl":"http://a:1/metrics/node/x",` +
		`"lastError":"","lastScrape":"1970-01-01T00:00:01.5Z","lastScrapeDuration":0.25,"health":"up","scrapeInterval":"5s","scrapeTimeout":"4s"}`
	const two = `"lastError":"it is gone","lastScrape":"1970-01-01T00:00:02.5Z","lastScrapeDuration":1,"health":"down"`
	const none = `"droppedTargets":[],"droppedTargetCounts":{"one":0,"two":0}`
	for form, wants := range map[string][]string{
		"":                             {one, two, none},
		"state=any":                    {one, two, none},
		"state=Active":                 {one, two, `"droppedTargets":[],"droppedTargetCounts":null`},
		"state=dropped":                {`"activeTargets":[],` + none},
		"scrapePool=two":               {`"activeTargets":[{"discoveredLabels":`, two},
		"scrapePool=three":             {`"activeTargets":[]`},
		"scrapePool=one&state=dropped": {`"activeTargets":[]`},
	} {
		status, body := get(t, h, "/api/v1/targets?"+form)
		for _, want := range wants {
			expect(t, form, status, body, http.StatusOK, want)
		}
	}
}

func TestMetadata_mergesWhatTargetsSay(t *testing.T) {
	t.Parallel()
	h := withTargets(t)
	type entry struct{ Type, Help, Unit string }
	counter, other, gauge := entry{"counter", "Load.", ""}, entry{"gauge", "Another.", ""}, entry{"gauge", "Load.", ""}
	up := entry{"gauge", "Up.", "seconds"}
	for form, want := range map[string]map[string][]entry{
		"":                               {"load": {counter, other, gauge}, "up_seconds": {up}},
		"limit=1":                        {"load": {counter, other, gauge}},
		"limit=-1":                       {"load": {counter, other, gauge}, "up_seconds": {up}},
		"limit=0":                        {},
		"limit=40000":                    {"load": {counter, other, gauge}, "up_seconds": {up}},
		"limit_per_metric=2":             {"load": {counter, other}, "up_seconds": {up}},
		"limit_per_metric=0":             {"load": {counter, other, gauge}, "up_seconds": {up}},
		"metric=up_seconds":              {"up_seconds": {up}},
		"metric=load&limit_per_metric=1": {"load": {counter}},
		"metric=nothing":                 {},
	} {
		_, body := get(t, h, "/api/v1/metadata?"+form)
		var got struct{ Data map[string][]entry }
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Data); diff != "" {
			t.Errorf("metadata?%s (-want +got)\n%s", form, diff)
		}
	}
	for _, name := range []string{"limit", "limit_per_metric"} {
		status, body := get(t, h, "/api/v1/metadata?"+name+"=x")
		expect(t, name, status, body, http.StatusBadRequest, `"errorType":"bad_data","error":"`+name+` must be a number"`)
	}
}
