package postgres

import "tocsin/internal/frame"

// upkeep tells what only an administrator can mend, and what changes slowly.
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
	},
	variants: []variant{
		{v12, `SELECT (SELECT count(*) FROM pg_settings WHERE pending_restart) AS pending,
	(SELECT sum(checksum_failures) FROM pg_stat_database) AS checksum_failures`},
		{v9_5, `SELECT count(*) AS pending FROM pg_settings WHERE pending_restart`},
	},
}
