package queryapi_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/scrape"

	"tocsin/alerts/engine/queryapi"
)

// A grafana asks as the back end of Grafana's Prometheus data source does
// (pkg/promlib/client of Grafana 10 to 13): queries by the method that the
// data source is set to, resources by POST first, by GET once that is answered
// 405 or 400, with the body's parameters moved into the URL. It takes gzip, as
// every Go client. It is strict where Grafana is: a buildinfo that answers 404
// makes the data source "unknown", features in it make it Mimir.
type grafana struct {
	t      *testing.T
	url    string
	method string
}

// The endpoints for which Grafana knows that POST is no use. It compares the
// beginning of the path, so that most of its list never matches: rules and
// buildinfo are asked by POST, and must answer 405.
func onlyGet(path string) bool {
	return strings.HasPrefix(path, "api/v1/label/") || strings.HasPrefix(path, "api/v1/metadata")
}

func (g grafana) send(method, path string, form url.Values) (int, []byte) {
	g.t.Helper()
	target, body := g.url+"/"+path, io.Reader(http.NoBody)
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		target += "?" + form.Encode()
	}
	r, err := http.NewRequestWithContext(g.t.Context(), method, target, body)
	if err != nil {
		g.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept-Encoding", "gzip")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	from := io.Reader(response.Body)
	if response.Header.Get("Content-Encoding") == "gzip" {
		if from, err = gzip.NewReader(response.Body); err != nil {
			g.t.Fatal(err)
		}
	}
	b, err := io.ReadAll(from)
	if err != nil {
		g.t.Fatal(err)
	}
	return response.StatusCode, b
}

// resource asks what the query editor and the variables need.
func (g grafana) resource(path string, form url.Values) (int, []byte) {
	g.t.Helper()
	if g.method == http.MethodGet || onlyGet(path) {
		return g.send(http.MethodGet, path, form)
	}
	status, body := g.send(http.MethodPost, path, form)
	if status == http.StatusMethodNotAllowed || status == http.StatusBadRequest {
		return g.send(http.MethodGet, path, form)
	}
	return status, body
}

// data asks for a resource and reads its data.
func data[T any](g grafana, path string, form url.Values) T {
	g.t.Helper()
	status, body := g.resource(path, form)
	var answer struct {
		Status string
		Data   T
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || answer.Status != "success" {
		g.t.Fatalf("%s: %d %s %v", path, status, body, err)
	}
	return answer.Data
}

func inGrafana(t *testing.T, test func(t *testing.T, g grafana)) {
	t.Helper()
	metadata := says{meta("load", "gauge", "Load.", "")}
	server := httptest.NewServer(small(t, func(o *queryapi.Options) {
		o.Targets = func() map[string][]*scrape.Target {
			return map[string][]*scrape.Target{"node": {newTarget("h000:9100", metadata)}}
		}
	}))
	t.Cleanup(server.Close)
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		t.Run(method, func(t *testing.T) { test(t, grafana{t, server.URL, method}) })
	}
}

// "Save & test": 1+1 at four seconds after 1970, then buildinfo.
func TestGrafana_healthCheck(t *testing.T) {
	t.Parallel()
	inGrafana(t, func(t *testing.T, g grafana) {
		status, body := g.send(g.method, "api/v1/query", url.Values{"query": {"1+1"}, "time": {"4"}})
		if want := `{"status":"success","data":{"resultType":"scalar","result":[4,"2"]}}`; status != http.StatusOK || string(body) != want {
			t.Errorf("1+1: %d %s", status, body)
		}
		info := data[map[string]any](g, "api/v1/status/buildinfo", nil)
		if info["features"] != nil {
			t.Error("features in buildinfo make Grafana take us for Mimir")
		}
		// Grafana compares the version with 2.24 before it sends match[] to
		// labels, and offers what it knows by the version.
		version, _ := info["version"].(string)
		major, _, _ := strings.Cut(version, ".")
		if n, err := strconv.Atoi(major); err != nil || n < 3 {
			t.Errorf("version %q, want that of the engine, 3 or more", version)
		}
	})
}

