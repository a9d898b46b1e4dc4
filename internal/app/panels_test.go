package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"tocsin/internal/config"
	"tocsin/internal/testenv"
)

// emptyByNature are the questions that may find nothing on a site where all is
// well, by dashboard and title, each with its reason. They are asked all the
// same: an error is one.
var emptyByNature = map[string]string{
	"brick-redis: Memory C": "a Redis without maxmemory has no limit to draw",
}

// A question is what Grafana asks for one dashboard: for a panel, a variable
// or an annotation.
type question struct {
	board, what string
	path        string // below /api/v1/
	values      url.Values
	over        bool // asked over a range of time
}

func (q question) String() string { return q.board + ": " + q.what }

// askWith makes the request, with the time that it is asked at.
func (q question) askWith(now time.Time) string {
	v := maps.Clone(q.values)
	if q.over {
		v.Set("start", strconv.FormatInt(now.Add(-5*time.Minute).Unix(), 10))
		v.Set("end", strconv.FormatInt(now.Unix(), 10))
		v.Set("step", "15")
	}
	return "/api/v1/" + q.path + "?" + v.Encode()
}

// count asks, and returns how many series or values there are.
func (q question) count(in *instance) (int, error) {
	text := in.get(q.askWith(time.Now()))
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return 0, fmt.Errorf("%w: %.300s", err, text)
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("%s: %s", answer.Status, answer.Error)
	}
	var list []any
	if json.Unmarshal(answer.Data, &list) == nil {
		return len(list), nil
	}
	var result struct {
		ResultType string
		Result     []any
	}
	err := json.Unmarshal(answer.Data, &result)
	return len(result.Result), err
}

// asGrafana puts in what Grafana does where everything is chosen.
var asGrafana = strings.NewReplacer("$job", ".+", "$instance", ".+", "$__rate_interval", "1m")

