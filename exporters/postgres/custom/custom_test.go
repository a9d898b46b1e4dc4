package custom_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"tocsin/exporters/postgres"
	"tocsin/exporters/postgres/custom"
	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// query returns the collector of a server's one query.
func query(t testing.TB, cfg postgres.Config) frame.Collector {
	t.Helper()
	entries, err := postgres.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Collector.Name(), "query_") {
			return e.Collector
		}
	}
	t.Fatal("no query runs")
	return nil
}

func gauge(column string) []custom.Metric {
	return []custom.Metric{{Column: column, Type: "gauge", Help: "A number."}}
}

// TestQuery_real asks statements of all kinds of a real server: what is good is
// told, and what is wrong costs no more than itself.
func TestQuery_real(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE TABLE orders (state text, n int)", "INSERT INTO orders VALUES ('new', 3), ('done', 4)",
		"CREATE ROLE poor LOGIN", "CREATE SCHEMA app", "CREATE TABLE app.things (n int)", "ALTER ROLE admin SET search_path TO app, public")
	for name, c := range map[string]struct {
		query  custom.Query
		want   map[string]float64
		reason frame.Reason
		says   string
		user   string
	}{
		"labels and numbers": {
			query: custom.Query{SQL: "SELECT state, n, 'x' AS ignored FROM orders;", Labels: []string{"state"}, Metrics: gauge("n")},
			want:  map[string]float64{"q_n{new}": 3, "q_n{done}": 4},
		},
		"types": {
			query: custom.Query{
				SQL: `SELECT true AS b, 1.5::numeric AS d, timestamptz '2026-01-01 00:00:00.5+01' AS t, date '1970-01-02' AS day, 'NaN'::float8 - 1 AS nan, NULL::int AS nothing`,
				Metrics: []custom.Metric{
					{Column: "b", Type: "gauge", Help: "B."},
					{Column: "d", Type: "counter", Help: "D."},
					{Column: "t", Name: "shop_last_timestamp_seconds", Type: "gauge", Help: "T."},
					{Column: "day", Type: "gauge", Help: "D."},
					{Column: "nothing", Type: "gauge", Help: "N."},
				},
			},
			want: map[string]float64{"q_b": 1, "q_d": 1.5, "shop_last_timestamp_seconds": 1767222000.5, "q_day": 86400},
		},
		"the user's own search path": {query: custom.Query{SQL: "SELECT count(*) AS n FROM things", Metrics: gauge("n")}, want: map[string]float64{"q_n": 0}},
		"twice the same": {
			query: custom.Query{SQL: "SELECT 'new' AS state, 1 AS n UNION ALL SELECT 'new', 2 UNION ALL SELECT 'done', 3", Labels: []string{"state"}, Metrics: gauge("n")},
			want:  map[string]float64{"q_n{new}": 1, "q_n{done}": 3}, reason: frame.ReasonInvalid, says: "q_n was sent twice with the same labels",
		},
		"no number": {
			query: custom.Query{SQL: "SELECT 'secret' AS n, 2 AS m, interval '1h' AS i", Metrics: append(gauge("n"), append(gauge("m"), gauge("i")...)...)},
			want:  map[string]float64{"q_m": 2}, reason: frame.ReasonInvalid, says: "column n is no number; cast it, or make it a label\ncolumn i is an interval; write extract(epoch FROM it)",
		},
		"no such column": {
			query: custom.Query{SQL: "SELECT 1 AS n", Metrics: append(gauge("n"), gauge("m")...)}, want: map[string]float64{"q_n": 1},
			reason: frame.ReasonInvalid, says: "column m is not in the answer; name it so by AS, or strike it",
		},
		"no such label": {
			query:  custom.Query{SQL: "SELECT 1 AS n", Labels: []string{"state"}, Metrics: gauge("n")},
			reason: frame.ReasonInvalid, says: "the statement gives no column state, which is a label; name it so by AS",
		},
		"bad SQL": {
			query:  custom.Query{SQL: "SELECT 1 AS n\nFROM nowhere", Metrics: gauge("n")},
			reason: frame.ReasonRefused, says: `the server refuses the statement: relation "nowhere" does not exist, on line 2 of the statement (42P01)`,
		},
		"two statements": {
			query:  custom.Query{SQL: "SELECT 1 AS n; DROP TABLE orders", Metrics: gauge("n")},
			reason: frame.ReasonRefused, says: "the server refuses the statement: it is more than one statement; write each as a query of its own (42601)",
		},
		"writes": {
			query:  custom.Query{SQL: "DELETE FROM orders RETURNING n", Metrics: gauge("n")},
			reason: frame.ReasonRefused, says: "the statement writes, and a query may only read (25006)",
		},
		"leaves the transaction": {
			query:  custom.Query{SQL: "SELECT set_config('transaction_read_only', 'off', true)::text AS n", Metrics: gauge("n")},
			reason: frame.ReasonError,
		},
		"ends the transaction": {query: custom.Query{SQL: "COMMIT", Metrics: gauge("n")}},
		"too slow": {
			query:  custom.Query{SQL: "SELECT 1 AS n FROM pg_sleep(30)", Metrics: gauge("n"), Timeout: model.Duration(50e6)},
			reason: frame.ReasonTimeout,
		},
		"too many rows": {
			query: custom.Query{SQL: "SELECT i AS id, i AS n FROM generate_series(1, 300000) i", Labels: []string{"id"}, Metrics: gauge("n"), Rows: 2},
			want:  map[string]float64{"q_n{1}": 1, "q_n{2}": 2}, reason: frame.ReasonInvalid,
			says: "it gives more than 2 rows; the rest is left out: write LIMIT, or raise rows",
		},
		"a document as a label": {
			query: custom.Query{SQL: "SELECT repeat('x', 5000) AS id, 1 AS n UNION ALL SELECT 'y', 2", Labels: []string{"id"}, Metrics: gauge("n")},
			want:  map[string]float64{"q_n{y}": 2}, reason: frame.ReasonInvalid, says: "column id is longer than 1024 bytes, too long for a label; such rows are left out",
		},
		"no right": {
			query: custom.Query{SQL: "SELECT n FROM orders", Metrics: gauge("n")}, user: "poor", reason: frame.ReasonPermission,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.query.Name = "q"
			user := "admin"
			if c.user != "" {
				user = c.user
			}
			got := collectortest.Once(t, query(t, postgres.Config{DSN: db.DSN(user, "postgres"), Own: custom.Config{Queries: []custom.Query{c.query}}}))
			if got.Reason != c.reason || c.says != "" && got.Err != c.says {
				t.Errorf("it says %q: %q\nwant    %q: %q", got.Reason, got.Err, c.reason, c.says)
			}
			if len(got.Samples) != len(c.want) {
				t.Errorf("got %v, want %v", got.Samples, c.want)
			}
			for name, want := range c.want {
				if have, ok := got.Samples[name]; !ok || have != want {
					t.Errorf("%s is %v, want %v", name, have, want)
				}
			}
		})
	}
}

