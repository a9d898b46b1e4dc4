package postgres

// postmaster is since when the server runs.
var postmaster = &query{
	name: "postmaster", onDemand: true,
	values:   []value{gauge("start", "pg_postmaster_start_time_seconds", "When the server was started.")},
	variants: []variant{{v9_4, `SELECT extract(epoch FROM pg_postmaster_start_time()) AS start`}},
}
