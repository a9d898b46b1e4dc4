package depth_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tocsin/exporters/postgres"
	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// makeDatabases makes the copies from one number up to another of a database,
// by copying files.
func makeDatabases(t testing.TB, db *testenv.Cluster, from, to int, of string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.DSN("admin", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for i := from; i < to; i++ {
		if _, err := conn.Exec(t.Context(), fmt.Sprintf("CREATE DATABASE tenant_%d TEMPLATE %s STRATEGY file_copy", i, of)); err != nil {
			t.Fatal(err)
		}
	}
}

// connections counts, until stop is called, how many connections of Tocsin
// there were at most, those aside that were there before.
func connections(t testing.TB, db *testenv.Cluster) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := pgx.Connect(ctx, db.DSN("admin", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	var since time.Time
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&since); err != nil {
		t.Fatal(err)
	}
	most, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			n := 0
			if conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity, pg_sleep(0.001) WHERE application_name = 'tocsin' AND backend_start > $1", since).Scan(&n) == nil {
				most = max(most, n)
			}
		}
	}()
	return func() int {
		cancel()
		<-done
		_ = conn.Close(context.Background())
		return most
	}
}

// TestWalk_manyDatabases: each of 105 databases is told, over one connection,
// and no more than the limits say one by one.
func TestWalk_manyDatabases(t *testing.T) {
	db := testenv.Postgres(t, "-c", "autovacuum=off")
	db.Exec(t, "postgres", "CREATE DATABASE model")
	db.Exec(t, "model", "CREATE SCHEMA app", "CREATE TABLE app.a (id serial PRIMARY KEY)", "CREATE TABLE app.b (id serial PRIMARY KEY)")
	makeDatabases(t, db, 0, 105, "model")
	stop := connections(t, db)
	start := time.Now()
	got := collectortest.Once(t, inside(t, postgres.Config{
		DSN: db.DSN("admin", "postgres"), Depth: depth.Config{
			Databases: depth.Filter{Include: "^tenant_"}, Top: depth.Top{Tables: 10, Schemas: 20, Sequences: 5, Oldest: 3},
		},
	}, "walk"))
	t.Logf("105 databases in %s", time.Since(start))
	if most := stop(); most != 1 {
		t.Errorf("%d connections at once", most)
	}
	if got.Reason != "" {
		t.Fatalf("%s: %s", got.Reason, got.Err)
	}
	for i := range 105 {
		if got.Samples[fmt.Sprintf("tocsin_postgres_database_tables{tenant_%d}", i)] != 2 {
			t.Errorf("tenant_%d is missing", i)
		}
	}
	for name, want := range map[string]float64{
		"tocsin_postgres_left_out{limit|table}":          2*105 - 10,
		"tocsin_postgres_left_out{limit|schema}":         2*105 - 20, // public and app
		"tocsin_postgres_left_out{limit|sequence}":       2*105 - 5,
		"tocsin_postgres_left_out{choice|database}":      4, // postgres, model, template0, template1
		"tocsin_postgres_left_out{admits_none|database}": 0,
	} {
		if have, ok := got.Samples[name]; !ok || have != want {
			t.Errorf("%s is %v (%v), want %v", name, have, ok, want)
		}
	}
}
