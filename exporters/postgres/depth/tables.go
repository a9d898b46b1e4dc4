package depth

import (
	"fmt"
	"math"
	"strings"

	"tocsin/internal/frame"
)

// A column is a number that a statement about tables gives, as SQL over p (the
// table), x (its indexes) and t (its TOAST table and that one's index).
type column struct {
	family *frame.Family
	sql    string
	// unknown leaves NULL out; else it is 0, as postgres_exporter has it.
	unknown bool
}

// tableLabels are those of postgres_exporter.
var tableLabels = []string{"datname", "schemaname", "relname"}

func tableColumn(t frame.Type, name, sql, help string) column {
	return column{family: &frame.Family{Name: name, Type: t, Labels: tableLabels, Help: help}, sql: sql}
}

func statColumn(t frame.Type, name, sql, help string) column {
	return tableColumn(t, "pg_stat_user_tables_"+name, sql, help)
}

func blocks(name, sql, help string) column {
	return tableColumn(frame.Counter, "pg_statio_user_tables_"+name, sql, help)
}

// A size of a table that somebody has locked is not known.
func size(name, function, help string) column {
	c := statColumn(frame.Gauge, name, "CASE WHEN p.locked THEN NULL ELSE "+function+"(p.oid) END", help)
	c.unknown = true
	return c
}

func epoch(name, function, help string) column {
	return statColumn(frame.Gauge, name, "floor(extract(epoch FROM "+function+"(p.oid)))", help)
}

// userTables are the columns of pg_stat_user_tables, and two sizes
// (postgres_exporter, collector stat_user_tables). The functions are those that
// the view is made of: over them a few tables can be asked of many.
var userTables = []column{
	statColumn(frame.Counter, "seq_scan", "pg_stat_get_numscans(p.oid)", "How often the table was read from one end to the other."),
	statColumn(frame.Counter, "seq_tup_read", "pg_stat_get_tuples_returned(p.oid)", "Rows that such readings gave."),
	statColumn(frame.Counter, "idx_scan", "x.scans", "How often the table was looked into by an index."),
	statColumn(frame.Counter, "idx_tup_fetch", "x.fetched + pg_stat_get_tuples_fetched(p.oid)", "Rows that such looks gave."),
	statColumn(frame.Counter, "n_tup_ins", "pg_stat_get_tuples_inserted(p.oid)", "Rows inserted."),
	statColumn(frame.Counter, "n_tup_upd", "pg_stat_get_tuples_updated(p.oid)", "Rows updated."),
	statColumn(frame.Counter, "n_tup_del", "pg_stat_get_tuples_deleted(p.oid)", "Rows deleted."),
	statColumn(frame.Counter, "n_tup_hot_upd", "pg_stat_get_tuples_hot_updated(p.oid)", "Rows updated in their place, so that no index had to change."),
	statColumn(frame.Gauge, "n_live_tup", "pg_stat_get_live_tuples(p.oid)", "Rows, by the server's estimate."),
	statColumn(frame.Gauge, "n_dead_tup", "pg_stat_get_dead_tuples(p.oid)", "Dead rows, by the server's estimate."),
	statColumn(frame.Gauge, "n_mod_since_analyze", "pg_stat_get_mod_since_analyze(p.oid)", "Rows changed since the table was analyzed, by the server's estimate."),
	epoch("last_vacuum", "pg_stat_get_last_vacuum_time", "When somebody last vacuumed the table, VACUUM FULL aside; 0 for never."),
	epoch("last_autovacuum", "pg_stat_get_last_autovacuum_time", "When autovacuum last vacuumed the table; 0 for never."),
	epoch("last_analyze", "pg_stat_get_last_analyze_time", "When somebody last analyzed the table; 0 for never."),
	epoch("last_autoanalyze", "pg_stat_get_last_autoanalyze_time", "When autovacuum last analyzed the table; 0 for never."),
	statColumn(frame.Counter, "vacuum_count", "pg_stat_get_vacuum_count(p.oid)", "How often somebody vacuumed the table, VACUUM FULL aside."),
	statColumn(frame.Counter, "autovacuum_count", "pg_stat_get_autovacuum_count(p.oid)", "How often autovacuum vacuumed the table."),
	statColumn(frame.Counter, "analyze_count", "pg_stat_get_analyze_count(p.oid)", "How often somebody analyzed the table."),
	statColumn(frame.Counter, "autoanalyze_count", "pg_stat_get_autoanalyze_count(p.oid)", "How often autovacuum analyzed the table."),
	size("index_size_bytes", "pg_indexes_size", "What the table's indexes take on disk; absent while somebody has locked the table."),
	size("table_size_bytes", "pg_table_size", "What the table takes on disk without its indexes; absent while somebody has locked the table."),
}

