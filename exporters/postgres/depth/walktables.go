package depth

import (
	"context"
	"fmt"
	"slices"

	"tocsin/internal/frame"
)

// walkColumns are told of the tables of all databases; of the DSN's own only
// the estimate, for the rest of it is told at each scrape.
var walkColumns = slices.Concat(userTables, ioTables, []column{bloatColumn})

// tableRow is a table that the walk tells of.
type tableRow struct {
	labels [3]string
	own    bool
	values []float64 // of walkColumns
}

func (t tableRow) send(s *frame.Sink) {
	columns, values := walkColumns, t.values
	if t.own {
		columns, values = columns[len(columns)-1:], values[len(values)-1:]
	}
	sendTable(s, columns, values, t.labels[:]...)
}

func (r *round) askTables(ctx context.Context, c Conn, d database, chosen []uint32) error {
	p := pick{limit: r.cfg.Top.Tables, above: r.tables.bound(), schemas: chosen}
	ask := func() (told int, err error) {
		err = each(ctx, c, tablesSQL(c.Version(), walkColumns, p), func(row [][]byte) {
			told++
			r.tables.offer(number(row[3]), tableRow{
				labels: [3]string{d.label, text(row[0]), text(row[1])}, own: d.own, values: tableValues(walkColumns, row[4:]),
			})
		})
		return told, err
	}
	told, err := ask()
	if told == 0 && frame.ReasonOf(err) == frame.ReasonTimeout && ctx.Err() == nil {
		p.blind = true // somebody locked a table a moment ago
		_, err = ask()
	}
	return err
}

// tableXIDAge is what keeps a database's own age from going down.
var tableXIDAge = &frame.Family{
	Name: "tocsin_postgres_table_xid_age", Type: frame.Gauge, Labels: tableLabels,
	Help: "How many transactions the oldest unfrozen row of the table, or of its TOAST table, is old: of the tables where that is most.",
}

type tableAge struct{ labels [3]string }

// oldestSQL finds the tables with the oldest rows, catalogues among them. A
// partitioned table has none.
const oldestSQL = `SELECT n.nspname, c.relname, greatest(age(c.relfrozenxid), age(o.relfrozenxid)) AS age
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class o ON o.oid = c.reltoastrelid
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_(toast|temp_)' AND c.relfrozenxid <> '0'
	AND greatest(age(c.relfrozenxid), age(o.relfrozenxid)) > %.0f
ORDER BY age DESC, c.oid LIMIT %d`

func (r *round) askOldest(ctx context.Context, c Conn, d database) error {
	above := max(r.oldest.bound(), -1)
	return each(ctx, c, fmt.Sprintf(oldestSQL, above, r.cfg.Top.Oldest), func(row [][]byte) {
		r.oldest.offer(number(row[2]), tableAge{[3]string{d.label, text(row[0]), text(row[1])}})
	})
}

var walkIndexLabels = []string{"datname", "schemaname", "relname", "indexrelname", "flaw"}

var (
	indexFlaw = &frame.Family{
		Name: "tocsin_postgres_index_flaw_bytes", Type: frame.Gauge, Labels: walkIndexLabels,
		Help: "What an index takes on disk that is invalid, a duplicate of another, or unused since the statistics began; unused ones below 1 MiB, and those that hold a constraint, are not told.",
	}
	databaseFlaws = &frame.Family{
		Name: "tocsin_postgres_database_indexes_flawed", Type: frame.Gauge, Labels: []string{"datname", "flaw"},
		Help: "How many indexes of the database are invalid, duplicate or unused.",
	}
	databaseFlawBytes = &frame.Family{
		Name: "tocsin_postgres_database_indexes_flawed_bytes", Type: frame.Gauge, Labels: []string{"datname", "flaw"},
		Help: "What those indexes take on disk.",
	}
)

func indexFamilies() []*frame.Family {
	return []*frame.Family{indexFlaw, databaseFlaws, databaseFlawBytes}
}

// flaws are those of indexes, each index has the first that fits.
var flaws = []string{"invalid", "duplicate", "unused"}

type indexRow struct{ labels [5]string }

// indexesSQL finds indexes that serve nobody. Two are duplicates when they have
// the same columns in the same order, method, classes, collations, directions,
// expressions and condition; the one that holds a constraint is the original.
// The places of words in expressions are taken out.
func indexesSQL(limit int, chosen []uint32) string {
	where := userSchema
	if chosen != nil {
		where += " AND n.oid = ANY (" + oids(chosen) + ")"
	}
	return fmt.Sprintf(`WITH i AS (
	SELECT n.nspname, t.relname, c.relname AS indexrelname, c.relpages, c.oid, x.indisvalid AS valid,
		NOT x.indisunique AND NOT x.indisexclusion AND c.relpages >= 128 AND pg_stat_get_numscans(c.oid) = 0 AS unused,
		row_number() OVER (PARTITION BY x.indrelid, c.relam, x.indisvalid, x.indkey::text, x.indclass::text, x.indcollation::text, x.indoption::text,
			regexp_replace(concat(x.indexprs::text, '|', x.indpred::text), ':location -?[0-9]+', '', 'g')
			ORDER BY x.indisprimary DESC, x.indisexclusion DESC, x.indisunique DESC, x.indisreplident DESC, c.oid) > 1 AS copy
	FROM pg_index x
	JOIN pg_class c ON c.oid = x.indexrelid
	JOIN pg_class t ON t.oid = x.indrelid
	JOIN pg_namespace n ON n.oid = t.relnamespace
	WHERE c.relkind = 'i' AND %s),
flawed AS (SELECT *, CASE WHEN NOT valid THEN 'invalid' WHEN copy THEN 'duplicate' ELSE 'unused' END AS flaw FROM i WHERE NOT valid OR copy OR unused),
ranked AS (SELECT *, row_number() OVER (PARTITION BY flaw ORDER BY relpages DESC, oid) AS nth, count(*) OVER (PARTITION BY flaw) AS all_of_it,
	sum(relpages) OVER (PARTITION BY flaw) * current_setting('block_size')::bigint AS all_bytes FROM flawed)
SELECT nspname, relname, indexrelname, relpages * current_setting('block_size')::bigint, flaw, all_of_it, all_bytes FROM ranked WHERE nth <= %d`, where, limit)
}

func (r *round) askIndexes(ctx context.Context, c Conn, d database, chosen []uint32) error {
	count, bytes := map[string]float64{}, map[string]float64{}
	err := each(ctx, c, indexesSQL(r.cfg.Top.Indexes, chosen), func(row [][]byte) {
		flaw := string(row[4])
		count[flaw], bytes[flaw] = number(row[5]), number(row[6])
		r.indexes.offer(number(row[3]), indexRow{[5]string{d.label, text(row[0]), text(row[1]), text(row[2]), flaw}})
	})
	if err != nil {
		return err
	}
	for _, flaw := range flaws {
		r.total["index"] += count[flaw]
		r.sink.Send(databaseFlaws, count[flaw], d.label, flaw)
		r.sink.Send(databaseFlawBytes, bytes[flaw], d.label, flaw)
	}
	return nil
}

func (r *round) tellIndexes() {
	for _, e := range r.indexes.entries() {
		r.sink.Send(indexFlaw, e.rank, e.entry.labels[:]...)
	}
}