func TestQuery_manyDatabases(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE DATABASE wcs_a", "CREATE DATABASE wcs_b", "CREATE DATABASE other")
	db.Exec(t, "wcs_a", "CREATE TABLE forms (n int)", "INSERT INTO forms VALUES (1)")
	got := collectortest.Once(t, query(t, postgres.Config{DSN: db.DSN("admin", "postgres"), Own: custom.Config{Queries: []custom.Query{{
		Name: "forms", SQL: "SELECT count(*) AS n FROM forms", Metrics: gauge("n"), Databases: "^wcs_",
	}}}}))
	// It has a clock of its own; this runs it at once.
	if got.Samples["forms_n{wcs_a}"] != 1 || len(got.Samples) != 1 {
		t.Errorf("got %v", got.Samples)
	}
	const want = `database "wcs_b": the server refuses the statement: relation "forms" does not exist, on line 1 of the statement (42P01)`
	if got.Reason != frame.ReasonRefused || got.Err != want {
		t.Errorf("it says %q: %q", got.Reason, got.Err)
	}
}

// TestOld_debian reads the example that Debian ships with postgres_exporter, as
// it is.
func TestOld_debian(t *testing.T) {
	program := testenv.Program(t, "prometheus-postgres-exporter", "prometheus-postgres-exporter")
	_ = program
	const example = "/usr/share/doc/prometheus-postgres-exporter/examples/queries.yaml"
	if _, err := os.Stat(example); err != nil {
		t.Fatal(err)
	}
	db := testenv.Postgres(t)
	entries, err := postgres.New(postgres.Config{DSN: db.DSN("admin", "postgres"), Own: custom.Config{QueriesFiles: []string{example}}})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]collectortest.Result{}
	for _, e := range entries {
		if name := e.Collector.Name(); strings.HasPrefix(name, "query_") {
			told[name] = collectortest.Once(t, e.Collector)
		}
	}
	for name, sample := range map[string]string{"query_pg_replication": "pg_replication_lag", "query_pg_postmaster": "pg_postmaster_start_time_seconds"} {
		if _, ok := told[name].Samples[sample]; !ok || told[name].Reason != "" {
			t.Errorf("%s: %+v", name, told[name])
		}
	}
	if _, ok := told["query_pg_stat_user_tables"]; ok {
		t.Error("pg_stat_user_tables is asked, although all of it is told already")
	}
	// total_time went with PostgreSQL 13, and the extension is not there at all.
	if got := told["query_pg_stat_statements"]; got.Reason != frame.ReasonRefused || !strings.Contains(got.Err, `relation "pg_stat_statements" does not exist`) {
		t.Errorf("pg_stat_statements: %+v", got)
	}
}