// ioTables are the columns of pg_statio_user_tables (postgres_exporter,
// collector statio_user_tables, which writes blocks where the view has blks).
var ioTables = []column{
	blocks("heap_blocks_read", "pg_stat_get_blocks_fetched(p.oid) - pg_stat_get_blocks_hit(p.oid)", "Blocks of the table that had to be read."),
	blocks("heap_blocks_hit", "pg_stat_get_blocks_hit(p.oid)", "Blocks of the table that were in the server's memory."),
	blocks("idx_blocks_read", "x.blocks - x.hit", "Blocks of its indexes that had to be read."),
	blocks("idx_blocks_hit", "x.hit", "Blocks of its indexes that were in the server's memory."),
	blocks("toast_blocks_read", "pg_stat_get_blocks_fetched(p.toast) - pg_stat_get_blocks_hit(p.toast)", "Blocks of its TOAST table that had to be read."),
	blocks("toast_blocks_hit", "pg_stat_get_blocks_hit(p.toast)", "Blocks of its TOAST table that were in the server's memory."),
	blocks("tidx_blocks_read", "t.blocks - t.hit", "Blocks of its TOAST table's index that had to be read."),
	blocks("tidx_blocks_hit", "t.hit", "Blocks of its TOAST table's index that were in the server's memory."),
}

// A pick says which tables are asked.
type pick struct {
	limit   int      // the largest so many
	above   float64  // those of more pages
	schemas []uint32 // of these; nil: all
	// blind does not look at sizes: something is locked that pg_locks did not
	// tell yet.
	blind bool
}

// tablesSQL asks columns of the tables that are picked: rows of schema, name,
// how many tables there are, the pages of the table, and the columns.
func tablesSQL(version int, columns []column, p pick) string {
	kinds := "'r', 't', 'm'"
	if version >= 140000 && columns[0].family == userTables[0].family {
		kinds += ", 'p'" // the view has partitioned tables from 14 on
	}
	var b strings.Builder
	locked := "p.oid IN (SELECT l.oid FROM locked l)"
	if p.blind {
		locked = "true"
	}
	fmt.Fprintf(&b, `WITH %s, picked AS (
	SELECT c.oid, n.nspname, c.relname, c.reltoastrelid AS toast, c.reltuples, c.relpages, c.reloptions, count(*) OVER () AS total,
		c.relpages + coalesce(o.relpages, 0) AS pages
	FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_class o ON o.oid = c.reltoastrelid
	WHERE c.relkind IN (%s) AND %s`, lockedTables, kinds, userSchema)
	if p.schemas != nil {
		fmt.Fprintf(&b, " AND n.oid = ANY (%s)", oids(p.schemas))
	}
	fmt.Fprintf(&b, "\n\tORDER BY pages DESC, c.oid LIMIT %d)", p.limit)
	b.WriteString("\nSELECT p.nspname, p.relname, p.total, p.pages")
	for _, c := range columns {
		b.WriteString(",\n\t" + c.sql)
	}
	fmt.Fprintf(&b, "\nFROM (SELECT *, %s AS locked FROM picked p) p", locked)
	if uses(columns, "x.") {
		b.WriteString(`
LEFT JOIN LATERAL (SELECT sum(pg_stat_get_numscans(i.indexrelid)) AS scans, sum(pg_stat_get_tuples_fetched(i.indexrelid)) AS fetched,
	sum(pg_stat_get_blocks_fetched(i.indexrelid)) AS blocks, sum(pg_stat_get_blocks_hit(i.indexrelid)) AS hit
	FROM pg_index i WHERE i.indrelid = p.oid) x ON true`)
	}
	if uses(columns, "t.") {
		b.WriteString(`
LEFT JOIN LATERAL (SELECT sum(pg_stat_get_blocks_fetched(i.indexrelid)) AS blocks, sum(pg_stat_get_blocks_hit(i.indexrelid)) AS hit
	FROM pg_index i WHERE i.indrelid = p.toast) t ON true`)
	}
	if uses(columns, "w.") {
		b.WriteString(rowWidth)
	}
	if !math.IsInf(p.above, -1) {
		fmt.Fprintf(&b, "\nWHERE p.pages > %.0f", p.above)
	}
	return b.String()
}

// uses tells whether one of the columns is over a part of the statement.
func uses(columns []column, part string) bool {
	for _, c := range columns {
		if strings.Contains(" "+c.sql, " "+part) || strings.Contains(c.sql, "("+part) {
			return true
		}
	}
	return false
}

func families(columns []column) []*frame.Family {
	all := make([]*frame.Family, len(columns))
	for i, c := range columns {
		all[i] = c.family
	}
	return all
}

// tableValues reads the columns of one row; NaN is what is not known.
func tableValues(columns []column, row [][]byte) []float64 {
	values := make([]float64, len(columns))
	for i, c := range columns {
		values[i] = number(row[i])
		if row[i] == nil && c.unknown {
			values[i] = math.NaN()
		}
	}
	return values
}

func sendTable(s *frame.Sink, columns []column, values []float64, labels ...string) {
	for i, c := range columns {
		if !math.IsNaN(values[i]) {
			s.Send(c.family, values[i], labels...)
		}
	}
}
