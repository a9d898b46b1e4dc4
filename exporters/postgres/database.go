package postgres

// databases is how large each database is. One that is dropped meanwhile has no
// size (NULL) rather than an error, because it is asked by its number; one that
// this user may not connect to has none either, and is told.
var databases = &query{
	name: "database", labels: []string{"datname"}, needs: allStats,
	values: []value{
		gauge("size", "pg_database_size_bytes", "Disk space used by the database.", "datname"),
		gauge("datconnlimit", "pg_database_connection_limit", "How many connections the database may have; -1 is any number.", "datname"),
	},
	variants: []variant{
		{v10, `SELECT datname, datconnlimit, CASE WHEN has_database_privilege(oid, 'CONNECT') OR
	(SELECT pg_has_role(oid, 'USAGE') FROM pg_roles WHERE rolname = 'pg_read_all_stats') THEN pg_database_size(oid) END AS size FROM pg_database`},
		{v9_4, `SELECT datname, datconnlimit, CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END AS size FROM pg_database`},
	},
}

// wraparound is how far the oldest row of each database is from being read
// wrong: PostgreSQL stops at about 2 ^ 31. The unit in the name is
// postgres_exporter's; it counts transactions.
var wraparound = &query{
	name: "database_wraparound", labels: []string{"datname"}, onDemand: true,
	values: []value{
		gauge("xid", "pg_database_wraparound_age_datfrozenxid_seconds", "How many transactions ago the oldest was that is not frozen.", "datname"),
		gauge("mxid", "pg_database_wraparound_age_datminmxid_seconds", "How many multixacts ago the oldest was that is not replaced.", "datname"),
	},
	variants: []variant{
		{v9_5, `SELECT datname, age(datfrozenxid) AS xid, mxid_age(datminmxid) AS mxid FROM pg_database WHERE datallowconn`},
		{v9_4, `SELECT datname, age(datfrozenxid) AS xid FROM pg_database WHERE datallowconn`},
	},
}
