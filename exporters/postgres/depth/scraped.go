package depth

import (
	"context"
	"errors"
	"math"

	"tocsin/internal/frame"
)

// leftOut counts what is not told one by one.
var leftOut = &frame.Family{
	Name: "tocsin_postgres_left_out", Type: frame.Gauge, Labels: []string{"kind", "cause"},
	Help: "How many of a kind (own_table, database, schema, table, index, sequence, statement) are not told one by one: beyond the limit, or not chosen; databases also because they admit nobody.",
}

// Causes of leftOut.
const (
	beyondLimit = "limit"
	notChosen   = "choice"
	admitsNone  = "admits_none"
)

// ownTables tells of the tables of the DSN's own database at each scrape.
type ownTables struct {
	name    string
	columns []column
	source  Source
	limit   int
	counts  bool // it counts what was left out
}

// Name implements frame.Collector.
func (t *ownTables) Name() string { return t.name }

// Families implements frame.Collector.
func (t *ownTables) Families() []*frame.Family {
	all := families(t.columns)
	if t.counts {
		all = append(all, leftOut)
	}
	return all
}

// Collect implements frame.Collector.
func (t *ownTables) Collect(ctx context.Context, s *frame.Sink) error {
	return t.source.With(ctx, "", func(c Conn) error {
		database, err := currentDatabase(ctx, c)
		if err != nil {
			return err
		}
		told, total := 0, 0.0
		ask := func(blind bool) error {
			p := pick{limit: t.limit, above: math.Inf(-1), blind: blind}
			return each(ctx, c, tablesSQL(c.Version(), t.columns, p), func(row [][]byte) {
				told++
				total = number(row[2])
				sendTable(s, t.columns, tableValues(t.columns, row[4:]), database, text(row[0]), text(row[1]))
			})
		}
		err = ask(false)
		if told == 0 && frame.ReasonOf(err) == frame.ReasonTimeout && t.counts && ctx.Err() == nil {
			err = ask(true) // somebody locked a table a moment ago
		}
		if err == nil && t.counts {
			s.Send(leftOut, max(total-float64(told), 0), "own_table", beyondLimit)
		}
		return err
	})
}

func currentDatabase(ctx context.Context, c Conn) (name string, err error) {
	err = each(ctx, c, "SELECT current_database()", func(row [][]byte) { name = text(row[0]) })
	return name, err
}

var indexLabels = []string{"schemaname", "relname", "indexrelname"}

// The families of postgres_exporter's collector statio_user_indexes, which have
// no label datname in 0.20: those of other databases cannot stand beside them.
var (
	indexBlocksRead = &frame.Family{
		Name: "pg_statio_user_indexes_idx_blks_read_total", Type: frame.Counter, Labels: indexLabels,
		Help: "Blocks of the index that had to be read.",
	}
	indexBlocksHit = &frame.Family{
		Name: "pg_statio_user_indexes_idx_blks_hit_total", Type: frame.Counter, Labels: indexLabels,
		Help: "Blocks of the index that were in the server's memory.",
	}
)

// ownIndexes tells of the indexes of the DSN's own database.
type ownIndexes struct{ source Source }

// maxOwnIndexes bounds them: who turns them on wants them all.
const maxOwnIndexes = "20000"

// Name implements frame.Collector.
func (*ownIndexes) Name() string { return "statio_user_indexes" }

// Families implements frame.Collector.
func (*ownIndexes) Families() []*frame.Family {
	return []*frame.Family{indexBlocksRead, indexBlocksHit}
}

// Collect implements frame.Collector.
func (i *ownIndexes) Collect(ctx context.Context, s *frame.Sink) error {
	return i.source.With(ctx, "", func(c Conn) error {
		return each(ctx, c, `SELECT schemaname, relname, indexrelname, idx_blks_read, idx_blks_hit
FROM pg_statio_user_indexes ORDER BY indexrelid LIMIT `+maxOwnIndexes, func(row [][]byte) {
			labels := []string{text(row[0]), text(row[1]), text(row[2])}
			s.Send(indexBlocksRead, number(row[3]), labels...)
			s.Send(indexBlocksHit, number(row[4]), labels...)
		})
	})
}

// errNotRead is what a walk says that ends before its last database.
var errNotRead = errors.New("the walk's time was up before the last database; make walk longer, or choose fewer databases")
