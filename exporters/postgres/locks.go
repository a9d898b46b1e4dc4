package postgres

import "tocsin/internal/frame"

// locks counts what is locked how, of each database and mode that there is,
// 0 included (view pg_locks).
var locks = &query{
	name:   "locks",
	labels: []string{"datname", "mode"},
	values: []value{{column: "count", family: &frame.Family{
		Name: "pg_locks_count", Type: frame.Gauge, Labels: []string{"datname", "mode"},
		Help: "How many locks of a mode there are in a database, those that are waited for included.",
	}}},
	variants: []variant{{v9_4, `
SELECT d.datname, m.mode, coalesce(l.count, 0) AS count
FROM pg_database d
CROSS JOIN (VALUES ('accesssharelock'), ('rowsharelock'), ('rowexclusivelock'), ('shareupdateexclusivelock'), ('sharelock'),
	('sharerowexclusivelock'), ('exclusivelock'), ('accessexclusivelock'), ('sireadlock')) AS m(mode)
LEFT JOIN (SELECT database, lower(mode) AS mode, count(*) AS count FROM pg_locks WHERE database IS NOT NULL GROUP BY 1, 2) AS l
	ON l.database = d.oid AND l.mode = m.mode`}},
}
