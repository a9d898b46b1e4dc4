package postgres

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/frame"
	"tocsin/internal/selection"
	"tocsin/internal/testenv"
)

func TestMajors_allCollectorsAnswer(t *testing.T) {
	testenv.PostgresMajors(t, func(t *testing.T, start func(...string) *testenv.Cluster) {
		db := start("-c", "shared_preload_libraries=pg_stat_statements", "-c", "wal_level=logical")
		db.Exec(t, "postgres", "CREATE EXTENSION pg_stat_statements", "CREATE EXTENSION pg_buffercache", "CREATE TABLE one (a int PRIMARY KEY)",
			"CREATE ROLE looker LOGIN", "GRANT pg_monitor TO looker")
		for _, user := range []string{"admin", "looker"} {
			target := newTarget(Config{DSN: db.DSN(user, "postgres"), Collectors: everything()})
			names := slices.Sorted(maps.Keys(byName(target.Gather(t.Context()))))
			for _, s := range target.States() {
				if s.Reason != "" {
					t.Errorf("%s: %s: %s: %s", user, s.Collector, s.Reason, s.Error)
				}
			}
			t.Logf("%s: %d families", user, len(names))
		}
	})
}

// A right that is missing is named, with the role's name as SQL has it.
func TestRights_missingOnesAreNamed(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", `CREATE ROLE "o""dd" LOGIN`)
	config := Config{DSN: "host=" + db.Dir + ` user='o"dd' dbname=postgres`, Collectors: selection.Selection{Only: []string{"wal", "stat_activity", "buffercache_summary", "database"}}}
	target := newTarget(config)
	page := byName(target.Gather(t.Context()))
	const grant = `GRANT pg_monitor TO "o""dd"`
	want := map[string]string{"wal": grant, "stat_activity": grant, "database": grant}
	for _, s := range target.States() {
		if !strings.Contains(s.Error, want[s.Collector]) || (want[s.Collector] != "") != (s.Reason == frame.ReasonPermission) {
			t.Errorf("%s: %s: %s", s.Collector, s.Reason, s.Error)
		}
	}
	if page["pg_stat_activity_count"] == nil || page["pg_database_size_bytes"] == nil {
		t.Error("what it may see is not on the page")
	}
}
