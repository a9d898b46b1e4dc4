package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame"
)

// A query is a statement whose rows become metrics. Each column of its answer
// is a label or a value, and is known by its name.
type query struct {
	name string // of its collector
	// labels are the columns that are labels of the values. NULL is the empty
	// label. A family takes those of them that it has, in its own order.
	labels []string
	// fixed are the values of labels that are no columns, in the order of labels.
	fixed  []string
	values []value
	// variants are its texts, of the newest version first: the first that is
	// not newer than the server is asked. With none, the server is too old, and
	// the query has no data there.
	variants []variant
	// before is the first version that no longer has what it asks for, 0 for none.
	before version
	// onDemand queries are asked where the site file turns them on.
	onDemand bool
	// needs is what the server must give for its answer to be whole.
	needs needs
	// extension is what must have been created in the database. Its schema takes
	// the place of {schema} in the texts: nothing is looked for in a search path.
	extension string
}

// needs says which right or feature a query lacks an answer without.
type needs int

// What queries need beyond the right to log in.
const (
	nothing needs = iota
	// allStats is the right to see other users' sessions and all sizes; without
	// it the server answers with less and does not say so.
	allStats
)

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

// gauge is a column that goes up and down.
func gauge(column, name, help string, labels ...string) value {
	return value{column: column, family: &frame.Family{Name: name, Type: frame.Gauge, Help: help, Labels: labels}}
}

// counter is a column that only grows, but for a reset.
func counter(column, name, help string, labels ...string) value {
	return value{column: column, family: &frame.Family{Name: name, Type: frame.Counter, Help: help, Labels: labels}}
}

// scaled multiplies what a column counts in another unit.
func scaled(v value, by float64) value {
	v.scale = by
	return v
}

// zero sends 0 for NULL.
func zero(v value) value {
	v.zeroIfNull = true
	return v
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
	if q.before != 0 && v >= q.before {
		return ""
	}
	for _, alternative := range q.variants {
		if v >= alternative.from {
			return alternative.sql
		}
	}
	return ""
}

// run asks the query over a connection and sends its rows.
func (q *query) run(ctx context.Context, c *conn, s *frame.Sink) error {
	err := c.ask(ctx, q, func(st *statement, row [][]byte) error { return st.send(s, row) })
	return errors.Join(err, c.lacks(q))
}

// read finds what the columns are.
func (st *statement) read(q *query) {
	st.filled = make([]string, len(q.labels))
	copy(st.filled, q.fixed)
	st.label, st.value = make([]int, len(st.columns)), make([]int, len(st.columns))
	for i := range st.label {
		st.label[i], st.value[i] = -1, -1
	}
	for i, column := range st.columns {
		for j, name := range q.labels {
			if name == column.Name {
				st.label[i] = j
			}
		}
		for j, v := range q.values {
			if v.column == column.Name {
				st.value[i] = j
			}
		}
	}
	st.values = make([]filling, len(q.values))
	for i, v := range q.values {
		st.values[i] = filling{value: v, labels: make([]string, len(v.family.Labels)), from: make([]int, len(v.family.Labels))}
		for j, name := range v.family.Labels {
			for k, label := range q.labels {
				if name == label {
					st.values[i].from[j] = k
				}
			}
		}
	}
}

// send turns a row into samples.
func (st *statement) send(s *frame.Sink, row [][]byte) error {
	for i, at := range st.label {
		if at >= 0 {
			st.filled[at] = label(row[i])
		}
	}
	var wrong error
	for i, at := range st.value {
		if at < 0 {
			continue
		}
		v := &st.values[at]
		n := 0.0
		switch {
		case row[i] != nil:
			var err error
			if n, err = parse(row[i]); err != nil {
				wrong = errors.Join(wrong, fmt.Errorf("column %s: %w", v.column, err))
				continue
			}
		case !v.zeroIfNull:
			continue
		}
		if v.scale != 0 {
			n *= v.scale
		}
		for j, from := range v.from {
			v.labels[j] = st.filled[from]
		}
		s.Send(v.family, n, v.labels...)
	}
	return wrong
}

// label is a text of the server as a label can hold it: a database may hold
// text that is not UTF-8.
func label(raw []byte) string { return depth.Text(raw) }

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

// A statement is a query as one connection knows it.
type statement struct {
	described *pgconn.StatementDescription
	columns   []pgconn.FieldDescription

	label, value []int    // of each column: which label or value of the query it is, or -1
	filled       []string // the labels of the row at hand
	values       []filling
}

// filling is a value with room for the labels of the row at hand.
type filling struct {
	value
	labels []string
	from   []int // of each label: which of the query's it is
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
