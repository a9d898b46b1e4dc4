package brick

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tocsin/bricks"
	"tocsin/internal/secret"
	"tocsin/internal/testenv"
)

// tenant is a database as w.c.s. makes them, with something in each table.
func tenant(t *testing.T, db *testenv.Cluster) {
	t.Helper()
	tables, err := os.ReadFile("testdata/wcs.sql")
	if err != nil {
		t.Fatal(err)
	}
	db.Exec(t, "postgres", "CREATE DATABASE wcs_demarches", "CREATE ROLE tocsin LOGIN")
	db.Exec(t, "wcs_demarches", string(tables),
		`INSERT INTO wcs_meta VALUES ('sql_level', '168', now(), now()), ('reindex_x', 'needed', now(), now()), ('reindex_y', 'done', now(), now()),
			('cron-status-demarches.ville.example', 'running', now(), '2026-11-21T03:00:00Z')`,
		`INSERT INTO wcs_all_forms SELECT 1 + i % 2, i, CASE WHEN i % 10 = 0 THEN 'draft' ELSE 'wf-1' END, now(), '2026-11-01T00:00:00Z',
			CASE WHEN i % 3 = 0 THEN 'mail' ELSE '' END, i % 3 = 0, i % 4 = 0, 'Form ' || (1 + i % 2), NULL, 'Marie Curie' FROM generate_series(1, 100) i`,
		`INSERT INTO loggederrors (kind, occurences_count, latest_occurence_timestamp, deleted_timestamp) VALUES
			(NULL, 3, now(), NULL), ('deprecated_usage', 5, now(), NULL), ('deprecated_usage', 7, now(), now())`,
		`INSERT INTO afterjobs VALUES ('a', 'Mass', 'completed', now()), ('b', 'Mass', 'failed', now()), ('c', 'Mass', 'failed', now())`)
}

// off leaves out what a test does not run.
func wcsBrick(t *testing.T, address string, a bricks.Access) bricks.Brick {
	t.Helper()
	a.URL = address
	return bricks.Brick{Name: "demarches", URL: "http://127.0.0.1:1", Requests: map[string]bricks.Access{
		"sql": a, "versions": {Off: true}, "alive": {Off: true},
	}}
}

func TestPostgres_real(t *testing.T) {
	db := testenv.Postgres(t)
	t.Run("the tables of w.c.s.", func(t *testing.T) { measuresWCS(t, db) })
	t.Run("whatever a kind asks is bounded", func(t *testing.T) { isBounded(t, db) })
}

func measuresWCS(t *testing.T, db *testenv.Cluster) {
	tenant(t, db)
	k := find(t, "wcs")
	p := everything(t, wcsBrick(t, db.DSN("tocsin", "wcs_demarches"), bricks.Access{}), k)
	p.complete(t)
	p.has(t, map[string]float64{
		"wcs_cron_running{tenant=demarches.ville.example}":                   1,
		"wcs_cron_updated_timestamp_seconds{tenant=demarches.ville.example}": 1795230000,
		"wcs_sql_level": 168, "wcs_reindex_pending": 1, "wcs_drafts": 10,
		"wcs_errors{error=none}": 1, "wcs_errors{error=deprecated_usage}": 1, "wcs_error_occurrences{error=deprecated_usage}": 5,
		"wcs_jobs{class=Mass,status=failed}": 2, "brick_request_success{request=sql}": 1,
	})
	total := 0.0
	for key, value := range p.values {
		if strings.HasPrefix(key, "wcs_forms{") {
			total += value
		}
		if strings.Contains(key, "Curie") {
			t.Errorf("a personal column is on the page: %s", key)
		}
	}
	if total != 90 {
		t.Errorf("%v forms, want 90: 100 without 10 drafts", total)
	}

	// Tables that this version does not have are absent by right.
	db.Exec(t, "wcs_demarches", "ALTER TABLE afterjobs RENAME TO after_jobs")
	p = everything(t, wcsBrick(t, db.DSN("tocsin", "wcs_demarches"), bricks.Access{}), k)
	p.complete(t)
	if _, ok := p.values["wcs_jobs{class=Mass,status=failed}"]; ok {
		t.Error("jobs without their table")
	}

	// One table that may not be read is told; the others are measured.
	db.Exec(t, "wcs_demarches", "REVOKE SELECT ON loggederrors FROM tocsin")
	p = everything(t, wcsBrick(t, db.DSN("tocsin", "wcs_demarches"), bricks.Access{}), k)
	p.has(t, map[string]float64{
		"brick_request_success{request=sql}": 0, "brick_request_failure_info{reason=denied,request=sql}": 1, "wcs_sql_level": 168,
	})
	for name, reason := range map[string]string{db.DSN("tocsin", "nowhere"): "unexpected", db.DSN("stranger", "wcs_demarches"): "denied", (&testenv.Cluster{Dir: db.Dir + "/none"}).DSN("tocsin", "x"): "refused"} {
		p := everything(t, wcsBrick(t, name, bricks.Access{Password: secret.Source{Value: secret.New("hunter2")}}), k)
		p.has(t, map[string]float64{"brick_request_failure_info{reason=" + reason + ",request=sql}": 1})
	}
}

// What a kind of a site writes is a stranger's too: it can only read, and not
// for long, and not much.
func isBounded(t *testing.T, db *testenv.Cluster) {
	db.Exec(t, "postgres", "CREATE TABLE t (n int)", "INSERT INTO t SELECT generate_series(1, 10001)", "CREATE FUNCTION w() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (1) RETURNING n'")
	for name, test := range map[string]struct{ sql, reason string }{
		"too many rows":       {"SELECT n FROM t", "too_large"},
		"too much":            {"SELECT repeat('x', 2000000) AS x", "too_large"},
		"too long":            {"SELECT pg_sleep(60)", "timeout"},
		"it writes":           {"SELECT w() AS n", "error"},
		"it closes and drops": {"SELECT 1) x); DROP TABLE t; SELECT (((1", "unexpected"},
		"no such column":      {"SELECT nosuch FROM t", "unexpected"},
	} {
		t.Run(name, func(t *testing.T) {
			k := bricks.Kind{Name: "x", Health: bricks.Health{JQ: ".sql.body.q != null"}, Requests: map[string]bricks.Request{
				"sql": {Adapter: bricks.Postgres, Queries: map[string]bricks.SQL{"q": {Text: test.sql}}},
			}}
			b := bricks.Brick{Name: "x", URL: db.DSN("admin", "postgres")}
			entries, err := New(b, k, Options{})
			if err != nil {
				t.Fatal(err)
			}
			c, ok := entries[0].Collector.(*collector)
			if !ok {
				t.Fatal("not the collector")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			o := c.request(ctx, "sql")
			if o.failure == nil || string(o.failure.Reason) != test.reason {
				t.Errorf("%+v, want %s", o.failure, test.reason)
			}
		})
	}
	conn, err := pgx.Connect(t.Context(), db.DSN("admin", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	n := 0
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil || n != 10001 {
		t.Errorf("%d rows, %v: the table was written to", n, err)
	}
}
