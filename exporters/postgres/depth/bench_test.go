package depth_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/exporters/postgres"
	"tocsin/exporters/postgres/depth"
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
	for _, n := range []int{100, 300, 1000} {
		makeDatabases(b, db, have, n, "model")
		for i := have; i < n; i++ { // the first connection to a new database makes files that all others read
			db.Exec(b, fmt.Sprintf("tenant_%d", i))
		}
		have = n
		b.Run(fmt.Sprintf("databases=%d", n), func(b *testing.B) { benchmarkServer(b, db, depth.Filter{}) })
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
		b.Run(fmt.Sprintf("schemas=%d", n), func(b *testing.B) { benchmarkServer(b, db, depth.Filter{}) })
	}
}

func benchmarkServer(b *testing.B, db *testenv.Cluster, databases depth.Filter) {
	for b.Loop() {
		stop := connections(b, db)
		entries, err := postgres.New(postgres.Config{DSN: db.DSN("admin", "postgres"), Depth: depth.Config{Walk: model.Duration(time.Hour), Databases: databases}})
		if err != nil {
			b.Fatal(err)
		}
		target := frame.NewTarget(frame.Spec{Job: "postgres", Collectors: entries, Serial: true}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() { defer close(done); target.Run(ctx) }()
		start, before := time.Now(), spent(b, db)
		target.Gather(b.Context())
		first := time.Since(start)
		walk := walked(b, target)
		server := spent(b, db) - before // of the connections that were closed: all but one
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
		b.ReportMetric(server.Seconds()*1000, "server-cpu-ms")
		b.ReportMetric(later.Seconds()*1000, "later-page-ms")
		b.ReportMetric(float64(series), "series")
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-heap")
		b.ReportMetric(float64(stop()), "connections")
		runtime.KeepAlive(page)
	}
}

// spent is the CPU time of the server's processes that have ended (proc(5),
// cutime and cstime, in hundredths of a second).
func spent(b *testing.B, db *testenv.Cluster) time.Duration {
	b.Helper()
	pid, err := os.ReadFile(filepath.Join(db.Dir, "data", "postmaster.pid"))
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(pid), "\n")
	stat, err := os.ReadFile(filepath.Join("/proc", first, "stat"))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[13])
	system, _ := strconv.Atoi(fields[14])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// walked waits for the walk's first result, and returns how long it took.
func walked(t testing.TB, target *frame.Target) (took time.Duration) {
	t.Helper()
	testenv.Eventually(t, 15*time.Minute, "the walk is done", func(context.Context) error {
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
