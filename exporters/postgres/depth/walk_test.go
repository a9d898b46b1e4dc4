package depth_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"tocsin/exporters/postgres"
	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// odd are names that databases, schemas and tables may have.
var odd = []string{`quo"te`, "new\nline", "em🔔oji", `back\slash`, "sp ace", "ÉCU", "semi;colon--", "{brace}", "'single'"}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// inside returns a collector of a server by its name.
func inside(t testing.TB, cfg postgres.Config, name string) frame.Collector {
	t.Helper()
	entries, err := postgres.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Collector.Name() == name {
			return e.Collector
		}
	}
	t.Fatalf("no collector %s runs", name)
	return nil
}

func TestWalk_oddNames(t *testing.T) {
	db := testenv.Postgres(t)
	for _, name := range odd {
		db.Exec(t, "postgres", "CREATE DATABASE "+quoted(name))
		db.Exec(t, name, "CREATE SCHEMA "+quoted(name),
			fmt.Sprintf("CREATE TABLE %s.%s (%s serial PRIMARY KEY)", quoted(name), quoted(name), quoted(name)),
			fmt.Sprintf("INSERT INTO %s.%s DEFAULT VALUES", quoted(name), quoted(name)))
	}
	got := collectortest.Once(t, inside(t, postgres.Config{DSN: db.DSN("admin", "postgres")}, "walk"))
	if got.Reason != "" {
		t.Fatalf("%s: %s", got.Reason, got.Err)
	}
	for _, name := range odd {
		for sample, want := range map[string]float64{
			"tocsin_postgres_database_walked{" + name + "}":                                                     1,
			"tocsin_postgres_database_tables{" + name + "}":                                                     1,
			"tocsin_postgres_schema_tables{" + name + "|" + name + "}":                                          1,
			"pg_stat_user_tables_n_tup_ins{" + name + "|" + name + "|" + name + "}":                             1,
			"pg_stat_user_tables_table_size_bytes{" + name + "|" + name + "|" + name + "}":                      8192,
			"pg_statio_user_tables_heap_blocks_read{" + name + "|" + name + "|" + name + "}":                    0,
			"tocsin_postgres_sequence_used_ratio{" + name + "|" + name + "|" + name + "_" + name + "_seq" + "}": 1 / 2147483647.0,
		} {
			if have, ok := got.Samples[sample]; !ok || have != want && !strings.Contains(sample, "heap_blocks_read") {
				t.Errorf("%q is %v (%v), want %v", sample, have, ok, want)
			}
		}
	}
}

// page returns what a target of a server has, with the walk done.
func page(t testing.TB, cfg postgres.Config) ([]*dto.MetricFamily, []frame.State) {
	t.Helper()
	entries, err := postgres.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	target := frame.NewTarget(frame.Spec{Job: "postgres", Collectors: entries, Serial: true}, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); target.Run(ctx) }()
	defer func() { stop(); <-done }()
	walked(t, target)
	return target.Gather(t.Context()), target.States()
}

// TestPage_eachSeriesOnce: what the walk tells and what is told at each scrape
// have the same names, and no series twice.
func TestPage_eachSeriesOnce(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE TABLE here (id serial PRIMARY KEY)", "CREATE DATABASE shop")
	db.Exec(t, "shop", "CREATE TABLE here (id serial PRIMARY KEY)")
	families, states := page(t, postgres.Config{DSN: db.DSN("admin", "postgres"), Depth: depth.Config{Walk: 0}})
	for _, s := range states {
		if s.Reason != "" {
			t.Errorf("%s: %s: %s", s.Collector, s.Reason, s.Error)
		}
	}
	databases := map[string][]string{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "datname" {
					databases[f.GetName()] = append(databases[f.GetName()], l.GetValue())
				}
			}
		}
	}
	for _, name := range []string{"pg_stat_user_tables_seq_scan", "pg_statio_user_tables_tidx_blocks_hit"} {
		if got := databases[name]; !slices.Equal(slices.Sorted(slices.Values(got)), []string{"postgres", "shop"}) {
			t.Errorf("%s is of %v", name, got)
		}
	}
}
