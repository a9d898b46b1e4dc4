package depth_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tocsin/exporters/postgres"
	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// TestWalk_databasesThatRefuse: what cannot be looked into is told, and costs
// only itself.
func TestWalk_databasesThatRefuse(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE ROLE watch LOGIN", "GRANT pg_monitor TO watch",
		"CREATE DATABASE good", "CREATE DATABASE closed", "CREATE DATABASE revoked", "CREATE DATABASE crowded",
		"CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'", "CREATE DATABASE ascii TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'",
		"UPDATE pg_database SET datallowconn = false WHERE datname = 'closed'", "REVOKE CONNECT ON DATABASE revoked FROM PUBLIC",
		"ALTER DATABASE crowded CONNECTION LIMIT 0")
	db.Exec(t, "latin", "SET client_encoding = 'UTF8'", "CREATE TABLE \"été\" (id int)")
	// Two names in bytes that are no UTF-8, and differ in those alone.
	db.Exec(t, "ascii", `DO $$ BEGIN
		EXECUTE 'CREATE TABLE "t' || convert_from('\xe9', 'SQL_ASCII') || '" (id int)';
		EXECUTE 'CREATE TABLE "t' || convert_from('\xe8', 'SQL_ASCII') || '" (id int)'; END $$`)
	got := collectortest.Once(t, inside(t, postgres.Config{DSN: db.DSN("watch", "postgres")}, "walk"))
	for name, want := range map[string]float64{
		"tocsin_postgres_database_walked{good}":                     1,
		"tocsin_postgres_database_walked{latin}":                    1,
		"tocsin_postgres_database_walked{ascii}":                    1,
		"tocsin_postgres_database_walked{revoked}":                  0,
		"tocsin_postgres_database_failure_info{revoked|permission}": 1,
		"tocsin_postgres_database_walked{crowded}":                  0,
		"tocsin_postgres_database_failure_info{crowded|refused}":    1,
		"tocsin_postgres_left_out{admits_none|database}":            1,
		"pg_stat_user_tables_n_live_tup{latin|été|public}":          0,
		`pg_stat_user_tables_n_live_tup{ascii|t\xe9|public}`:        0,
		`pg_stat_user_tables_n_live_tup{ascii|t\xe8|public}`:        0,
	} {
		if have, ok := got.Samples[name]; !ok || have != want {
			t.Errorf("%s is %v (%v), want %v", name, have, ok, want)
		}
	}
	for _, says := range []string{`database "revoked": this user may not connect to it; GRANT CONNECT ON DATABASE "revoked" TO the user, or exclude it`, `database "crowded": `} {
		if !strings.Contains(got.Err, says) {
			t.Errorf("it says %q, not %q", got.Err, says)
		}
	}
}

// TestWalk_catalogLocked: a database whose catalogue somebody holds is not
// connected to, for the connection would hang on the server.
func TestWalk_catalogLocked(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE DATABASE first", "CREATE DATABASE second")
	stop := connections(t, db)
	holder, err := pgx.Connect(t.Context(), db.DSN("admin", "first"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close(context.Background()) }()
	if _, err := holder.Exec(t.Context(), "BEGIN; LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	c := inside(t, postgres.Config{DSN: db.DSN("admin", "postgres")}, "walk")
	for range 3 {
		got := collectortest.Once(t, c)
		if got.Samples["tocsin_postgres_database_failure_info{first|timeout}"] != 1 || !strings.Contains(got.Err, `database "first": somebody holds a lock on its catalogue`) {
			t.Errorf("the locked database: %v", got.Err)
		}
		if got.Samples["tocsin_postgres_database_walked{second}"] != 1 {
			t.Error("the walk did not go on")
		}
	}
	if most := stop(); most != 1 {
		t.Errorf("%d connections at once", most)
	}
}

// TestTables_locked: a table that somebody holds costs its sizes alone, at the
// scrape and in the walk; so does one whose index or TOAST table is held.
func TestTables_locked(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE TABLE held (id serial PRIMARY KEY, body text)", "CREATE TABLE free (id int)", "CREATE TABLE byindex (id int PRIMARY KEY)",
		"CREATE DATABASE shop TEMPLATE postgres")
	for _, database := range []string{"postgres", "shop"} {
		holder, err := pgx.Connect(t.Context(), db.DSN("admin", database))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = holder.Close(context.Background()) }()
		if _, err := holder.Exec(t.Context(), "BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE; REINDEX INDEX byindex_pkey; ALTER SEQUENCE held_id_seq INCREMENT 1"); err != nil {
			t.Fatal(err)
		}
	}
	cfg := postgres.Config{DSN: db.DSN("admin", "postgres")}
	for collector, database := range map[string]string{"stat_user_tables": "postgres", "walk": "shop"} {
		start := time.Now()
		got := collectortest.Once(t, inside(t, cfg, collector))
		if got.Reason != "" {
			t.Errorf("%s: %s: %s", collector, got.Reason, got.Err)
		}
		t.Logf("%s in %s", collector, time.Since(start))
		for table, sized := range map[string]bool{"held": false, "free": true, "byindex": false} {
			if _, ok := got.Samples["pg_stat_user_tables_seq_scan{"+database+"|"+table+"|public}"]; !ok {
				t.Errorf("%s: %s is missing", collector, table)
			}
			if _, ok := got.Samples["pg_stat_user_tables_table_size_bytes{"+database+"|"+table+"|public}"]; ok != sized {
				t.Errorf("%s: that the size of %s is there is %v", collector, table, ok)
			}
		}
		if n := got.Samples["tocsin_postgres_database_sequences_unread{shop}"]; collector == "walk" && n != 1 {
			t.Errorf("%v sequences are unread, want the locked one", n)
		}
	}
}

// TestScrape_catalogLocked: 20 scrapes against a locked catalogue open one
// connection, and the others' metrics come.
func TestScrape_catalogLocked(t *testing.T) {
	db := testenv.Postgres(t)
	stop := connections(t, db)
	holder, err := pgx.Connect(t.Context(), db.DSN("admin", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close(context.Background()) }()
	if _, err := holder.Exec(t.Context(), "BEGIN; LOCK TABLE pg_index IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	c := inside(t, postgres.Config{DSN: db.DSN("admin", "postgres"), Depth: depth.Config{}}, "stat_user_tables")
	target := frame.NewTarget(frame.Spec{Job: "postgres", Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	for range 20 {
		target.Gather(t.Context())
	}
	if s := target.States()[0]; s.Reason != frame.ReasonTimeout {
		t.Errorf("%s: %s", s.Reason, s.Error)
	}
	if most := stop(); most > 1 {
		t.Errorf("%d connections at once", most)
	}
}
