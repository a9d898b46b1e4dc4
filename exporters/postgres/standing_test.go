package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// asked is a server's page, as a map of series to values.
type asked map[string]float64

// ask gathers once; a collector that fails, fails the test.
func ask(t *testing.T, target *frame.Target) asked {
	t.Helper()
	page := series(target.Gather(t.Context()))
	for _, s := range target.States() {
		if s.Reason != "" {
			t.Errorf("%s: %s: %s", s.Collector, s.Reason, s.Error)
		}
	}
	return page
}

func series(page []*dto.MetricFamily) asked {
	out := asked{}
	for _, f := range page {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			name := f.GetName()
			if labels != nil {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			out[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
		}
	}
	return out
}

// has looks for series that begin so and have this value.
func (a asked) has(prefix string, value float64) bool {
	for name, v := range a {
		if strings.HasPrefix(name, prefix) && v == value {
			return true
		}
	}
	return false
}

// text is the page of those names, sorted.
func (a asked) text(prefixes ...string) string {
	var lines []string
	for name, v := range a {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			lines = append(lines, fmt.Sprintf("%s %v", name, v))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// atOnce is a target whose page has everything, without waiting for clocks.
func atOnce(t *testing.T, cfg Config) *frame.Target {
	t.Helper()
	entries, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		entries[i].Every = 0 // all of it, now
	}
	return frame.NewTarget(frame.Spec{Job: "postgres", Instance: "here:" + cfg.Name, Collectors: entries, Serial: true}, slog.New(slog.DiscardHandler))
}

func TestReplication_fromBothSides(t *testing.T) {
	primary := testenv.Postgres(t)
	relay := testenv.NewRelay(t, "unix", primary.Socket())
	standby := primary.Standby(t, "b", relay)
	here := atOnce(t, Config{Name: "a", DSN: primary.DSN("admin", "postgres"), Standbys: Standbys{Given: true, Names: []string{"b", "c"}}})
	there := atOnce(t, Config{Name: "b", DSN: standby.DSN("admin", "postgres")})
	testenv.Eventually(t, 20*time.Second, "the standby streams", func(context.Context) error {
		page := ask(t, here)
		if !page.has(`tocsin_postgres_standby_info{standby="b",state="streaming",sync_state="async"}`, 1) {
			return fmt.Errorf("%s", page.text("tocsin_postgres_standby"))
		}
		return nil
	})
	t.Log(ask(t, here).text("tocsin_postgres", "pg_"))
	t.Log(ask(t, there).text("tocsin_postgres", "pg_"))
}
