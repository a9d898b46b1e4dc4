package postgres

import (
	"fmt"

	"tocsin/internal/frame"
)

// static says which version the server has, as a label: postgres_exporter's
// pg_static.
func static(address string) *query {
	labels := []string{"server", "short_version", "version"}
	q := &query{
		name: "static", labels: labels, fixed: []string{address, "", ""},
		values: []value{gauge("one", "pg_static", "Which version the server has; always 1.", labels...)},
		variants: []variant{
			{v10, fmt.Sprintf(staticText, `n / 10000 || '.' || n % 10000 || '.0'`)},
			{v9_4, fmt.Sprintf(staticText, `n / 10000 || '.' || n / 100 % 100 || '.' || n % 100`)},
		},
	}
	q.values[0].family.Type = frame.Untyped
	return q
}

const staticText = `SELECT version() AS version, %s AS short_version, 1 AS one FROM (SELECT current_setting('server_version_num')::int AS n) AS v`
