package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// connected counts our connections. The function is asked, not the view, which
// reads a catalogue that may be locked.
func connected(t testing.TB, watcher *pgx.Conn) int {
	t.Helper()
	var n int
	if err := watcher.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_get_activity(NULL) WHERE application_name = 'tocsin'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func dial(t testing.TB, db *testenv.Cluster) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.DSN("admin", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the server ends with the test
	return conn
}

func execute(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// scrape is one with the patience of a Prometheus.
func scrape(t testing.TB, target *frame.Target, patience time.Duration) map[string]*dto.MetricFamily {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	page := byName(target.Gather(ctx))
	if took := time.Since(began); took > patience {
		t.Errorf("a scrape took %s", took)
	}
	return page
}

func gaugeOf(f *dto.MetricFamily) float64 {
	if len(f.GetMetric()) == 0 {
		return -1
	}
	return f.GetMetric()[0].GetGauge().GetValue()
}

// A thousand scrapes against a locked catalogue: one connection, pages in time,
// and what reads another catalogue is on them.
func TestBurden_lockedCatalogue(t *testing.T) {
	db := testenv.Postgres(t)
	target := newTarget(Config{DSN: db.DSN("admin", "postgres"), Collectors: everything()})
	target.Gather(t.Context())
	watcher, holder := dial(t, db), dial(t, db)
	connected(t, watcher) // its own catalogues are read
	execute(t, holder, "BEGIN; LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE")
	var wg sync.WaitGroup
	most, pages := 0, 0
	var mu sync.Mutex // guards pages
	for range 100 {
		wg.Go(func() {
			for range 10 {
				page := scrape(t, target, 10*time.Second)
				if gaugeOf(page["pg_up"]) == 1 && page["pg_stat_bgwriter_buffers_alloc_total"] != nil && page["pg_database_size_bytes"] == nil {
					mu.Lock()
					pages++
					mu.Unlock()
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { defer close(done); wg.Wait() }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(20 * time.Millisecond):
			most = max(most, connected(t, watcher))
		}
	}
	t.Logf("1000 scrapes: at most %d connection", most)
	if most != 1 || pages != 1000 {
		t.Errorf("at most %d connections, %d pages of 1000 with what is not locked", most, pages)
	}
	for _, s := range target.States() {
		if s.Collector == "database" && (s.Reason != frame.ReasonTimeout || !strings.Contains(s.Error, "locked")) {
			t.Errorf("%s: %s: %s", s.Collector, s.Reason, s.Error)
		}
	}
	execute(t, holder, "ROLLBACK")
	if page := scrape(t, target, 10*time.Second); page["pg_database_size_bytes"] == nil {
		t.Error("the page is not whole again after the lock")
	}
}

// signalAll sends a signal to a server and all its children.
func signalAll(t testing.TB, db *testenv.Cluster, s syscall.Signal) {
	t.Helper()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is ours
	parent := fmt.Sprint(db.PID())
	pids := []string{parent}
	for _, path := range stats {
		content, _ := os.ReadFile(path) // one that has ended is none
		_, rest, _ := strings.Cut(string(content), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == parent {
			pids = append(pids, strings.Split(path, "/")[2])
		}
	}
	if s == syscall.SIGCONT {
		slices.Reverse(pids)
	}
	for _, pid := range pids {
		var n int
		_, _ = fmt.Sscan(pid, &n)
		_ = syscall.Kill(n, s) // a child may have ended
	}
}

func TestBurden_stoppedServer(t *testing.T) {
	db := testenv.Postgres(t)
	watcher := dial(t, db)
	target := newTarget(Config{DSN: db.DSN("admin", "postgres")})
	target.Gather(t.Context())
	signalAll(t, db, syscall.SIGSTOP)
	stopped := true
	defer func() {
		if stopped {
			signalAll(t, db, syscall.SIGCONT)
		}
	}()
	scrapes := 0
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); scrapes++ {
		page := scrape(t, target, 3*time.Second)
		if gaugeOf(page["pg_up"]) != 0 {
			t.Errorf("pg_up is %v of a server that does not answer", gaugeOf(page["pg_up"]))
		}
		for _, s := range target.States() {
			if s.Reason == "" && s.Collector != "exporter" && !s.LastRun.IsZero() {
				t.Errorf("%s succeeded", s.Collector)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	signalAll(t, db, syscall.SIGCONT)
	stopped = false
	most := 0
	testenv.Eventually(t, 90*time.Second, "the server is measured again", func(context.Context) error {
		most = max(most, connected(t, watcher))
		if gaugeOf(scrape(t, target, 3*time.Second)["pg_up"]) != 1 {
			return errors.New("pg_up is 0")
		}
		return nil
	})
	most = max(most, connected(t, watcher))
	t.Logf("%d scrapes of a stopped server: at most %d connections after it went on", scrapes, most)
	if most > 2 {
		t.Errorf("%d connections", most)
	}
	if n := connected(t, watcher); n != 1 {
		t.Errorf("%d connections in the end", n)
	}
}

func TestBurden_noConnectionLeft(t *testing.T) {
	db := testenv.Postgres(t, "-c", "max_connections=5", "-c", "superuser_reserved_connections=1", "-c", "max_wal_senders=0")
	db.Exec(t, "postgres", "CREATE ROLE looker LOGIN", "GRANT pg_monitor TO looker")
	target := newTarget(Config{DSN: db.DSN("looker", "postgres")})
	var taken []*pgx.Conn
	for range 4 {
		taken = append(taken, dial(t, db))
	}
	for range 100 {
		if page := scrape(t, target, 10*time.Second); gaugeOf(page["pg_up"]) != 0 {
			t.Fatalf("pg_up is %v", gaugeOf(page["pg_up"]))
		}
	}
	for _, s := range target.States() {
		if s.Collector == "settings" && (s.Reason != frame.ReasonRefused || !strings.Contains(s.Error, "no connection left")) {
			t.Errorf("%s: %s: %s", s.Collector, s.Reason, s.Error)
		}
	}
	if err := taken[0].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 20*time.Second, "the server is measured again", func(context.Context) error {
		if gaugeOf(scrape(t, target, 10*time.Second)["pg_up"]) != 1 {
			return errors.New("pg_up is 0")
		}
		return nil
	})
}

// Two who ask at the same time get one set of queries.
func TestBurden_scrapersShareARun(t *testing.T) {
	db := testenv.Postgres(t)
	target := newTarget(Config{DSN: db.DSN("admin", "postgres")})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { scrape(t, target, 10*time.Second) })
	}
	wg.Wait()
	page := scrape(t, target, 10*time.Second)
	if n := page["pg_exporter_scrapes_total"].GetMetric()[0].GetCounter().GetValue(); n > 10 {
		t.Errorf("the server was asked %v times for 50 scrapes at once", n)
	}
}

// The connection ends under us: the next scrape has a new one.
func TestBurden_connectionEnded(t *testing.T) {
	db := testenv.Postgres(t)
	target := newTarget(Config{DSN: db.DSN("admin", "postgres")})
	target.Gather(t.Context())
	watcher := dial(t, db)
	execute(t, watcher, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tocsin'")
	testenv.Eventually(t, 10*time.Second, "the page is whole again", func(context.Context) error {
		page := scrape(t, target, 10*time.Second)
		if gaugeOf(page["pg_up"]) != 1 || page["pg_roles_connection_limit"] == nil {
			return errors.New("it is not")
		}
		return nil
	})
	testenv.Eventually(t, 10*time.Second, "one connection, once the other has left", func(context.Context) error {
		if n := connected(t, watcher); n != 1 {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
}

// A server that is restarted, and a standby that is promoted, are measured
// again by the same target.
func TestBurden_restartedAndPromoted(t *testing.T) {
	primary := testenv.Postgres(t)
	relay := testenv.NewRelay(t, "unix", primary.Socket())
	standby := primary.Standby(t, "b", relay)
	target := newTarget(Config{DSN: standby.DSN("admin", "postgres")})
	state := func(up, replica float64) {
		t.Helper()
		testenv.Eventually(t, 60*time.Second, "the page says so", func(context.Context) error {
			page := scrape(t, target, 10*time.Second)
			if got := gaugeOf(page["pg_up"]); got != up {
				return fmt.Errorf("pg_up is %v", got)
			}
			if got := gaugeOf(page["pg_replication_is_replica"]); up == 1 && got != replica {
				return fmt.Errorf("pg_replication_is_replica is %v", got)
			}
			return nil
		})
	}
	state(1, 1)
	standby.Stop()
	state(0, 0)
	standby.Start(t)
	state(1, 1)
	standby.Promote(t)
	state(1, 0)
	if n := connected(t, dial(t, standby)); n != 1 {
		t.Errorf("%d connections", n)
	}
}
