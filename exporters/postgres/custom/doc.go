// Package custom asks a PostgreSQL server a site's own queries, and makes
// metrics of their rows. They are written in the site file, or in the old form
// of postgres_exporter's queries.yaml.
//
// A query can do no harm: it is one statement, in a transaction that only
// reads, bounded in time and in rows. What it gives beyond what it declared, of
// the wrong type or twice, is left out and told; the page and the other queries
// stand.
package custom
