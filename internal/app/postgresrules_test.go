package app

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tocsin/internal/testenv"
)

// session is a client of a server that a test lets do harm.
type session struct {
	t    *testing.T
	conn *pgx.Conn
	done chan error // of what runs behind the test's back
}

func newSession(t *testing.T, c *testenv.Cluster, statements ...string) *session {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.DSN("admin", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, conn: conn, done: make(chan error, 1)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // the server ends with the test
	})
	for _, text := range statements {
		s.must(text)
	}
	return s
}

func (s *session) must(statement string) {
	s.t.Helper()
	if _, err := s.conn.Exec(s.t.Context(), statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// behind runs a statement that waits.
func (s *session) behind(statement string) {
	go func() { // ends with the statement, or with the connection at the test's end
		_, err := s.conn.Exec(context.Background(), statement)
		s.done <- err
	}()
}

// TestPostgresRules_ringOnARealServer provokes what the rules are about, on
// real servers, and waits for the shipped rules to ring; then mends it, and
// waits for their end. Thresholds and waits are short, as a site may set them.
func TestPostgresRules_ringOnARealServer(t *testing.T) {
	t.Parallel() // it waits most of the time
	db := testenv.Postgres(t, "-c", "max_connections=20", "-c", "archive_mode=on", "-c", "deadlock_timeout=10ms",
		"-c", "max_prepared_transactions=2", "-c", "autovacuum=off")
	db.Exec(t, "postgres", "ALTER SYSTEM SET archive_command = 'true'", "SELECT pg_reload_conf()")
	between := testenv.NewRelay(t, "unix", db.Socket())
	standby := db.Standby(t, "b", between)
	gone := testenv.Postgres(t)
	quick := []string{
		"PostgresDown", "PostgresConnectionsNearLimit", "PostgresSlotHoldsWAL", "PostgresArchiverFailing", "PostgresArchiveStuck", "PostgresRestartPending",
		"PostgresReplayPaused", "PostgresSettingUnsafe", "PostgresStandbysTooFew", "PostgresSynchronousStandbyMissing", "PostgresReplayLate", "PostgresRollbacks",
	}
	rules := map[string]string{
		"PostgresLongTransaction": "threshold: 2", "PostgresIdleInTransaction": "threshold: 2", "PostgresPreparedTransactionForgotten": "threshold: 2",
		"PostgresQueriesBlocked": "threshold: 2", "PostgresSlotHoldsWAL": "threshold: 1e6", "PostgresArchiveStuck": "threshold: 3",
		"PostgresCheckpointsTooOften": "threshold: 0.5", "PostgresTempFiles": "threshold: 1e5", "PostgresReplayLate": "threshold: 2",
		"CollectorFailing": "for: 10s", "PostgresRollbacks": "threshold: 0.1",
	}
	for _, name := range quick {
		rules[name] = strings.TrimPrefix(rules[name]+", for: 1s", ", ")
	}
	var overrides strings.Builder
	for name, text := range rules {
		fmt.Fprintf(&overrides, "    %s: {%s}\n", name, text)
	}
	hub := newInstance(t, "hub", fmt.Sprintf(`host: {collectors: {only: [filesystem]}, mount_points: {include: '^/$'}}
intervals: {postgres: 1s}
postgres:
  - {name: main, dsn: "%s", standbys: 1}
  - {name: copy, dsn: "%s"}
  - {name: gone, dsn: "%s"}
alerts:
  rules:
%s`, db.DSN("admin", "postgres"), standby.DSN("admin", "postgres"), gone.DSN("admin", "postgres"), overrides.String()))
	hub.start()
	firing := func(rule string) bool {
		return newest(hub, fmt.Sprintf(`count(ALERTS{alertname=%q,alertstate="firing"})`, rule)) != ""
	}
	known := func() string { return hub.get("/api/v1/query?query=ALERTS") }
	rings := func(rules ...string) {
		t.Helper()
		for _, rule := range rules {
			took := eventually(t, 90*time.Second, rule+" rings", known, func() bool { return firing(rule) })
			t.Logf("%-38s rings, %.0f s after it was waited for", rule, took.Seconds())
		}
	}
	ends := func(rules ...string) {
		t.Helper()
		for _, rule := range rules {
			eventually(t, 90*time.Second, rule+" ends", known, func() bool { return !firing(rule) })
		}
	}

	rings("PostgresSettingUnsafe") // autovacuum and fsync are off in this test
	for name := range rules {
		if name != "PostgresSettingUnsafe" && firing(name) {
			t.Errorf("%s rings before anything was done", name)
		}
	}
	if t.Failed() {
		t.Fatal(known())
	}

	// Counters must have been seen before they grow.
	gone.Stop()
	db.Exec(t, "postgres", "CREATE TABLE one (a int PRIMARY KEY, b text)", "INSERT INTO one VALUES (1), (2)",
		"SELECT pg_create_physical_replication_slot('forgotten', true)")
	holder := newSession(t, db, "BEGIN", "UPDATE one SET b = 'held' WHERE a = 1")
	waiter := newSession(t, db)
	waiter.behind("UPDATE one SET b = 'waits' WHERE a = 1")
	newSession(t, db, "BEGIN", "INSERT INTO one VALUES (3)", "PREPARE TRANSACTION 'forgotten'")
	deadlock(t, db)
	newSession(t, db, "SET work_mem = '64kB'", "SELECT count(*) FROM (SELECT * FROM generate_series(1, 100000) AS n ORDER BY random()) AS sorted")
	db.Exec(t, "postgres", "ALTER SYSTEM SET archive_command = 'false'", "ALTER SYSTEM SET max_worker_processes = 9", "SELECT pg_reload_conf()")
	for range 3 {
		db.Exec(t, "postgres", "INSERT INTO one SELECT n, repeat('x', 100) FROM generate_series(100, 20000) AS n", "DELETE FROM one WHERE a >= 100",
			"SELECT pg_switch_wal()", "CHECKPOINT")
	}
	rings("PostgresDown", "PostgresQueriesBlocked", "PostgresLongTransaction", "PostgresIdleInTransaction", "PostgresPreparedTransactionForgotten",
		"PostgresDeadlocks", "PostgresTempFiles", "PostgresCheckpointsTooOften", "PostgresArchiverFailing", "PostgresSlotHoldsWAL", "PostgresRestartPending")
	// Of that server alone: one that is slow to begin may miss its first walk.
	if newest(hub, `count(ALERTS{alertname="CollectorFailing",instance=~".*:gone",alertstate="firing"})`) != "" {
		t.Errorf("a server that is down rings for each collector:\n%s", known())
	}

	many := make([]*session, 13)
	for i := range many {
		many[i] = newSession(t, db)
	}
	rings("PostgresConnectionsNearLimit")
	for _, s := range many {
		_ = s.conn.Close(t.Context()) // it is gone either way
	}
	failing := newSession(t, db)
	stop := time.Now().Add(20 * time.Second)
	for time.Now().Before(stop) && !firing("PostgresRollbacks") {
		_, _ = failing.conn.Exec(t.Context(), "SELECT 1 / 0") // it fails: that is the point
	}
	rings("PostgresRollbacks")

	standby.Exec(t, "postgres", "SELECT pg_wal_replay_pause()")
	db.Exec(t, "postgres", "INSERT INTO one SELECT n, repeat('x', 100) FROM generate_series(100, 30000) AS n")
	rings("PostgresReplayPaused", "PostgresReplayLate")
	standby.Exec(t, "postgres", "SELECT pg_wal_replay_resume()")

	holder.must("ROLLBACK")
	if err := <-waiter.done; err != nil {
		t.Errorf("who waited: %v", err)
	}
	gone.Start(t)
	db.Exec(t, "postgres", "ROLLBACK PREPARED 'forgotten'", "SELECT pg_drop_replication_slot('forgotten')",
		"ALTER SYSTEM SET archive_command = 'true'", "ALTER SYSTEM SET max_worker_processes = 8", "SELECT pg_reload_conf()", "SELECT pg_switch_wal()")
	ends("PostgresQueriesBlocked", "PostgresLongTransaction", "PostgresIdleInTransaction", "PostgresPreparedTransactionForgotten", "PostgresArchiverFailing",
		"PostgresSlotHoldsWAL", "PostgresConnectionsNearLimit", "PostgresReplayPaused", "PostgresReplayLate", "PostgresDown",
		"PostgresRestartPending")

	// An empty command is no failure to PostgreSQL, and nothing is archived.
	db.Exec(t, "postgres", "ALTER SYSTEM SET archive_command = ''", "SELECT pg_reload_conf()", "INSERT INTO one VALUES (4)", "SELECT pg_switch_wal()")
	rings("PostgresArchiveStuck")

	standby.Stop()
	db.Exec(t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = 'b'", "SELECT pg_reload_conf()")
	rings("PostgresSynchronousStandbyMissing", "PostgresStandbysTooFew")
}

// deadlock has two sessions wait for one another.
func deadlock(t *testing.T, db *testenv.Cluster) {
	t.Helper()
	db.Exec(t, "postgres", "CREATE TABLE two (a int PRIMARY KEY)", "INSERT INTO two VALUES (1), (2)")
	one := newSession(t, db, "BEGIN", "SELECT FROM two WHERE a = 1 FOR UPDATE")
	other := newSession(t, db, "BEGIN", "SELECT FROM two WHERE a = 2 FOR UPDATE")
	one.behind("SELECT FROM two WHERE a = 2 FOR UPDATE")
	_, err := other.conn.Exec(t.Context(), "SELECT FROM two WHERE a = 1 FOR UPDATE")
	if first := <-one.done; (err == nil) == (first == nil) {
		t.Fatalf("no deadlock: %v, %v", err, first)
	}
	one.must("ROLLBACK")
	other.must("ROLLBACK")
}
