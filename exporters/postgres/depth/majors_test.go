package depth_test

import (
	"testing"

	"tocsin/exporters/postgres"
	"tocsin/exporters/postgres/custom"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// TestMajors_walk asks every major that can be had: the walk with something to
// find of each kind, and a query in all databases.
func TestMajors_walk(t *testing.T) {
	testenv.PostgresMajors(t, func(t *testing.T, start func(...string) *testenv.Cluster) {
		db := start("-c", "autovacuum=off")
		db.Exec(t, "postgres", "CREATE DATABASE shop", "CREATE DATABASE gone", "UPDATE pg_database SET datallowconn = false WHERE datname = 'gone'")
		db.Exec(t, "shop", "CREATE TABLE orders (id serial PRIMARY KEY, body text)",
			"INSERT INTO orders (body) SELECT repeat('x', 100) FROM generate_series(1, 20000)", "CREATE INDEX again ON orders (id)", "ANALYZE")
		cfg := postgres.Config{DSN: db.DSN("admin", "postgres"), Own: custom.Config{Queries: []custom.Query{{
			Name: "visit", SQL: "SELECT count(*) AS n, now() AS t FROM pg_class",
			Metrics: []custom.Metric{{Column: "n", Type: "gauge", Help: "N."}, {Column: "t", Type: "gauge", Help: "T."}}, Databases: ".",
		}}}}
		got := collectortest.Once(t, inside(t, cfg, "walk"))
		if got.Reason != "" {
			t.Errorf("%s: %s", got.Reason, got.Err)
		}
		for _, name := range []string{
			"pg_stat_user_tables_table_size_bytes{shop|orders|public}", "pg_statio_user_tables_idx_blocks_hit{shop|orders|public}",
			"tocsin_postgres_table_bloat_bytes{shop|orders|public}", "tocsin_postgres_sequence_used_ratio{shop|public|orders_id_seq}",
			"tocsin_postgres_index_flaw_bytes{shop|duplicate|again|orders|public}", "tocsin_postgres_schema_bytes{shop|public}",
			"tocsin_postgres_database_multixact_age{shop}", "tocsin_postgres_database_xid_age{gone}",
		} {
			if _, ok := got.Samples[name]; !ok {
				t.Errorf("%s is missing", name)
			}
		}
		if got := collectortest.Once(t, inside(t, cfg, "query_visit")); got.Reason != "" || got.Samples["visit_n{shop}"] < 300 || got.Samples["visit_t{shop}"] < 1e9 {
			t.Errorf("the query: %s: %s: %v", got.Reason, got.Err, got.Samples)
		}
	})
}
