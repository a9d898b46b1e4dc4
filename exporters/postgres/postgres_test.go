package postgres

import (
	"log/slog"
	"slices"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
	"tocsin/internal/selection"
	"tocsin/internal/testenv"
)

// newTarget is a server as the program measures it.
func newTarget(cfg Config) *frame.Target {
	entries, err := New(cfg)
	if err != nil {
		panic(err) // the test's own fault
	}
	return frame.NewTarget(frame.Spec{
		Job: "postgres", Instance: "here:main", Collectors: entries, Serial: true, Alias: "pg_scrape_collector",
	}, discard())
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// everything chooses all collectors.
func everything() selection.Selection { return selection.Selection{Only: Names()} }

// everythingBut leaves some out.
func everythingBut(some ...string) selection.Selection {
	return selection.Selection{Only: slices.DeleteFunc(Names(), func(name string) bool { return slices.Contains(some, name) })}
}

// healthy fails for each collector that failed.
func healthy(t testing.TB, target *frame.Target) {
	t.Helper()
	for _, s := range target.States() {
		if s.Reason != "" {
			t.Errorf("%s: %s: %s", s.Collector, s.Reason, s.Error)
		}
	}
}

// byName finds a page's families.
func byName(page []*dto.MetricFamily) map[string]*dto.MetricFamily {
	found := map[string]*dto.MetricFamily{}
	for _, f := range page {
		found[f.GetName()] = f
	}
	return found
}

func TestServer_real(t *testing.T) {
	db := testenv.Postgres(t, "-c", "shared_preload_libraries=pg_stat_statements")
	db.Exec(t, "postgres", "CREATE EXTENSION pg_stat_statements")
	target := newTarget(Config{DSN: db.DSN("admin", "postgres"), Collectors: everything()})
	found := byName(target.Gather(t.Context()))
	healthy(t, target)
	if found["pg_up"].GetMetric()[0].GetGauge().GetValue() != 1 || len(found["pg_locks_count"].GetMetric()) < 9 {
		t.Errorf("the page has %v", found)
	}
	t.Log(len(found))
}
