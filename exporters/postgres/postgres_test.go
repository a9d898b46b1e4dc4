package postgres

import (
	"log/slog"
	"testing"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

func TestServer_real(t *testing.T) {
	db := testenv.Postgres(t)
	entries, err := New(Config{Name: "main", DSN: db.DSN("admin", "postgres")})
	if err != nil {
		t.Fatal(err)
	}
	target := frame.NewTarget(frame.Spec{Job: "postgres", Instance: "here:main", Collectors: entries, Serial: true}, slog.New(slog.DiscardHandler))
	page := target.Gather(t.Context())
	for _, s := range target.States() {
		if s.Reason != "" {
			t.Errorf("%s: %s: %s", s.Collector, s.Reason, s.Error)
		}
	}
	found := map[string]int{}
	for _, f := range page {
		found[f.GetName()] = len(f.GetMetric())
	}
	if found["pg_up"] != 1 || found["pg_locks_count"] < 9 {
		t.Errorf("the page has %v", found)
	}
}
