package postgres

// statDatabase is what was done in each database (view pg_stat_database).
var statDatabase = &query{
	name: "stat_database", labels: ofDatabase,
	values: []value{
		gauge("numbackends", "pg_stat_database_numbackends", "Sessions in this database.", ofDatabase...),
		counter("xact_commit", "pg_stat_database_xact_commit", "Transactions committed.", ofDatabase...),
		counter("xact_rollback", "pg_stat_database_xact_rollback", "Transactions rolled back.", ofDatabase...),
		counter("blks_read", "pg_stat_database_blks_read", "Blocks read from outside of the server's own cache.", ofDatabase...),
		counter("blks_hit", "pg_stat_database_blks_hit", "Blocks found in the server's own cache.", ofDatabase...),
		counter("tup_returned", "pg_stat_database_tup_returned", "Rows that queries read.", ofDatabase...),
		counter("tup_fetched", "pg_stat_database_tup_fetched", "Rows that queries fetched by an index.", ofDatabase...),
		counter("tup_inserted", "pg_stat_database_tup_inserted", "Rows inserted.", ofDatabase...),
		counter("tup_updated", "pg_stat_database_tup_updated", "Rows updated.", ofDatabase...),
		counter("tup_deleted", "pg_stat_database_tup_deleted", "Rows deleted.", ofDatabase...),
		counter("conflicts", "pg_stat_database_conflicts", "Queries cancelled because they were in the way of recovery, on a standby.", ofDatabase...),
		counter("temp_files", "pg_stat_database_temp_files", "Temporary files that queries made.", ofDatabase...),
		counter("temp_bytes", "pg_stat_database_temp_bytes", "What queries wrote into temporary files.", ofDatabase...),
		counter("deadlocks", "pg_stat_database_deadlocks", "Deadlocks found.", ofDatabase...),
		counter("blk_read_time", "pg_stat_database_blk_read_time", "How long sessions read blocks, in milliseconds; 0 unless track_io_timing is on.", ofDatabase...),
		counter("blk_write_time", "pg_stat_database_blk_write_time", "How long sessions wrote blocks, in milliseconds; 0 unless track_io_timing is on.", ofDatabase...),
		zero(counter("reset", "pg_stat_database_stats_reset", "When these numbers were last reset; 0 is never.", ofDatabase...)),
		scaled(counter("active_time", "pg_stat_database_active_time_seconds_total", "How long statements ran.", ofDatabase...), 1e-3),
	},
	variants: []variant{
		{v14, statDatabaseText(", active_time")},
		{v9_4, statDatabaseText("")},
	},
}

var ofDatabase = []string{"datid", "datname"}

func statDatabaseText(more string) string {
	return `SELECT datid, datname, numbackends, xact_commit, xact_rollback, blks_read, blks_hit, tup_returned, tup_fetched, tup_inserted,
	tup_updated, tup_deleted, conflicts, temp_files, temp_bytes, deadlocks, blk_read_time, blk_write_time,
	floor(extract(epoch FROM stats_reset)) AS reset` + more + ` FROM pg_stat_database WHERE datname IS NOT NULL`
}

// databaseConflicts are the queries that were in the way of recovery, by why (view
// pg_stat_database_conflicts).
func databaseConflicts(address string) *query {
	labels := []string{"datid", "datname", "server"}
	return &query{
		name: "stat_database_conflicts", labels: labels, fixed: []string{"", "", address},
		values: []value{
			counter("confl_tablespace", "pg_stat_database_conflicts_confl_tablespace", "Queries cancelled because a tablespace was dropped.", labels...),
			counter("confl_lock", "pg_stat_database_conflicts_confl_lock", "Queries cancelled because they waited for a lock for too long.", labels...),
			counter("confl_snapshot", "pg_stat_database_conflicts_confl_snapshot", "Queries cancelled because they read old rows.", labels...),
			counter("confl_bufferpin", "pg_stat_database_conflicts_confl_bufferpin", "Queries cancelled because they kept a buffer.", labels...),
			counter("confl_deadlock", "pg_stat_database_conflicts_confl_deadlock", "Queries cancelled because of a deadlock.", labels...),
		},
		variants: []variant{{v9_4, `SELECT datid, datname, confl_tablespace, confl_lock, confl_snapshot, confl_bufferpin, confl_deadlock
FROM pg_stat_database_conflicts`}},
	}
}