func TestOld_allUsages(t *testing.T) {
	db := testenv.Postgres(t)
	file := filepath.Join(t.TempDir(), "queries.yaml")
	text := `
app:
  query: |
    SELECT 'a'::text AS who, 5 AS jobs, 7.5 AS load, 'up' AS state, '1m30s' AS wait, 'secret' AS comment, 11 AS extra,
      ARRAY[2, 1] AS took, ARRAY[9, 4] AS took_bucket, 12.5 AS took_sum, 10 AS took_count, NULL::int AS none, 1 AS gone
  metrics:
    - who: {usage: LABEL}
    - jobs: {usage: COUNTER, description: Jobs done}
    - load: {usage: GAUGE}
    - state: {usage: MAPPEDMETRIC, metric_mapping: {up: 1, down: 0}}
    - wait: {usage: DURATION}
    - comment: {usage: DISCARD}
    - took: {usage: HISTOGRAM, description: How long}
    - none: {usage: GAUGE}
    - gone: {usage: GAUGE, pg_version: "<10.0.0"}
old:
  query: SELECT 1 AS n
  runonserver: ">=9.0.0 <9.6.0 || ==10.0.0"
  metrics: [{n: {usage: GAUGE}}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := collectortest.Once(t, query(t, postgres.Config{DSN: db.DSN("admin", "postgres"), Own: custom.Config{QueriesFiles: []string{file}}}))
	if got.Reason != "" {
		t.Fatalf("%s: %s", got.Reason, got.Err)
	}
	for name, want := range map[string]float64{"app_jobs{a}": 5, "app_load{a}": 7.5, "app_state{a}": 1, "app_wait_milliseconds{a}": 90_000, "app_extra{a}": 11} {
		if got.Samples[name] != want {
			t.Errorf("%s is %v, want %v", name, got.Samples[name], want)
		}
	}
	if n, ok := got.Samples["app_none{a}"]; !ok || !math.IsNaN(n) {
		t.Errorf("app_none is %v; NULL is NaN in this form", n)
	}
	if _, ok := got.Samples["app_took{a}"]; !ok {
		t.Error("the histogram is missing")
	}
	for name := range got.Samples {
		if strings.HasPrefix(name, "app_comment") || strings.HasPrefix(name, "app_gone") || strings.HasPrefix(name, "old_") {
			t.Errorf("%s is there", name)
		}
	}
}
