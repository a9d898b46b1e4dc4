// Package depth tells what is inside the databases of a PostgreSQL server:
// their tables, indexes, sequences and schemas, and the statements that cost
// most. It does not measure the server as a whole; package postgres does, and
// lends it the one connection that a server is asked over.
//
// Two clocks. At each scrape the tables of the DSN's own database are told, as
// postgres_exporter tells them. The walk goes through all databases one after
// another on a clock of its own, and is told under the same names, with what
// postgres_exporter has not beside them as tocsin_postgres_*. How many tables,
// schemas, indexes and sequences are told one by one is bounded for the whole
// server, and what was left out is counted.
//
// Sizes. pg_table_size and its kin open each relation: they wait behind a
// TRUNCATE or a VACUUM FULL, fill the connection's memory with tens of
// thousands of relations, and look at each file. So the walk ranks and adds up
// by pg_class.relpages, which VACUUM, ANALYZE and CREATE INDEX keep (some
// percent behind where autovacuum runs), and measures only those tables that
// are told one by one, without those that somebody has locked.
package depth
