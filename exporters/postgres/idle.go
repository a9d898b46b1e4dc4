package postgres

import (
	"context"
	"errors"
	"strconv"

	"tocsin/internal/frame"
)

// idleBounds are the bounds of the histogram, in seconds.
var idleBounds = []float64{1, 2, 5, 15, 30, 60, 90, 120, 300}

var idleFamily = &frame.Family{
	Name: "pg_process_idle_seconds", Type: frame.Histogram, Labels: []string{"application_name", "state"},
	Help: "For how long sessions have been idle.",
}

// idleRows are the sessions that are idle, one a row.
var idleRows = &query{
	name: "process_idle", needs: allStats, onDemand: true,
	variants: []variant{{v9_4, `SELECT application_name, state, extract(epoch FROM now() - state_change) FROM pg_stat_activity
WHERE state LIKE 'idle%' AND pid <> pg_backend_pid()`}},
}

// processIdle counts idle sessions by for how long they are: a histogram, so no
// mere query.
type processIdle struct{ server *server }

// Name implements frame.Collector.
func (processIdle) Name() string { return idleRows.name }

// Families implements frame.Collector.
func (processIdle) Families() []*frame.Family { return []*frame.Family{idleFamily} }

// Collect implements frame.Collector.
func (p processIdle) Collect(ctx context.Context, s *frame.Sink) error {
	type histogram struct {
		count  uint64
		sum    float64
		counts []uint64
	}
	found := map[[2]string]*histogram{}
	err := p.server.with(ctx, "", func(c *conn) error {
		err := c.each(ctx, idleRows, func(row [][]byte) error {
			seconds, err := strconv.ParseFloat(string(row[2]), 64)
			if err != nil {
				return nil // NULL: a session without a state yet
			}
			key := [2]string{label(row[0]), label(row[1])}
			h := found[key]
			if h == nil {
				h = &histogram{counts: make([]uint64, len(idleBounds))}
				found[key] = h
			}
			h.count++
			h.sum += seconds
			for i, bound := range idleBounds {
				if seconds <= bound {
					h.counts[i]++
				}
			}
			return nil
		})
		return errors.Join(err, c.lacks(idleRows))
	})
	for key, h := range found {
		s.SendHistogram(idleFamily, h.count, h.sum, idleBounds, h.counts, key[0], key[1])
	}
	return err
}
