package depth

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// watched is a source that tells when the walk goes to a database.
type watched struct {
	db     *testenv.Cluster
	before func(database string)
}

func (d *watched) With(ctx context.Context, database string, use func(Conn) error) error {
	d.before(database)
	if database == "" {
		database = "postgres"
	}
	config, err := pgx.ParseConfig(d.db.DSN("admin", "postgres"))
	if err != nil {
		return err
	}
	config.Database, config.DefaultQueryExecMode = database, pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return frame.Fail(frame.ReasonRefused, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	return use(direct{conn})
}

type direct struct{ *pgx.Conn }

func (direct) Version() int            { return 150000 }
func (direct) Refused(err error) error { return err }

func TestWalk_databaseDroppedMeanwhile(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE DATABASE first", "CREATE DATABASE second", "CREATE DATABASE third")
	done := false
	got := collectortest.Once(t, walkOver(&watched{db, func(database string) {
		if database == "first" && !done {
			done = true
			db.Exec(t, "postgres", "DROP DATABASE second")
		}
	}}))
	if got.Reason != "" {
		t.Errorf("what is gone is no failure: %s", got.Err)
	}
	for name, want := range map[string]float64{
		"tocsin_postgres_database_walked{first}": 1, "tocsin_postgres_database_walked{second}": 0, "tocsin_postgres_database_walked{third}": 1,
		"tocsin_postgres_database_failure_info{second|dropped}": 1,
	} {
		if have, ok := got.Samples[name]; !ok || have != want {
			t.Errorf("%s is %v (%v), want %v", name, have, ok, want)
		}
	}
}

// TestWalk_goesOnWhereItStopped: a walk that has too little time comes round to
// every database all the same.
func TestWalk_goesOnWhereItStopped(t *testing.T) {
	db := testenv.Postgres(t)
	db.Exec(t, "postgres", "CREATE DATABASE first", "CREATE DATABASE second", "CREATE DATABASE third")
	ctx, cancel := context.WithCancel(t.Context())
	var visited []string
	c := walkOver(&watched{db, func(database string) {
		if database == "second" {
			cancel()
		}
		if n := len(visited); database != "" && (n == 0 || visited[n-1] != database) {
			visited = append(visited, database)
		}
	}})
	if err := c.Collect(ctx, frame.NewSink(c.Families())); frame.ReasonOf(err) != frame.ReasonTimeout || err.Error() != errNotRead.Error() {
		t.Errorf("it says %v", err)
	}
	if err := c.Collect(t.Context(), frame.NewSink(c.Families())); err != nil {
		t.Error(err)
	}
	if want := []string{"first", "second", "third", "first"}; !slices.Equal(visited, want) {
		t.Errorf("it went to %v, want %v", visited, want)
	}
}

func walkOver(source Source) frame.Collector {
	byDefault, _ := Collectors(Config{}, source)
	return byDefault[len(byDefault)-1].Collector
}
