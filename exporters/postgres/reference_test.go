package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// onPurpose are the names of postgres_exporter that are another way with us,
// each with its reason.
var onPurpose = map[string]string{
	"pg_scrape_collector_duration_seconds": "the frame puts it on the page, for all collectors of ours",
	"pg_scrape_collector_success":          "the frame puts it on the page, for all collectors of ours",
}

// A reference is a metric of postgres_exporter 0.20.1 with its type and labels,
// as its pages of a PostgreSQL 15 and its standby have them.
type reference struct{ name, kind, labels string }

func references(t testing.TB, file string) []reference {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "0.20.1", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []reference
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Split(lines.Text(), "\t"); fields[0] != "metric" {
			all = append(all, reference{fields[0], fields[1], fields[2]})
		}
	}
	return all
}

// declaredAs finds the family that declares a name.
func declaredAs(name string) *frame.Family {
	var pattern *frame.Family
	for _, f := range Families() {
		switch {
		case f.Name == name:
			return f
		case f.Covers(name):
			pattern = f
		}
	}
	return pattern
}

func TestReference_allNamesAreDeclared(t *testing.T) {
	for _, file := range []string{"default.tsv", "all.tsv"} {
		for _, want := range references(t, file) {
			if onPurpose[want.name] != "" {
				continue
			}
			f := declaredAs(want.name)
			if f == nil {
				t.Errorf("%s: %s is not declared", file, want.name)
				continue
			}
			if got := strings.Join(slices.Sorted(slices.Values(f.Labels)), ","); f.Type.String() != want.kind || got != want.labels {
				t.Errorf("%s: %s is a %s with labels %s; theirs is a %s with %s", file, want.name, f.Type, got, want.kind, want.labels)
			}
		}
	}
}

// The pages of a real primary and its standby together have every name that
// postgres_exporter's pages of the same have.
func TestReference_realPages(t *testing.T) {
	db := testenv.Postgres(t, "-c", "shared_preload_libraries=pg_stat_statements")
	db.Exec(t, "postgres", "CREATE EXTENSION pg_stat_statements", "CREATE TABLE t (a int PRIMARY KEY, b text)",
		"INSERT INTO t SELECT g, 'x' FROM generate_series(1, 100) g", "SELECT pg_create_physical_replication_slot('s1', true)")
	standby := db.Standby(t, "b", testenv.NewRelay(t, "unix", db.Socket()))
	standby.Exec(t, "postgres", "ALTER SYSTEM SET primary_slot_name = 's1'", "SELECT pg_reload_conf()")
	target := newTarget(Config{DSN: db.DSN("admin", "postgres"), Collectors: everything()})
	behind := newTarget(Config{DSN: standby.DSN("admin", "postgres"), Collectors: everything()})
	newTarget(Config{DSN: db.DSN("admin", "postgres")}).Gather(t.Context()) // an idle session
	var page map[string]*dto.MetricFamily
	testenv.Eventually(t, 60*time.Second, "the standby streams by its slot", func(ctx context.Context) error {
		page = byName(target.Gather(ctx))
		for name, f := range byName(behind.Gather(ctx)) {
			if page[name] == nil {
				page[name] = f
			}
		}
		for _, last := range []string{
			"pg_replication_slots_slot_confirmed_flush_lsn", "pg_stat_wal_receiver_received_tli", "pg_stat_replication_pg_wal_lsn_diff",
		} {
			if page[last] == nil {
				return errors.New("there is no " + last)
			}
		}
		return nil
	})
	healthy(t, target)
	healthy(t, behind)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTYPE\tLABELS\tSERIES\tVERDICT")
	same := 0
	all := references(t, "all.tsv")
	for _, want := range all {
		f, verdict := page[want.name], "same"
		switch {
		case f == nil:
			verdict = "MISSING"
			t.Errorf("the page lacks %s", want.name)
		case strings.ToLower(f.GetType().String()) != want.kind || labelNames(f) != want.labels:
			verdict = "DIFFERENT"
			t.Errorf("%s is a %s with labels %s; theirs is a %s with %s", want.name, f.GetType(), labelNames(f), want.kind, want.labels)
		default:
			same++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", want.name, want.kind, want.labels, len(f.GetMetric()), verdict)
	}
	_ = w.Flush() // into a buffer
	t.Logf("\n%s%d of %d names of postgres_exporter 0.20.1 are on the pages with their type and labels", table.String(), same, len(all))
}

func labelNames(mf *dto.MetricFamily) string {
	names := map[string]bool{}
	for _, m := range mf.GetMetric() {
		for _, l := range m.GetLabel() {
			names[l.GetName()] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ",")
}
