// Package postgres measures PostgreSQL servers as pg_*, under the names, types
// and labels of postgres_exporter, with what that does not tell beside them as
// tocsin_postgres_*.
//
// It is never a burden: one connection a server, however many queries and
// databases there are; it only reads; every statement is bounded in time, and
// in how long it waits for a lock. A query that fails costs its own metrics and
// says why.
//
// One query a file, with what differs between the server's versions beside it;
// all.go lists them.
package postgres
