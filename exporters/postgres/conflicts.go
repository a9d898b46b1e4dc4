package postgres

import "tocsin/internal/frame"

var conflictsTotal = &frame.Family{
	Name: "tocsin_postgres_recovery_conflicts_total", Type: frame.Counter, Labels: []string{"kind"},
	Help: "How many queries of a standby were cancelled because replay needed what they used, by kind: tablespace, lock, snapshot, bufferpin, deadlock, logicalslot.",
}

// conflicts counts, over all databases, what replay has cancelled.
var conflicts = &query{
	name:   "recovery_conflicts",
	labels: []string{"kind"},
	values: []value{{column: "count", family: conflictsTotal}},
	variants: []variant{
		{v16, fill(conflictsSQL, "%NEWER%", ", ('logicalslot', logicalslot)", "%SUM%", ", sum(confl_active_logicalslot) AS logicalslot")},
		{v9_4, fill(conflictsSQL, "%NEWER%", "", "%SUM%", "")},
	},
}

const conflictsSQL = `SELECT k.kind, k.count
FROM (SELECT sum(confl_tablespace) AS tablespace, sum(confl_lock) AS lock, sum(confl_snapshot) AS snapshot,
	sum(confl_bufferpin) AS bufferpin, sum(confl_deadlock) AS deadlock%SUM% FROM pg_stat_database_conflicts) c
CROSS JOIN LATERAL (VALUES ('tablespace', tablespace), ('lock', lock), ('snapshot', snapshot), ('bufferpin', bufferpin),
	('deadlock', deadlock)%NEWER%) AS k(kind, count)
WHERE pg_is_in_recovery()`
