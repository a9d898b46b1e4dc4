package postgres

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// Servers before 10 are not to be had any more: a 15 whose catalogue is made to
// look like theirs (testdata/older) is asked as if it were one. What the files
// rename is gone, so a statement that needs it fails here as it would there.
func TestOlder_recordedCatalogues(t *testing.T) {
	for i, older := range []version{v9_6, v9_5, v9_4} {
		t.Run(older.String(), func(t *testing.T) {
			db := testenv.Postgres(t, "-c", "allow_system_table_mods=on", "-c", "wal_level=logical")
			db.Exec(t, "postgres", "SELECT pg_create_physical_replication_slot('s1', true)", "CREATE TABLE t (a int PRIMARY KEY)")
			for _, name := range []string{"9.6.sql", "9.5.sql", "9.4.sql"}[:i+1] {
				content, err := os.ReadFile(filepath.Join("testdata", "older", name))
				if err != nil {
					t.Fatal(err)
				}
				db.Exec(t, "postgres", string(content))
			}
			cfg := Config{DSN: db.DSN("admin", "postgres")}
			s, err := newServer(cfg)
			if err != nil {
				t.Fatal(err)
			}
			pretend := func() error {
				return s.with(t.Context(), "", func(c *conn) error {
					c.version = older
					return nil
				})
			}
			if err := pretend(); err != nil {
				t.Fatal(err)
			}
			for _, k := range all(s, cfg) {
				name := k.Collector.Name()
				if slices.Contains([]string{"walk", "stat_statements"}, name) || k.Every > 0 && name != "upkeep" {
					continue // it goes to other databases, which are 15; it needs an extension
				}
				t.Run(name, func(t *testing.T) {
					target := frame.NewTarget(frame.Spec{Job: "postgres", Collectors: []frame.Entry{{Collector: k.Collector}}}, discard())
					page := target.Gather(t.Context())
					if state := target.States()[0]; state.Reason != "" {
						t.Errorf("%s: %s", state.Reason, state.Error)
					}
					families := 0
					for _, mf := range page {
						if declaredAs(mf.GetName()) != nil {
							families++
						}
					}
					t.Logf("%d families", families)
				})
			}
		})
	}
}
