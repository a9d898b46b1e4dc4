package depth_test

import (
	"testing"

	"tocsin/exporters/postgres"
	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/selection"
	"tocsin/internal/testenv"
)

// TestWalk_findings: what the walk is for, each once: indexes that serve nobody,
// sequences near their end, tables that wait for maintenance, and bloat.
func TestWalk_findings(t *testing.T) {
	db := testenv.Postgres(t, "-c", "autovacuum=off")
	db.Exec(t, "postgres", "CREATE DATABASE shop")
	db.Exec(t, "shop",
		"CREATE TABLE orders (id int PRIMARY KEY, state text, body text)",
		"INSERT INTO orders SELECT i, 'new', repeat('x', 50) FROM generate_series(1, 100000) i",
		"CREATE UNIQUE INDEX orders_again ON orders (id)",
		"CREATE INDEX orders_lower ON orders (lower(state))", "CREATE INDEX orders_lower_too ON orders (lower(  state))",
		"CREATE INDEX orders_partial ON orders (id, state) WHERE id > 5",
		"CREATE INDEX orders_small ON orders (state) WHERE id < 5",
		"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_small'::regclass",
		// A bigint sequence that fills an int column, as pg_upgrade leaves them.
		"CREATE SEQUENCE old_id AS bigint", "CREATE TABLE old (id int DEFAULT nextval('old_id'))", "ALTER SEQUENCE old_id OWNED BY old.id",
		"SELECT setval('old_id', 2000000000)",
		"CREATE SEQUENCE down INCREMENT -1 MINVALUE -100 MAXVALUE -1", "SELECT setval('down', -75)",
		"CREATE SEQUENCE around MAXVALUE 10 CYCLE", "SELECT setval('around', 10)", "CREATE SEQUENCE fresh",
		"CREATE TABLE churned (id int, body text)", "INSERT INTO churned SELECT i, repeat('y', 100) FROM generate_series(1, 20000) i",
		"DELETE FROM churned WHERE id % 2 = 0", "SELECT pg_stat_force_next_flush()", "SELECT 1", "VACUUM ANALYZE churned", "ANALYZE orders",
		"UPDATE orders SET state = 'done' WHERE id <= 60000", "SELECT pg_stat_force_next_flush()")
	got := collectortest.Once(t, inside(t, postgres.Config{DSN: db.DSN("admin", "postgres")}, "walk"))
	if got.Reason != "" {
		t.Fatalf("%s: %s", got.Reason, got.Err)
	}
	for name, want := range map[string]float64{
		"tocsin_postgres_database_indexes_flawed{shop|invalid}":   1,
		"tocsin_postgres_database_indexes_flawed{shop|duplicate}": 2,
		"tocsin_postgres_database_indexes_flawed{shop|unused}":    1,
		"tocsin_postgres_sequence_used_ratio{shop|public|old_id}": 2000000000.0 / 2147483647,
		"tocsin_postgres_sequence_used_ratio{shop|public|down}":   0.75,
		"tocsin_postgres_sequence_used_ratio{shop|public|fresh}":  0,
		"tocsin_postgres_database_tables_overdue{shop|vacuum}":    1,
		"tocsin_postgres_database_tables_overdue{shop|analyze}":   1,
		"pg_stat_user_tables_n_dead_tup{shop|orders|public}":      60000,
	} {
		if have, ok := got.Samples[name]; !ok || have != want {
			t.Errorf("%s is %v (%v), want %v", name, have, ok, want)
		}
	}
	for name, there := range map[string]bool{
		"tocsin_postgres_sequence_used_ratio{shop|public|around}":                         false,
		"tocsin_postgres_index_flaw_bytes{shop|duplicate|orders_again|orders|public}":     true,
		"tocsin_postgres_index_flaw_bytes{shop|duplicate|orders_lower_too|orders|public}": true,
		"tocsin_postgres_index_flaw_bytes{shop|invalid|orders_small|orders|public}":       true,
	} {
		if _, ok := got.Samples[name]; ok != there {
			t.Errorf("%s: that it is there is %v", name, ok)
		}
	}
	for name, v := range got.Samples {
		if len(name) > 32 && name[:32] == "tocsin_postgres_index_flaw_bytes" {
			t.Logf("%s %v", name, v)
		}
	}
	size := got.Samples["pg_stat_user_tables_table_size_bytes{shop|churned|public}"]
	bloat := got.Samples["tocsin_postgres_table_bloat_bytes{shop|churned|public}"]
	if share := bloat / size; share < 0.45 || share > 0.55 {
		t.Errorf("half of the rows were deleted, and the estimate of bloat is %.2f", share)
	}
}

