package postgres

// activity counts sessions by what they do (view pg_stat_activity), without our
// own; each database has each state, 0 included.
var activity = &query{
	name: "stat_activity", labels: activityLabels, needs: allStats,
	values: []value{
		zero(gauge("count", "pg_stat_activity_count", "How many sessions are in this state.", activityLabels...)),
		zero(gauge("longest", "pg_stat_activity_max_tx_duration", "For how many seconds the longest transaction among them has run.", activityLabels...)),
	},
	variants: []variant{
		{v10, activityText("backend_type, wait_event_type, wait_event", "backend_type, wait_event_type, wait_event")},
		{v9_6, activityText("''::text AS backend_type, wait_event_type, wait_event", "wait_event_type, wait_event")},
		{v9_4, activityText("''::text AS backend_type, ''::text AS wait_event_type, ''::text AS wait_event", "")},
	},
}

var activityLabels = []string{"datname", "state", "usename", "application_name", "backend_type", "wait_event_type", "wait_event"}

func activityText(columns, groups string) string {
	if groups != "" {
		groups = ", " + groups
	}
	return `SELECT d.datname, s.state, usename, application_name, backend_type, wait_event_type, wait_event, count, longest
FROM (VALUES ('active'), ('idle'), ('idle in transaction'), ('idle in transaction (aborted)'), ('fastpath function call'), ('disabled')) AS s(state)
CROSS JOIN pg_database d
LEFT JOIN (SELECT datid, state, usename, application_name, ` + columns + `, count(*) AS count,
	max(extract(epoch FROM now() - xact_start)) AS longest
	FROM pg_stat_activity WHERE pid <> pg_backend_pid() GROUP BY datid, state, usename, application_name` + groups + `) AS a
	ON a.datid = d.oid AND a.state = s.state`
}

// autovacuums are the tables that autovacuum is at, and since when.
var autovacuums = &query{
	name: "stat_activity_autovacuum", labels: []string{"relname"}, needs: allStats, onDemand: true,
	values: []value{gauge("since", "pg_stat_activity_autovacuum_timestamp_seconds", "When the autovacuum of the table began.", "relname")},
	variants: []variant{{v9_4, `SELECT split_part(query, '.', 2) AS relname, min(extract(epoch FROM xact_start)) AS since
FROM pg_stat_activity WHERE query LIKE 'autovacuum:%' GROUP BY 1`}},
}

// longTransactions are those that run; the name of the oldest one's age is
// postgres_exporter's.
var longTransactions = &query{
	name: "long_running_transactions", needs: allStats, onDemand: true,
	values: []value{
		gauge("count", "pg_long_running_transactions", "How many transactions run, but for idle sessions, autovacuum and our own."),
		zero(gauge("oldest", "pg_long_running_transactions_oldest_timestamp_seconds", "For how many seconds the oldest of them has run; 0 for none.")),
	},
	variants: []variant{{v9_4, `SELECT count(*) AS count, max(extract(epoch FROM clock_timestamp() - xact_start)) AS oldest FROM pg_stat_activity
WHERE state IS DISTINCT FROM 'idle' AND query NOT LIKE 'autovacuum:%' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()`}},
}
