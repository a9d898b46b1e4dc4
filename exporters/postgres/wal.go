package postgres

import "tocsin/internal/frame"

// wal measures the folder of WAL. Servers before 10 let only superusers look.
var wal = &query{
	name: "wal",
	values: []value{
		{column: "segments", family: &frame.Family{Name: "pg_wal_segments", Type: frame.Gauge, Help: "How many WAL files there are."}},
		{column: "size", family: &frame.Family{Name: "pg_wal_size_bytes", Type: frame.Gauge, Help: "How large they are together."}},
	},
	variants: []variant{{v10, `SELECT count(*) AS segments, sum(size) AS size FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'`}},
}

// xlogLocation is the drop-in name of the position before 10.
var xlogLocation = &query{
	name:     "xlog_location",
	onDemand: true, before: v10,
	values: []value{{column: "bytes", family: &frame.Family{
		Name: "pg_xlog_location_bytes", Type: frame.Gauge,
		Help: "The server's WAL position, written or replayed, in bytes, modulo 2^52; before 10.",
	}}},
	variants: []variant{{v9_4, `SELECT pg_xlog_location_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_replay_location()
	ELSE pg_current_xlog_location() END, '0/0') % (2^52)::bigint AS bytes`}},
}

// walWritten counts WAL. The position survives a reset of the statistics; a
// new timeline goes on where the old one ended.
var walWritten = &query{
	name: "wal_written",
	values: []value{
		{column: "bytes", family: &frame.Family{
			Name: "tocsin_postgres_wal_bytes_total", Type: frame.Counter,
			Help: "How many bytes of WAL were written, or on a standby received, since the cluster was made: its position.",
		}},
		{column: "wal_records", family: &frame.Family{
			Name: "tocsin_postgres_wal_records_total", Type: frame.Counter, Help: "How many WAL records were written; from 14 on.",
		}},
		{column: "wal_fpi", family: &frame.Family{
			Name: "tocsin_postgres_wal_full_page_images_total", Type: frame.Counter,
			Help: "How many whole pages went into WAL, as the first change after a checkpoint takes them; from 14 on.",
		}},
		{column: "wal_buffers_full", family: &frame.Family{
			Name: "tocsin_postgres_wal_buffers_full_total", Type: frame.Counter,
			Help: "How often WAL had to be written because wal_buffers was full; from 14 on.",
		}},
	},
	variants: []variant{
		{v14, walWrittenSQL + ", wal_records, wal_fpi, wal_buffers_full FROM pg_stat_wal"},
		{v10, walWrittenSQL},
		{v9_4, before10(walWrittenSQL)},
	},
}

const walWrittenSQL = `SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
	ELSE pg_current_wal_lsn() END, '0/0') AS bytes`
