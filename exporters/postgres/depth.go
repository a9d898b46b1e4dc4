package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/exporters/postgres/custom"
	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame"
	"tocsin/internal/problem"
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

// PgConn implements depth.Conn.
func (l lent) PgConn() *pgconn.PgConn { return l.pgx.PgConn() }

// Refused implements depth.Conn.
func (lent) Refused(err error) error { return refused(err) }

// Load reads the files of queries that the configuration names, and proves all
// queries. It connects to nobody. Warnings say what of them is left out.
func (c *Config) Load(p problem.List) (warnings []string) {
	c.plans, warnings = c.Own.Load(p, c.taken())
	return warnings
}

// taken tells which metrics the collectors of the configuration declare.
func (c *Config) taken() func(name string) bool {
	without := *c
	without.Own, without.plans = custom.Config{}, nil
	entries, err := New(without)
	if err != nil { // it is told elsewhere
		return func(string) bool { return false }
	}
	return func(name string) bool {
		return slices.ContainsFunc(entries, func(e frame.Entry) bool {
			return slices.ContainsFunc(e.Collector.Families(), func(f *frame.Family) bool { return f.Covers(name) })
		})
	}
}

// queries returns the collectors of the site's own queries.
func (c *Config) queries(source depth.Source) ([]frame.Entry, error) {
	if c.Own.IsZero() {
		return nil, nil
	}
	if c.plans == nil {
		p := problem.New()
		c.Own.Validate(p)
		c.Load(p)
		for _, found := range p.All() {
			return nil, fmt.Errorf("%s: %s", found.Path, found.Text)
		}
	}
	return custom.Collectors(c.plans, source, c.taken()), nil
}

// OwnFamilies lists what the site's own queries tell.
func (c *Config) OwnFamilies() []*frame.Family {
	var all []*frame.Family
	for _, p := range c.plans {
		all = append(all, p.Families()...)
	}
	return all
}
