package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame"
)

// source lends the server's one connection to the packages beside this one.
type source struct{ server *server }

// With implements depth.Source.
func (s source) With(ctx context.Context, database string, use func(depth.Conn) error) error {
	if database != "" {
		s.server.letPass(ctx)
	}
	return s.server.with(ctx, database, func(c *conn) error {
		// Text of such a database may be no UTF-8 at all, and cannot become any.
		pg := c.pgx.PgConn()
		if database != "" && pg.ParameterStatus("server_encoding") == asItIs && pg.ParameterStatus("client_encoding") != asItIs {
			if _, err := pg.Exec(ctx, "SET client_encoding = '"+asItIs+"'").ReadAll(); err != nil {
				return c.refused(err)
			}
		}
		err := use(lent{c})
		c.hung = c.hung || err != nil && ctx.Err() == nil && pg.IsClosed() && frame.ReasonOf(err) == frame.ReasonTimeout
		return err
	})
}

const (
	// quiet is for how long nobody must have asked in the DSN's database before
	// the connection goes to another one: else the two would fetch it from each
	// other at every statement of a scrape.
	quiet = 30 * time.Millisecond
	// courtesy is how long a walk waits for that.
	courtesy = time.Second
)

// asItIs is the encoding that stands for none.
const asItIs = "SQL_ASCII"

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

// PgConn implements depth.Conn.
func (l lent) PgConn() *pgconn.PgConn { return l.pgx.PgConn() }

// Refused implements depth.Conn.
func (l lent) Refused(err error) error { return l.refused(err) }
