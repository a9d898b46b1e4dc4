package depth_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"tocsin/internal/testenv"
)

// rows asks for a name and three numbers.
func rows(t testing.TB, db *testenv.Cluster, sql string) map[string][3]float64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.DSN("admin", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	answer, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][3]float64{}
	for answer.Next() {
		var name string
		var n [3]float64
		if err := answer.Scan(&name, &n[0], &n[1], &n[2]); err != nil {
			t.Fatal(err)
		}
		all[name] = n
	}
	if answer.Err() != nil {
		t.Fatal(answer.Err())
	}
	return all
}
