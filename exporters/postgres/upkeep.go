package postgres

import "tocsin/internal/frame"

// upkeep tells what only an administrator can mend, and what changes slowly.
// What was given on the command line is given again at a restart, whatever the
// file says: a reload marks it as pending all the same.
var upkeep = &query{
	name: "upkeep",
	values: []value{
		{column: "pending", family: &frame.Family{
			Name: "tocsin_postgres_settings_pending_restart", Type: frame.Gauge,
			Help: "How many settings were changed in the file and wait for a restart; from 9.5 on.",
		}},
		{column: "checksum_failures", family: &frame.Family{
			Name: "tocsin_postgres_checksum_failures_total", Type: frame.Counter,
			Help: "How many pages did not match their checksum, over all databases; from 12 on, where checksums are on.",
		}},
		{column: "requested", family: &frame.Family{
			Name: "tocsin_postgres_checkpoints_requested_total", Type: frame.Counter,
			Help: "How many checkpoints came before their time: because of max_wal_size, a command or a backup. One name for all versions.",
		}},
	},
	variants: []variant{
		{v17, fill(upkeepSQL, "%REQUESTED%", requestedCheckpoints17) + checksumFailures},
		{v12, fill(upkeepSQL, "%REQUESTED%", requestedCheckpoints) + checksumFailures},
		{v9_5, fill(upkeepSQL, "%REQUESTED%", requestedCheckpoints)},
		{v9_4, `SELECT checkpoints_req AS requested FROM pg_stat_bgwriter`},
	},
}

const (
	upkeepSQL = `SELECT %REQUESTED% AS requested,
	(SELECT count(*) FROM pg_settings WHERE pending_restart AND source <> 'command line') AS pending`
	requestedCheckpoints   = "(SELECT checkpoints_req FROM pg_stat_bgwriter)"
	requestedCheckpoints17 = "(SELECT num_requested FROM pg_stat_checkpointer)"
	checksumFailures       = ",\n\t(SELECT sum(checksum_failures) FROM pg_stat_database) AS checksum_failures"
)
