package postgres

// vacuums is how far each VACUUM that runs has come (view
// pg_stat_progress_vacuum, from version 9.6 on). Tables of other databases than
// that of the DSN are numbers. Version 17 counts bytes instead of
// max_dead_tuples, which is not sent then.
var vacuums = &query{
	name: "stat_progress_vacuum", labels: []string{"datname", "relname", "phase"}, needs: allStats,
	values: []value{
		gauge("now", "pg_stat_progress_vacuum_phase", "Whether it is in this phase.", "datname", "relname", "phase"),
		gauge("heap_blks_total", "pg_stat_progress_vacuum_heap_blks", "Blocks of the table.", "datname", "relname"),
		gauge("heap_blks_scanned", "pg_stat_progress_vacuum_heap_blks_scanned", "Blocks scanned.", "datname", "relname"),
		gauge("heap_blks_vacuumed", "pg_stat_progress_vacuum_heap_blks_vacuumed", "Blocks vacuumed.", "datname", "relname"),
		gauge("index_vacuum_count", "pg_stat_progress_vacuum_index_vacuums", "How often its indexes were gone through.", "datname", "relname"),
		gauge("max_dead_tuples", "pg_stat_progress_vacuum_max_dead_tuples", "How many dead rows fit before the indexes are gone through.", "datname", "relname"),
		gauge("num_dead_tuples", "pg_stat_progress_vacuum_num_dead_tuples", "Dead rows found since they last were.", "datname", "relname"),
	},
	variants: []variant{
		{v17, vacuumText("NULL", "num_dead_item_ids")},
		{v9_6, vacuumText("max_dead_tuples", "num_dead_tuples")},
	},
}

// vacuumText gives a row a phase. What has no phase stands in the first.
func vacuumText(most, dead string) string {
	return `SELECT v.datname, coalesce(CASE WHEN v.datname = current_database() THEN relid::regclass::text END, relid::text) AS relname,
	p.phase, v.phase = p.phase AS now, CASE WHEN first THEN heap_blks_total END AS heap_blks_total,
	CASE WHEN first THEN heap_blks_scanned END AS heap_blks_scanned, CASE WHEN first THEN heap_blks_vacuumed END AS heap_blks_vacuumed,
	CASE WHEN first THEN index_vacuum_count END AS index_vacuum_count, CASE WHEN first THEN ` + most + ` END AS max_dead_tuples,
	CASE WHEN first THEN ` + dead + ` END AS num_dead_tuples
FROM pg_stat_progress_vacuum v CROSS JOIN (VALUES ('initializing', true), ('scanning heap', false), ('vacuuming indexes', false),
	('vacuuming heap', false), ('cleaning up indexes', false), ('truncating heap', false), ('performing final cleanup', false)) AS p(phase, first)`
}
