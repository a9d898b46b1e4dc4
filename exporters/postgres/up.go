package postgres

import (
	"context"
	"errors"
	"time"

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

// Collect implements frame.Collector. It gives up before its time is over, so
// that the page still has its answer.
func (u up) Collect(ctx context.Context, s *frame.Sink) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(upShare*float64(time.Until(deadline))))
		defer cancel()
	}
	err := u.server.with(ctx, "", func(c *conn) error {
		began := time.Now()
		u.server.pass.begin()
		err := c.each(ctx, role, func(row [][]byte) error {
			c.standby = string(row[0]) == "t"
			return nil
		})
		c.hung = c.hung || ctx.Err() != nil && time.Since(began) > hungAfter
		return err
	})
	if !errors.Is(err, errBusy) { // which tells nothing of the server: the last answer stands
		u.server.answers.Store(err == nil)
	}
	value := 0.0
	if u.server.answers.Load() {
		value = 1
	}
	s.Send(upFamily, value)
	return err
}

const (
	// upShare of a scrape's time is what the first question may take.
	upShare = 0.8
	// hungAfter is how long a server may take to say whether it is a standby.
	hungAfter = time.Second
)