// questions reads the checked-in dashboards as Grafana does.
func questions(t *testing.T) []question {
	t.Helper()
	names, err := filepath.Glob("../../dashboards/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	var out []question
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Templating struct {
				List []struct {
					Name, Type string
					Query      json.RawMessage
				}
			}
			Annotations struct{ List []struct{ Name, Expr string } }
			Panels      []struct {
				Title   string
				Targets []struct {
					RefID, Expr string
					Instant     bool
				}
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		base := strings.TrimSuffix(filepath.Base(name), ".json")
		for _, v := range board.Templating.List {
			if v.Type != "query" {
				continue
			}
			var from struct{ Query string }
			if err := json.Unmarshal(v.Query, &from); err != nil {
				t.Fatalf("%s: variable %s: %v", name, v.Name, err)
			}
			inner := strings.TrimSuffix(strings.TrimPrefix(from.Query, "label_values("), ")")
			at := strings.LastIndex(inner, ",")
			out = append(out, question{
				board: base, what: "variable " + v.Name, path: "label/" + strings.TrimSpace(inner[at+1:]) + "/values",
				values: url.Values{"match[]": {asGrafana.Replace(inner[:at])}},
			})
		}
		for _, a := range board.Annotations.List {
			out = append(out, question{
				board: base, what: "annotation " + a.Name, path: "query_range", over: true,
				values: url.Values{"query": {asGrafana.Replace(a.Expr)}},
			})
		}
		for _, p := range board.Panels {
			for _, target := range p.Targets {
				q := question{board: base, what: p.Title + " " + target.RefID, path: "query_range", over: true}
				if target.Instant {
					q.path, q.over = "query", false
				}
				q.values = url.Values{"query": {asGrafana.Replace(target.Expr)}}
				out = append(out, q)
			}
		}
	}
	return out
}

// panelsSite is a site on which there is something of everything: a certificate
// near its end, one that nobody vouches for, a service that nobody serves, a
// brick, a host that is short of memory, and another with bricks of all kinds.
func panelsSite(t *testing.T, app1 string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ca := newAuthority(t, dir)
	ca.issue(t, dir, 3*24*time.Hour)
	port, status := testenv.Port(t), testenv.Port(t)
	testenv.Nginx(t, fmt.Sprintf(`server {
	listen 127.0.0.1:%d ssl;
	server_name localhost;
	ssl_certificate %s/cert.pem;
	ssl_certificate_key %s/key.pem;
	location / { return 200 "hello"; }
}
server {
	listen 127.0.0.1:%d;
	location /status { stub_status; }
}`, port, dir, dir, status))
	db := testenv.Postgres(t, "-c", "archive_mode=on", "-c", "archive_command=true")
	standby := db.Standby(t, "b", testenv.NewRelay(t, "unix", db.Socket()))
	db.Exec(t, "postgres", "CREATE TABLE kept (a smallserial)", "SELECT setval('kept_a_seq', 20000)", "SELECT pg_create_physical_replication_slot('s1', true)")
	return fmt.Sprintf(`site: panels
intervals: {postgres: 5s, rabbitmq: 5s}
postgres:
  - {name: a, dsn: "%s", walk: 10s}
  - {name: b, dsn: "%s", walk: 10s}
bricks: [{kind: nginx, name: front, url: "http://127.0.0.1:%d/status"}]
hosts: [{name: app1, address: "%s"}]
alerts: {rules: {HostMemoryLow: {threshold: 1, for: 0s}, TargetDown: {for: 0s}, RabbitMQQueueUnread: {for: 0s}, PostgresSettingUnsafe: {for: 0s}}} # fsync is off in tests
probes:
  - {target: "https://localhost:%d/", ca_file: %s, interval: 5s}
  - {target: "https://127.0.0.1:%d/", name: unvouched, interval: 5s}
  - {target: "http://127.0.0.1:1/", name: nobody, interval: 5s}
`, db.DSN("admin", "postgres"), standby.DSN("admin", "postgres"), status, app1, port, ca.file, port) + panelsBroker(t, dir, ca.file)
}

// TestPanels_haveData asks the hub, as Grafana does, for every panel, variable
// and annotation of every dashboard; and a Prometheus that scrapes the same
// pages and has the same rules, which must find data for the same ones.
func TestPanels_haveData(t *testing.T) {
	t.Parallel() // it waits most of the time
	if testing.Short() {
		testenv.Skip(t, "waits for rates: run without -short")
	}
	app1 := newStandIn(t)
	hub := newInstance(t, "hub", panelsSite(t, app1))
	hub.start()
	other := prometheusBeside(t, hub, app1)
	recordedPage(t, hub)
	all := questions(t)
	here, there := counts(t, hub, all), counts(t, other, all)
	if t.Failed() {
		return
	}

	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DASHBOARD\tQUESTION\tHUB\tPROMETHEUS\t")
	with := 0
	for i, q := range all {
		reason, excused := emptyByNature[q.String()]
		if here[i] > 0 {
			with++
		} else if !excused {
			t.Errorf("%s has no data: %s", q, q.values.Get("query"))
		}
		if (here[i] > 0) != (there[i] > 0) {
			t.Errorf("%s: %d series from the hub, %d from Prometheus: %s", q, here[i], there[i], q.values.Get("query"))
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", q.board, q.what, here[i], there[i], reason)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d have data, %d may be empty\n%s", with, len(all), len(emptyByNature), table.String())
	for name := range emptyByNature {
		if !slices.ContainsFunc(all, func(q question) bool { return q.String() == name }) {
			t.Errorf("%s may be empty, and is asked by no dashboard: strike it", name)
		}
	}
}

// counts asks until everything has data that should, and returns what is there
// then.
func counts(t *testing.T, in *instance, all []question) []int {
	t.Helper()
	out := make([]int, len(all))
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		waiting := 0
		for i, q := range all {
			if out[i] > 0 {
				continue
			}
			n, err := q.count(in)
			if err != nil {
				t.Errorf("%s: %v: %s", q, err, q.values.Get("query"))
			}
			if out[i] = n; n == 0 && emptyByNature[q.String()] == "" {
				waiting++
			}
		}
		if waiting == 0 || t.Failed() || time.Now().After(deadline) {
			return out
		}
		<-tick.C
	}
}

// recordedPage holds the page that the lint of the dashboards goes by to that
// of a running hub: names, and names of labels.
func recordedPage(t *testing.T, hub *instance) {
	t.Helper()
	text, err := os.ReadFile("../../dashboards/testdata/hub.prom")
	if err != nil {
		t.Fatal(err)
	}
	shape := func(page string) map[string]bool {
		value := regexp.MustCompile(`="[^"]*"`)
		out := map[string]bool{}
		for line := range strings.Lines(page) {
			if at := strings.LastIndex(line, " "); at > 0 && line[0] != '#' {
				out[value.ReplaceAllString(line[:at], "")] = true
			}
		}
		return out
	}
	live := shape(hub.get("/metrics"))
	for series := range shape(string(text)) {
		if !live[series] {
			t.Errorf("the hub's page has no %s any more: record dashboards/testdata/hub.prom anew", series)
		}
	}
}

// prometheusBeside runs a Prometheus on the lists of hub and host, with the
// hub's rules.
func prometheusBeside(t *testing.T, hub *instance, app1 string) *instance {
	t.Helper()
	site, err := config.Load(hub.config)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range site.RuleTexts() {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := testenv.Prometheus(t, fmt.Sprintf(`
global: {scrape_interval: 5s, evaluation_interval: 5s}
rule_files: ["%s/*.yml"]
scrape_configs:
  - job_name: tocsin
    http_sd_configs: [{url: "%s", refresh_interval: 5s}, {url: "http://%s/sd", refresh_interval: 5s}]
`, dir, hub.url("/sd"), app1))
	return &instance{t: t, address: strings.TrimPrefix(address, "http://")}
}
