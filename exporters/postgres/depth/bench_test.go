package depth_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"tocsin/exporters/postgres"
	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// BenchmarkDatabases measures a server with very many databases, three tables
// in each, and one of 500 schemas with 20 tables each: the first page while the
// walk is under way, the walk itself, the page with it, connections and memory.
func BenchmarkDatabases(b *testing.B) {
	db := testenv.Postgres(b, "-c", "autovacuum=off", "-c", "checkpoint_timeout=1d", "-c", "max_wal_size=20GB")
	db.Exec(b, "postgres", "CREATE DATABASE model")
	for i := range 3 {
		db.Exec(b, "model", fmt.Sprintf("CREATE TABLE t%d (id serial PRIMARY KEY, body text)", i), fmt.Sprintf("INSERT INTO t%d (body) SELECT 'x' FROM generate_series(1, 100)", i))
	}
	db.Exec(b, "model", "ANALYZE")
	have := 0
	for _, n := range []int{100, 1000} {
		makeDatabases(b, db, have, n, "model")
		for i := have; i < n; i++ { // the first connection to a new database makes files that all others read
			db.Exec(b, fmt.Sprintf("tenant_%d", i))
		}
		have = n
		b.Run(fmt.Sprintf("databases=%d", n), func(b *testing.B) { benchmarkServer(b, db) })
	}
}

func BenchmarkSchemas(b *testing.B) {
	db := testenv.Postgres(b, "-c", "autovacuum=off", "-c", "max_wal_size=20GB", "-c", "max_locks_per_transaction=64")
	have := 0
	db.Exec(b, "postgres", "CREATE DATABASE tenants")
	for _, n := range []int{100, 500} {
		for i := have; i < n; i++ {
			db.Exec(b, "tenants", fmt.Sprintf(`DO $$ BEGIN CREATE SCHEMA tenant_%d; FOR i IN 1..20 LOOP
				EXECUTE format('CREATE TABLE tenant_%d.t%%s (id serial PRIMARY KEY, body text)', i);
				EXECUTE format('INSERT INTO tenant_%d.t%%s (body) VALUES (1)', i); END LOOP; END $$`, i, i, i))
		}
		have = n
		db.Exec(b, "tenants", "ANALYZE")
		b.Run(fmt.Sprintf("schemas=%d", n), func(b *testing.B) { benchmarkServer(b, db) })
	}
}

func benchmarkServer(b *testing.B, db *testenv.Cluster) {
	for b.Loop() {
		stop := connections(b, db)
		entries, err := postgres.New(postgres.Config{DSN: db.DSN("admin", "postgres")})
		if err != nil {
			b.Fatal(err)
		}
		target := frame.NewTarget(frame.Spec{Job: "postgres", Collectors: entries, Serial: true}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() { defer close(done); target.Run(ctx) }()
		start := time.Now()
		target.Gather(b.Context())
		first := time.Since(start)
		walk := walked(b, target)
		start = time.Now()
		page := target.Gather(b.Context())
		later := time.Since(start)
		cancel()
		<-done
		series := 0
		for _, f := range page {
			series += len(f.GetMetric())
		}
		for _, s := range target.States() {
			if s.Reason != "" {
				b.Errorf("%s: %s: %s", s.Collector, s.Reason, s.Error)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(first.Seconds()*1000, "first-page-ms")
		b.ReportMetric(walk.Seconds()*1000, "walk-ms")
		b.ReportMetric(later.Seconds()*1000, "later-page-ms")
		b.ReportMetric(float64(series), "series")
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-heap")
		b.ReportMetric(float64(stop()), "connections")
		runtime.KeepAlive(page)
	}
}

// walked waits for the walk's first result, and returns how long it took.
func walked(t testing.TB, target *frame.Target) (took time.Duration) {
	testenv.Eventually(t, 5*time.Minute, "the walk is done", func(context.Context) error {
		for _, s := range target.States() {
			if s.Collector == "walk" {
				took = s.Duration
				if s.LastRun.IsZero() || s.Running || took == 0 {
					return fmt.Errorf("it is not: %+v", s)
				}
			}
		}
		return nil
	})
	return took
}
