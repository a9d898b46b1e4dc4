package postgres

import (
	"context"

	"tocsin/internal/frame"
)

var upFamily = &frame.Family{
	Name: "pg_up", Type: frame.Gauge,
	Help: "Whether the server could be asked.",
}

// up is the first question: whether there is an answer at all. Its metric is
// there even where nothing else is.
type up struct{ server *server }

// Name implements frame.Collector.
func (up) Name() string { return "up" }

// Families implements frame.Collector.
func (up) Families() []*frame.Family { return []*frame.Family{upFamily} }

// Collect implements frame.Collector.
func (u up) Collect(ctx context.Context, s *frame.Sink) error {
	err := u.server.with(ctx, "", func(c *conn) error {
		_, err := c.pgx.Exec(ctx, "SELECT 1")
		return refused(err)
	})
	if err != nil {
		s.Send(upFamily, 0)
		return err
	}
	s.Send(upFamily, 1)
	return nil
}
