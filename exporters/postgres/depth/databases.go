package depth

import (
	"context"
	"encoding/hex"
	"fmt"

	"tocsin/internal/frame"
)

var datname = []string{"datname"}

func databaseGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "tocsin_postgres_database_" + name, Type: frame.Gauge, Labels: datname, Help: help}
}

var (
	databaseXIDAge = databaseGauge("xid_age",
		"How many transactions the oldest unfrozen row of the database is old; at 2 billion the server stops taking writes.")
	databaseMultixactAge = databaseGauge("multixact_age",
		"The same of multixacts, by which rows are locked by several.")
	databaseWalked = databaseGauge("walked",
		"Whether the newest walk could look into the database.")
	databaseFailure = &frame.Family{
		Name: "tocsin_postgres_database_failure_info", Type: frame.Gauge, Labels: []string{"datname", "reason"},
		Help: "Why the newest walk could not look into the database, or not into all of it, by the reasons of collectors; dropped is a database that went during the walk.",
	}
)

// dropped is the reason of a database that went during the walk. It is no
// failure: there is nothing left to watch.
const dropped = "dropped"

// A database is one that the server lists.
type database struct {
	// bytes is its name as the server keeps it, which may be in any encoding.
	bytes string
	// label is the same as a label.
	label          string
	own            bool // the DSN's
	locked         bool // somebody holds a catalogue of it
	allowsNone     bool // datallowconn is off, or it is half dropped
	template       bool
	mayConnect     bool
	xid, multixact float64 // -1: not known
}

// listSQL lists the databases. Names are read as bytes: the connection would
// take them for its own database's encoding. mxid_age is there from 9.5 on;
// datconnlimit -2 marks a database whose DROP was cut off. Where somebody holds
// a catalogue (their oids are below 16384), a new connection would wait without
// end, and take a place on the server even after we gave up.
func listSQL(version int) string {
	multixact := "mxid_age(d.datminmxid)"
	if version < 90500 {
		multixact = "-1"
	}
	return fmt.Sprintf(`WITH held AS (SELECT l.database FROM pg_locks l WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.relation < 16384)
SELECT encode(replace(d.datname::text, E'\\', E'\\\\')::bytea, 'hex'), d.datname = current_database(), NOT d.datallowconn OR d.datconnlimit = -2,
	d.datistemplate, has_database_privilege(d.oid, 'CONNECT'), age(d.datfrozenxid), %s,
	d.oid IN (SELECT h.database FROM held h)
FROM pg_database d ORDER BY d.oid`, multixact)
}

func listDatabases(ctx context.Context, source Source) ([]database, error) {
	var all []database
	err := source.With(ctx, "", func(c Conn) error {
		return each(ctx, c, listSQL(c.Version()), func(row [][]byte) {
			name, _ := hex.DecodeString(string(row[0])) // encode wrote it
			all = append(all, database{
				bytes: string(name), label: text(name), own: truth(row[1]), allowsNone: truth(row[2]),
				template: truth(row[3]), mayConnect: truth(row[4]), xid: number(row[5]), multixact: number(row[6]),
				locked: truth(row[7]),
			})
		})
	})
	return all, err
}

// skipped says why a database is not walked into, or "".
func (w *walk) skipped(d database) string {
	switch {
	case d.template && w.cfg.Databases.Include == "", !w.chooses(d.label):
		return notChosen
	case d.allowsNone:
		return admitsNone
	}
	return ""
}

// A Database is one that a query is asked in.
type Database struct {
	Name  string // as Source.With takes it
	Label string
}

// Databases lists those that are chosen and admit anybody; templates are not
// among them.
func Databases(ctx context.Context, source Source, chooses func(name string) bool) ([]Database, error) {
	all, err := listDatabases(ctx, source)
	var chosen []Database
	for _, d := range all {
		if d.template || d.allowsNone || !chooses(d.label) {
			continue
		}
		name := d.bytes
		if d.own {
			name = ""
		}
		chosen = append(chosen, Database{Name: name, Label: d.label})
	}
	return chosen, err
}
