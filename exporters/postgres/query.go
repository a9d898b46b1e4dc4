package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

// A query is a statement whose rows become metrics. Each column of its answer
// is a label or a value, and is known by its name.
type query struct {
	name string // of its collector
	// labels are the columns that are labels of every value, in the order in
	// which the families have them. NULL is the empty label.
	labels []string
	values []value
	// variants are its texts, of the newest version first: the first that is
	// not newer than the server is asked. With none, the server is too old, and
	// the query has no data there.
	variants []variant
	// onDemand queries are asked where the site file turns them on.
	onDemand bool
}

// A value is a column that is a number: what a statement of an older server
// does not give, the page does not have.
type value struct {
	column string
	family *frame.Family
	// scale multiplies what the server counts in another unit; 0 is 1.
	scale float64
	// zeroIfNull sends 0 for NULL, as postgres_exporter does; else NULL is left out.
	zeroIfNull bool
}

// A variant is the statement for servers from a version on.
type variant struct {
	from version
	sql  string
}

func (q *query) families() []*frame.Family {
	all := make([]*frame.Family, len(q.values))
	for i, v := range q.values {
		all[i] = v.family
	}
	return all
}

// text is the statement for a server, or "".
func (q *query) text(v version) string {
	for _, alternative := range q.variants {
		if v >= alternative.from {
			return alternative.sql
		}
	}
	return ""
}

// run asks the query over a connection and sends its rows.
func (q *query) run(ctx context.Context, c *conn, s *frame.Sink) error {
	sql := q.text(c.version)
	if sql == "" {
		return frame.ErrNoData
	}
	rows, err := c.rows(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns := rows.FieldDescriptions()
	label, number := make([]int, len(columns)), make([]int, len(columns)) // index + 1
	for i, column := range columns {
		for j, name := range q.labels {
			if name == column.Name {
				label[i] = j + 1
			}
		}
		for j, v := range q.values {
			if v.column == column.Name {
				number[i] = j + 1
			}
		}
	}
	labels := make([]string, len(q.labels))
	var wrong error
	for rows.Next() {
		raw := rows.RawValues()
		for i, at := range label {
			if at > 0 {
				labels[at-1] = strings.ToValidUTF8(string(raw[i]), "\uFFFD")
			}
		}
		for i, at := range number {
			if at == 0 {
				continue
			}
			v := q.values[at-1]
			if raw[i] == nil {
				if v.zeroIfNull {
					s.Send(v.family, 0, labels...)
				}
				continue
			}
			n, err := parse(raw[i])
			if err != nil {
				wrong = errors.Join(wrong, fmt.Errorf("column %s: %w", v.column, err))
				continue
			}
			if v.scale != 0 {
				n *= v.scale
			}
			s.Send(v.family, n, labels...)
		}
	}
	return errors.Join(refused(rows.Err()), wrong)
}

// parse reads a number as PostgreSQL writes it; a boolean is 1 or 0.
func parse(raw []byte) (float64, error) {
	switch string(raw) {
	case "t", "true":
		return 1, nil
	case "f", "false":
		return 0, nil
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0, errors.New("it is no number")
	}
	return n, nil
}

// A collector asks one query of a server, in the database of its DSN.
type collector struct {
	*query
	server *server
}

// Name implements frame.Collector.
func (c collector) Name() string { return c.name }

// Families implements frame.Collector.
func (c collector) Families() []*frame.Family { return c.families() }

// Collect implements frame.Collector.
func (c collector) Collect(ctx context.Context, s *frame.Sink) error {
	return c.server.with(ctx, "", func(conn *conn) error { return c.run(ctx, conn, s) })
}