// TestBloat_error measures the estimate against pgstattuple, which reads every
// page, on tables of many shapes.
func TestBloat_error(t *testing.T) {
	db := testenv.Postgres(t, "-c", "autovacuum=off")
	db.Exec(t, "postgres", "CREATE EXTENSION pgstattuple",
		"CREATE TABLE narrow (a smallint, b bigint, c boolean, d bigint, e smallint)",
		"INSERT INTO narrow SELECT i % 100, i, true, i, 1 FROM generate_series(1, 50000) i",
		"CREATE TABLE wide (id int, a text, b text, c timestamptz, d numeric)",
		"INSERT INTO wide SELECT i, repeat('a', i % 300), NULL, now(), i FROM generate_series(1, 30000) i",
		"CREATE TABLE filled (id int, a text) WITH (fillfactor = 60)",
		"INSERT INTO filled SELECT i, repeat('a', 80) FROM generate_series(1, 30000) i",
		"CREATE TABLE holes (id int, a text)",
		"INSERT INTO holes SELECT i, repeat('a', 150) FROM generate_series(1, 30000) i",
		"DELETE FROM holes WHERE id % 3 > 0",
		"CREATE TABLE big (id int, a text)", "ALTER TABLE big ALTER a SET STORAGE EXTERNAL",
		"INSERT INTO big SELECT i, repeat('a', 5000) FROM generate_series(1, 3000) i",
		"VACUUM ANALYZE")
	got := collectortest.Once(t, inside(t, postgres.Config{DSN: db.DSN("admin", "postgres")}, "walk"))
	truth := rows(t, db, `SELECT c.relname, p.free_space, p.table_len, p.tuple_len + 4 * p.tuple_count
		FROM pg_class c, pgstattuple(c.oid) p WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`)
	worst := 0.0
	for table, real := range truth {
		estimate := got.Samples["tocsin_postgres_table_bloat_bytes{postgres|"+table+"|public}"]
		free, length := real[0], real[1]
		if table == "filled" {
			free -= 0.4 * length // which the fill factor wants free
		}
		off := (estimate - max(free, 0)) / length
		worst = max(worst, off, -off)
		t.Logf("%-8s %8.0f bytes on disk, free %8.0f, estimated %8.0f: off by %+.2f of the table", table, length, free, estimate, off)
	}
	if worst > 0.35 {
		t.Errorf("the estimate is off by %.2f of a table; the documents say a third at worst", worst)
	}
}

// TestWalk_bloatWithoutRight: what the user may not read is not told as zero.
func TestWalk_bloatWithoutRight(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE ROLE watch LOGIN", "GRANT pg_monitor TO watch", "CREATE TABLE t (id serial)",
		"INSERT INTO t SELECT FROM generate_series(1, 1000)", "ANALYZE t")
	for _, grant := range []string{"", "GRANT pg_read_all_data TO watch"} {
		if grant != "" {
			db.Exec(t, "postgres", grant)
		}
		got := collectortest.Once(t, inside(t, postgres.Config{DSN: db.DSN("watch", "postgres")}, "walk"))
		if _, ok := got.Samples["tocsin_postgres_table_bloat_bytes{postgres|t|public}"]; ok != (grant != "") {
			t.Errorf("with %q, that the estimate is there is %v", grant, ok)
		}
		if n := got.Samples["tocsin_postgres_database_sequences_unread{postgres}"]; (n == 0) != (grant != "") {
			t.Errorf("with %q %v sequences are unread", grant, n)
		}
	}
}

func TestStatements_real(t *testing.T) {
	db := testenv.Postgres(t, "-c", "shared_preload_libraries=pg_stat_statements", "-c", "pg_stat_statements.track=all")
	cfg := postgres.Config{DSN: db.DSN("admin", "postgres"), Collectors: selection.Selection{On: []string{"stat_statements"}}, Depth: depth.Config{Top: depth.Top{Statements: 3}}}
	c := inside(t, cfg, "stat_statements")
	got := collectortest.Once(t, c)
	const missing = `database "postgres" has no pg_stat_statements; add it to shared_preload_libraries, restart the server, and CREATE EXTENSION pg_stat_statements there`
	if got.Err != missing {
		t.Errorf("it says %q", got.Err)
	}
	db.Exec(t, "postgres", "CREATE SCHEMA ext", "CREATE EXTENSION pg_stat_statements SCHEMA ext", "CREATE ROLE poor LOGIN",
		"CREATE FUNCTION f() RETURNS int LANGUAGE SQL AS 'SELECT 1'", "SELECT 1", "DO 'BEGIN PERFORM 1; END'",
		"CREATE ROLE other PASSWORD 'hunter2'", "SELECT pg_sleep(0.2), 'a constant'")
	got = collectortest.Once(t, c)
	if got.Reason != "" {
		t.Fatalf("%s: %s", got.Reason, got.Err)
	}
	statements, seconds := 0, 0.0
	for name, v := range got.Samples {
		if len(name) > 32 && name[:32] == "pg_stat_statements_seconds_total" {
			statements++
			seconds = max(seconds, v)
		}
	}
	if statements != 3 || seconds < 0.2 {
		t.Errorf("%d statements, the longest %v s", statements, seconds)
	}
	if got.Samples["tocsin_postgres_left_out{limit|statement}"] < 5 {
		t.Error("what was left out is not counted")
	}
	all, err := postgres.Statements(t.Context(), cfg, 1000)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, s := range all {
		found[s.Text] = true
	}
	for _, text := range []string{"SELECT pg_sleep($1), $2", "CREATE ROLE other PASSWORD '[redacted]'"} {
		if !found[text] {
			t.Errorf("%q is not there", text)
		}
	}
	cfg.DSN = db.DSN("poor", "postgres")
	if got := collectortest.Once(t, inside(t, cfg, "stat_statements")); got.Reason == "" {
		t.Error("that statements are hidden is not told")
	}
}
