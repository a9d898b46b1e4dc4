package postgres

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
)

// startExporter runs Debian's postgres_exporter (0.11.1) against a server, and
// returns it with its page's address.
func startExporter(t testing.TB, dsn string, args ...string) (*testenv.Process, string) {
	t.Helper()
	program := testenv.Program(t, "prometheus-postgres-exporter", "prometheus-postgres-exporter")
	address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
	cmd := exec.Command(program, append([]string{"--web.listen-address=" + address, "--log.level=error"}, args...)...)
	cmd.Env = append(os.Environ(), "DATA_SOURCE_NAME="+dsn)
	p := testenv.StartCmd(t, cmd)
	testenv.WaitHTTP(t, "http://"+address+"/")
	return p, "http://" + address + "/metrics"
}

func fetch(ctx context.Context, url string) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	return parser.TextToMetricFamilies(bytes.NewReader(body))
}

// differentIn0111 are the names whose values in 0.11.1 mean something else than
// in 0.20, which we follow.
var differentIn0111 = map[string]string{
	"pg_stat_activity_count":                   "0.20 has five labels more, and leaves its own session out",
	"pg_stat_activity_max_tx_duration":         "the same",
	"pg_static":                                "the label server is the address as each one's DSN has it",
	"pg_exporter_last_scrape_duration_seconds": "of the exporter itself",
	"pg_exporter_scrapes_total":                "of the exporter itself",
	"pg_stat_archiver_last_archive_age":        "0.20 does not have it",
	"pg_scrape_collector_duration_seconds":     "of the exporter itself",
	"pg_settings_extra_float_digits":           "the old driver sets it for its session; ours is the server's",
}

func TestDebian_sameValues(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE DATABASE shop", "CREATE TABLE t (a int PRIMARY KEY, b text)",
		"INSERT INTO t SELECT g, 'x' FROM generate_series(1, 1000) g", "SELECT pg_create_physical_replication_slot('s1', true)", "CHECKPOINT")
	dsn := "user=admin dbname=postgres host=" + db.Dir
	_, url := startExporter(t, dsn)
	target := newTarget(Config{DSN: dsn})
	target.Gather(t.Context())
	if _, err := fetch(t.Context(), url); err != nil { // both are connected now
		t.Fatal(err)
	}
	before := samples(byName(target.Gather(t.Context())))
	page, err := fetch(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	theirs := samples(page)
	after := samples(byName(target.Gather(t.Context())))
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSERIES\tVERDICT")
	equal, only := 0, 0
	for _, name := range slices.Sorted(maps.Keys(page)) {
		if !strings.HasPrefix(name, "pg_") {
			continue
		}
		verdict, series := "equal", 0
		for key, got := range theirs[name] {
			if key == "datid=0,datname=" { // what all databases share: 0.20 leaves it out
				continue
			}
			series++
			low, ok := before[name][key]
			high := after[name][key]
			switch {
			case differentIn0111[name] != "":
				verdict = differentIn0111[name]
			case !ok && declaredAs(name) == nil:
				verdict = "not in 0.20"
			case !ok:
				verdict = "MISSING " + key
				t.Errorf("we lack %s{%s}", name, key)
			case got < min(low, high)-slack(low) || got > max(low, high)+slack(high):
				verdict = "DIFFERENT"
				t.Errorf("%s{%s} is %v for them, %v to %v for us", name, key, got, low, high)
			}
		}
		switch verdict {
		case "equal":
			equal++
		default:
			only++
		}
		fmt.Fprintf(w, "%s\t%d\t%s\n", name, series, verdict)
	}
	_ = w.Flush() // into a buffer
	t.Logf("\n%s%d names with equal values in Debian's 0.11.1, %d with a reason", table.String(), equal, only)
	if equal < 250 {
		t.Errorf("only %d names were compared", equal)
	}
}

// slack is what a number may differ by between two looks: their own sessions
// are at work.
func slack(n float64) float64 { return 0.02*math.Abs(n) + 1e-9 }

// samples are the values of a page by name and labels, without the label
// server, which 0.20 took off most metrics.
func samples(page map[string]*dto.MetricFamily) map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	for name, f := range page {
		all[name] = map[string]float64{}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				if l.GetName() != "server" {
					labels = append(labels, l.GetName()+"="+l.GetValue())
				}
			}
			slices.Sort(labels)
			all[name][strings.Join(labels, ",")] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
		}
	}
	return all
}
