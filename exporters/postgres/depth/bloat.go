package depth

import "tocsin/internal/frame"

// bloatColumn estimates what VACUUM FULL would give back of a table.
//
// The method is the one that check_postgres made known: the pages that its rows
// would fill by their average width (pg_stats), the table's fill factor and the
// head of a row, against the pages that it has (pg_class). Its errors: as old
// as the newest ANALYZE; the bytes between columns that alignment takes are not
// known, so that tables of many narrow columns seem bloated, by a tenth mostly,
// by a third at worst; what a row has in TOAST is not looked at. It is unknown
// where pg_stats shows nothing: the table was never analyzed, or the user may
// not read it (GRANT pg_read_all_data, from 14 on; GRANT SELECT before).
var bloatColumn = column{
	family: &frame.Family{
		Name: "tocsin_postgres_table_bloat_bytes", Type: frame.Gauge, Labels: tableLabels,
		Help: "About how much of the table on disk holds no row, without TOAST and indexes, by the widths of pg_stats; absent where those may not be read.",
	},
	sql: `CASE WHEN w.known AND p.reltuples >= 0 THEN
	greatest(0, p.relpages - ceil(p.reltuples / greatest(1, floor((w.page - 24) * w.fill / w.width)))) * w.page END`,
	unknown: true,
}

// rowWidth is the average width of a table's rows on disk, with the line
// pointer, as w. The head of a row is 23 bytes and a bit for each column where
// one is NULL; head and row are each filled up to 8 bytes.
const rowWidth = `
LEFT JOIN LATERAL (SELECT
	(SELECT count(*) FROM pg_attribute a WHERE a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped) = count(*) AND count(*) > 0 AS known,
	current_setting('block_size')::float8 AS page,
	coalesce(substring(array_to_string(p.reloptions, ' ') FROM 'fillfactor=([0-9]+)')::float8, 100) / 100 AS fill,
	4 + ceil((23 + CASE WHEN max(s.null_frac) > 0 THEN ceil(count(*) / 8.0) ELSE 0 END) / 8) * 8
		+ ceil(coalesce(sum((1 - s.null_frac) * s.avg_width), 0)::float8 / 8) * 8 AS width
	FROM pg_stats s WHERE s.schemaname = p.nspname AND s.tablename = p.relname AND NOT s.inherited) w ON true`
