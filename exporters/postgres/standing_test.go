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
	testenv.PostgresMajors(t, func(t *testing.T, start func(...string) *testenv.Cluster) {
		primary := start("-c", "max_wal_senders=5", "-c", "max_replication_slots=5", "-c", "wal_level=replica", "-c", "hot_standby=on")
		relay := testenv.NewRelay(t, "unix", primary.Socket())
		standby := primary.Standby(t, "b", relay)
		primary.Exec(t, "postgres", "SELECT pg_create_physical_replication_slot('forgotten', true)")
		here := atOnce(t, Config{Name: "a", DSN: primary.DSN("admin", "postgres"), Standbys: Standbys{Given: true, Names: []string{"b", "c"}}})
		there := atOnce(t, Config{Name: "b", DSN: standby.DSN("admin", "postgres")})
		testenv.Eventually(t, 20*time.Second, "the standby streams", func(context.Context) error {
			page := ask(t, here)
			if !page.has(`tocsin_postgres_standby_info{standby="b",state="streaming",sync_state="async"}`, 1) {
				return fmt.Errorf("%s", page.text("tocsin_postgres_standby"))
			}
			return nil
		})
		page := ask(t, here)
		page.want(t, map[string]float64{
			`pg_replication_is_replica`:                                                       0,
			`tocsin_postgres_standby_connected{standby="b"}`:                                  1,
			`tocsin_postgres_standby_connected{standby="c"}`:                                  0,
			`tocsin_postgres_standbys_connected`:                                              1,
			`tocsin_postgres_synchronous_standby_missing`:                                     0,
			`tocsin_postgres_timeline`:                                                        1,
			`pg_replication_slots_active{database="",slot_name="forgotten"}`:                  0,
			`pg_replication_slots_slot_is_active{slot_name="forgotten",slot_type="physical"}`: 0,
			`tocsin_postgres_blocked_sessions`:                                                0,
		})
		for _, name := range []string{
			`tocsin_postgres_standby_behind_bytes{stage="replayed",standby="b"}`, `tocsin_postgres_system_info{role="primary",`,
			`tocsin_postgres_slot_held_bytes{slot="forgotten"`, `tocsin_postgres_slot_inactive_since_timestamp_seconds{slot="forgotten"`,
			`pg_stat_replication_pg_wal_lsn_diff{application_name="b",client_addr="",`, `tocsin_postgres_wal_bytes_total`, `pg_wal_segments`,
		} {
			if page.text(name) == "" {
				t.Errorf("the primary's page has no %s", name)
			}
		}
		page = ask(t, there)
		page.want(t, map[string]float64{
			`pg_replication_is_replica`:                             1,
			`pg_replication_lag_seconds`:                            0,
			`tocsin_postgres_wal_receiver_running`:                  1,
			`tocsin_postgres_replay_paused`:                         0,
			`tocsin_postgres_replay_delay_seconds`:                  0,
			`tocsin_postgres_replay_behind_bytes`:                   0,
			`tocsin_postgres_wal_receiver_patience_seconds`:         45,
			`tocsin_postgres_recovery_conflicts_total{kind="lock"}`: 0,
		})
		if silence := page["tocsin_postgres_wal_receiver_silence_seconds"]; silence > 20 {
			t.Errorf("silent for %v s", silence)
		}

		standby.Promote(t)
		testenv.Eventually(t, 20*time.Second, "the standby is a primary", func(context.Context) error {
			target := there.Gather(t.Context()) // a scrape in the middle of it may fail
			if page := series(target); page["tocsin_postgres_timeline"] != 2 || !page.has(`tocsin_postgres_system_info{role="primary",`, 1) {
				return fmt.Errorf("%s", page.text("tocsin_postgres_timeline", "tocsin_postgres_system"))
			}
			return nil
		})
		if page := ask(t, there); page.text("tocsin_postgres_wal_receiver", "tocsin_postgres_replay") != "" {
			t.Errorf("a primary tells of a receiver:\n%s", page.text("tocsin_postgres_wal_receiver", "tocsin_postgres_replay"))
		}
	})
}

// want compares series with what they should be.
func (a asked) want(t *testing.T, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		if have, ok := a[name]; !ok || have != value {
			t.Errorf("%s is %v (%v), want %v", name, have, ok, value)
		}
	}
}
