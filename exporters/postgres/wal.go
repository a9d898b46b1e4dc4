package postgres

// wal is how much of the write-ahead log lies there. Before version 10 only a
// superuser may see it.
var wal = &query{
	name: "wal",
	values: []value{
		gauge("segments", "pg_wal_segments", "Files of the write-ahead log."),
		gauge("size", "pg_wal_size_bytes", "What they take."),
	},
	variants: []variant{
		{v10, `SELECT count(*) AS segments, sum(size) AS size FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'`},
		{v9_4, `SELECT count(*) AS segments, sum((pg_stat_file('pg_xlog/' || name)).size) AS size FROM pg_ls_dir('pg_xlog') AS name
WHERE name ~ '^[0-9A-F]{24}$'`},
	},
}

// xlogLocation is where the write-ahead log stands, the low 52 bits of it, as
// postgres_exporter tells it of servers before version 10.
var xlogLocation = &query{
	name: "xlog_location", onDemand: true, before: v10,
	values: []value{gauge("bytes", "pg_xlog_location_bytes",
		"Where the write-ahead log is being written, or replayed on a standby, in bytes; the low 52 bits of it. Only before PostgreSQL 10.")},
	variants: []variant{{v9_4, `SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_replay_location() ELSE pg_current_xlog_location() END - '0/0')
	% (2 ^ 52)::bigint AS bytes`}},
}
