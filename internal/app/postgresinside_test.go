package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tocsin/internal/testenv"
)

// TestPostgresRules_insideARealServer provokes what lies inside of databases:
// sequences and transaction numbers that run out, indexes and tables that are
// no good, a standby whose
// queries are in the way; and a query of the site's own that fails. Thresholds
// and waits are short.
func TestPostgresRules_insideARealServer(t *testing.T) {
	t.Parallel() // it waits most of the time
	db := testenv.Postgres(t, "-c", "autovacuum=off", "-c", "max_wal_size=32MB", "-c", "min_wal_size=32MB", "-c", "shared_buffers=128kB",
		"-c", "max_connections=20")
	db.Exec(t, "postgres", "ALTER SYSTEM SET wal_keep_size = '256MB'", "SELECT pg_reload_conf()")
	standby := db.Standby(t, "b", testenv.NewRelay(t, "unix", db.Socket()))
	rules := map[string]string{
		"PostgresSequenceNearEnd": "for: 1s", "PostgresIndexInvalid": "for: 1s", "PostgresVacuumBehind": "for: 1s", "PostgresTableBloated": "threshold: 1e5, for: 1s",
		"PostgresIndexesNeedless": "threshold: 1e5, for: 1s", "PostgresWraparoundNear": "threshold: 0.0000005, for: 1s",
		"PostgresRecoveryConflicts": "threshold: 0.5",
		"PostgresStandbyBehind":     "threshold: 1e6, for: 1s", "CollectorFailing": "for: 1s",
	}
	var overrides strings.Builder
	for name, text := range rules {
		fmt.Fprintf(&overrides, "    %s: {%s}\n", name, text)
	}
	hub := newInstance(t, "hub", fmt.Sprintf(`host: {collectors: {only: [filesystem]}, mount_points: {include: '^/$'}}
intervals: {postgres: 1s}
postgres:
  - name: main
    dsn: "%s"
    walk: 10s
    queries: [{name: shop_orders, sql: SELECT count(*) AS number FROM nowhere, metrics: [{column: number, type: gauge, help: Orders.}]}]
  - {name: copy, dsn: "%s", walk: 10s}
alerts:
  rules:
%s`, db.DSN("admin", "postgres"), standby.DSN("admin", "postgres"), overrides.String()))
	hub.start()
	known := func() string { return hub.get("/api/v1/query?query=ALERTS") }
	rings := func(selector string) {
		t.Helper()
		took := eventually(t, 2*time.Minute, selector+" rings", known, func() bool {
			return newest(hub, `count(ALERTS{alertstate="firing",alertname=`+selector+`})`) != ""
		})
		t.Logf("%-80s rings, %.0f s after it was waited for", selector, took.Seconds())
	}
	rings(`"CollectorFailing",collector="query_shop_orders"`) // and nothing else of that server suffers
	for _, rule := range []string{"PostgresSequenceNearEnd", "PostgresIndexInvalid", "PostgresVacuumBehind"} {
		if newest(hub, fmt.Sprintf(`count(ALERTS{alertname=%q,alertstate="firing"})`, rule)) != "" {
			t.Errorf("%s rings before anything was done", rule)
		}
	}

	db.Exec(t, "postgres", "CREATE TABLE one (a smallserial, b int, c text)", "SELECT setval('one_a_seq', 30000)",
		"INSERT INTO one (b, c) SELECT n % 100, repeat('x', 500) FROM generate_series(1, 2000) AS n",
		"CREATE TABLE large (b int, c text)", "INSERT INTO large SELECT n, repeat('x', 200) FROM generate_series(1, 40000) AS n",
		"CREATE INDEX large_b ON large (b)", "CREATE INDEX large_b_again ON large (b)", "ANALYZE large", "DELETE FROM large WHERE b % 10 <> 0", "VACUUM large", "ANALYZE large")
	conn, err := pgx.Connect(t.Context(), db.DSN("admin", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY one_b ON one (b)"); err == nil {
		t.Fatal("an index is unique though its values are not")
	}
	rings(`"PostgresSequenceNearEnd",sequencename="one_a_seq"`)
	rings(`"PostgresIndexInvalid",datname="postgres"`)
	rings(`"PostgresTableBloated",relname="large"`)
	rings(`"PostgresIndexesNeedless",flaw="duplicate"`)

	// A query on the standby looks at rows that its primary has removed.
	reader := newSession(t, standby, "SET max_parallel_workers_per_gather = 0", "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM one")
	standby.Exec(t, "postgres", "ALTER SYSTEM SET max_standby_streaming_delay = 0", "SELECT pg_reload_conf()")
	db.Exec(t, "postgres", "DELETE FROM one", "VACUUM one")
	rings(`"PostgresRecoveryConflicts",kind="snapshot"`)
	_ = reader.conn.Close(t.Context()) // replay has ended it

	standby.Exec(t, "postgres", "SELECT pg_wal_replay_pause()")
	for range 1200 { // transactions are numbered
		if _, err := conn.Exec(t.Context(), "SELECT pg_current_xact_id()"); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		db.Exec(t, "postgres", "INSERT INTO large SELECT n, repeat('x', 400) FROM generate_series(1, 20000) AS n", "DELETE FROM large", "SELECT pg_switch_wal()", "CHECKPOINT")
	}
	rings(`"PostgresStandbyBehind",standby="b"`)
	rings(`"PostgresWraparoundNear",datname="postgres",counter="transaction"`)
	rings(`"PostgresVacuumBehind",datname="postgres"`)
}
