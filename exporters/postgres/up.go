package postgres

import (
	"context"
	"errors"

	"tocsin/internal/frame"
)

var upFamily = &frame.Family{
	Name: "pg_up", Type: frame.Gauge,
	Help: "Whether the server could be asked.",
}

// role is asked first at each scrape: whether there is an answer at all, and
// whether the server is a standby.
var role = &query{name: "up", variants: []variant{{v9_4, `SELECT pg_is_in_recovery()`}}}

// up is the first question. Its metric is there even where nothing else is.
type up struct{ server *server }

// Name implements frame.Collector.
func (up) Name() string { return role.name }

// Families implements frame.Collector.
func (up) Families() []*frame.Family { return []*frame.Family{upFamily} }

// Collect implements frame.Collector.
func (u up) Collect(ctx context.Context, s *frame.Sink) error {
	err := u.server.with(ctx, "", func(c *conn) error {
		u.server.pass.begin()
		return c.each(ctx, role, func(row [][]byte) error {
			c.standby = string(row[0]) == "t"
			return nil
		})
	})
	switch {
	case errors.Is(err, errBusy): // it tells nothing of the server
	case err != nil:
		s.Send(upFamily, 0)
	default:
		s.Send(upFamily, 1)
	}
	return err
}
