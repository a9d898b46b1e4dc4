package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"tocsin/exporters/postgres/depth"
)

// source lends the server's one connection to the packages beside this one.
type source struct{ server *server }

// With implements depth.Source.
func (s source) With(ctx context.Context, database string, use func(depth.Conn) error) error {
	return s.server.with(ctx, database, func(c *conn) error { return use(lent{c}) })
}

// lent is a connection as others see it.
type lent struct{ *conn }

// Version implements depth.Conn.
func (l lent) Version() int { return int(l.version) }

// Rows implements depth.Conn.
func (l lent) Rows(ctx context.Context, sql string) (pgx.Rows, error) { return l.rows(ctx, sql) }

// Refused implements depth.Conn.
func (l lent) Refused(err error) error { return l.refused(err) }