// Opening the editor: whether there are exemplars (in milliseconds, by a slip
// of Grafana's), the recording rules, metrics, labels, metadata.
func TestGrafana_opensTheEditor(t *testing.T) {
	t.Parallel()
	inGrafana(t, func(t *testing.T, g grafana) {
		exemplars := data[[]any](g, "api/v1/query_exemplars", url.Values{"query": {"test"}, "start": {"1700000000000"}, "end": {"1700001800000"}})
		if len(exemplars) != 0 {
			t.Errorf("exemplars: %v", exemplars)
		}
		rules := data[struct{ Groups []any }](g, "api/v1/rules", nil)
		if rules.Groups == nil {
			t.Error("no list of groups")
		}
		within := func(more ...string) url.Values {
			form := url.Values{"start": {"1000000"}, "end": {"1000300"}, "limit": {"40000"}}
			for _, m := range more {
				form.Add("match[]", m)
			}
			return form
		}
		if names := data[[]string](g, "api/v1/label/__name__/values", within()); !slices.Equal(names, []string{"load"}) {
			t.Errorf("metrics: %v", names)
		}
		if names := data[[]string](g, "api/v1/labels", within()); !slices.Equal(names, []string{"__name__", "host", "instance", "job"}) {
			t.Errorf("labels: %v", names)
		}
		if names := data[[]string](g, "api/v1/labels", within(`{__name__="load"}`, `{__name__="other"}`)); len(names) != 4 {
			t.Errorf("labels of two metrics: %v", names)
		}
		if values := data[[]string](g, "api/v1/label/host/values", within(`load{job="node",host!="h000"}`)); !slices.Equal(values, []string{"h001", "h002"}) {
			t.Errorf("hosts: %v", values)
		}
		series := data[[]map[string]string](g, "api/v1/series", within(`{__name__!=""}`))
		if len(series) != 3 || series[0]["__name__"] != "load" {
			t.Errorf("series: %v", series)
		}
		type meaning struct{ Type, Help, Unit string }
		for _, form := range []url.Values{nil, {"limit": {"40000"}}, {"metric": {"load"}}} {
			metadata := data[map[string][]meaning](g, "api/v1/metadata", form)
			if !slices.Equal(metadata["load"], []meaning{{"gauge", "Load.", ""}}) {
				t.Errorf("metadata: %v", metadata)
			}
		}
	})
}

// A panel: range and instant, times with fractions as Grafana spells them, a
// step in seconds, and the data source's own timeout.
func TestGrafana_drawsAPanel(t *testing.T) {
	t.Parallel()
	inGrafana(t, func(t *testing.T, g grafana) {
		status, body := g.send(g.method, "api/v1/query_range", url.Values{
			"query": {`sum by (job) (load{host=~"h00(0|1)"})`}, "start": {"1000005"}, "end": {"1000050.5"}, "step": {"15"}, "timeout": {"60s"},
		})
		const want = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"job":"node"},"values":[` +
			`[1000005,"0.14285714285714285"],[1000020,"2.142857142857143"],[1000035,"4.142857142857142"],[1000050,"6.142857142857142"]]}]}}`
		if status != http.StatusOK || string(body) != want {
			t.Errorf("range: %d %s", status, body)
		}
		status, body = g.send(g.method, "api/v1/query", url.Values{"query": {"topk(1, load)"}, "time": {"1000050.123"}})
		if status != http.StatusOK || !strings.Contains(string(body), `"value":[1000050.123,"3.2857142857142856"]`) {
			t.Errorf("instant: %d %s", status, body)
		}
		// What Grafana shows as the panel's error is the text.
		status, body = g.send(g.method, "api/v1/query_range", url.Values{"query": {"rate(load)"}, "start": {"1"}, "end": {"2"}, "step": {"1"}})
		if status != http.StatusBadRequest || !strings.Contains(string(body), `"errorType":"bad_data","error":"invalid parameter`) {
			t.Errorf("error: %d %s", status, body)
		}
	})
}

// The list of a data source's alerts, page by page.
func TestGrafana_listsAlerts(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(withRules(t))
	t.Cleanup(server.Close)
	g := grafana{t, server.URL, http.MethodPost}
	rules := data[struct {
		Groups         []struct{ Name string }
		GroupNextToken string
	}](g, "api/v1/rules", url.Values{"type": {"alert"}, "group_limit": {"1"}})
	if len(rules.Groups) != 1 || rules.GroupNextToken == "" {
		t.Errorf("rules: %+v", rules)
	}
	alerts := data[struct {
		Alerts []struct {
			State  string
			Labels map[string]string
			Value  string
		}
	}](g, "api/v1/alerts", nil)
	if len(alerts.Alerts) != 6 || alerts.Alerts[0].State != "firing" || alerts.Alerts[0].Labels["alertname"] != "Hot" {
		t.Errorf("alerts: %+v", alerts)
	}
}
