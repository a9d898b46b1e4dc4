package depth

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// dropping is a source that drops a database when the walk is in another one.
type dropping struct {
	t    *testing.T
	db   *testenv.Cluster
	done bool
}

func (d *dropping) With(ctx context.Context, database string, use func(Conn) error) error {
	if database == "first" && !d.done {
		d.done = true
		d.db.Exec(d.t, "postgres", "DROP DATABASE second")
	}
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
	byDefault, _ := Collectors(Config{}, &dropping{t: t, db: db})
	got := collectortest.Once(t, byDefault[len(byDefault)-1].Collector)
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
