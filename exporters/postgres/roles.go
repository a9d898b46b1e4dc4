package postgres

// roles is how many connections each role may have (view pg_roles).
var roles = &query{
	name: "roles", labels: []string{"rolname"},
	values:   []value{gauge("rolconnlimit", "pg_roles_connection_limit", "How many connections the role may have; -1 is any number.", "rolname")},
	variants: []variant{{v9_4, `SELECT rolname, rolconnlimit FROM pg_roles`}},
}
