package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/exporters/postgres/depth"
)

// source lends the server's one connection to the packages beside this one.
type source struct{ server *server }

// With implements depth.Source.
func (s source) With(ctx context.Context, database string, use func(depth.Conn) error) error {
	if database != "" {
		s.server.letPass(ctx)
	}
	return s.server.with(ctx, database, func(c *conn) error { return use(lent{c}) })
}

const (
	// quiet is for how long nobody must have asked in the DSN's database before
	// the connection goes to another one: else the two would fetch it from each
	// other at every statement of a scrape.
	quiet = 30 * time.Millisecond
	// courtesy is how long a walk waits for that.
	courtesy = time.Second
)

// letPass waits until no scrape seems under way.
func (s *server) letPass(ctx context.Context) {
	until := time.Now().Add(courtesy)
	for time.Since(time.Unix(0, s.scraped.Load())) < quiet && time.Now().Before(until) && ctx.Err() == nil {
		select {
		case <-time.After(quiet / 3):
		case <-ctx.Done():
		}
	}
}

// lent is a connection as others see it.
type lent struct{ *conn }

// Version implements depth.Conn.
func (l lent) Version() int { return int(l.version) }

// Rows implements depth.Conn.
func (l lent) Rows(ctx context.Context, sql string) (pgx.Rows, error) { return l.rows(ctx, sql) }

// PgConn implements depth.Conn.
func (l lent) PgConn() *pgconn.PgConn { return l.pgx.PgConn() }

// Refused implements depth.Conn.
func (l lent) Refused(err error) error { return l.refused(err) }
