package depth

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Source lends connections to a server, one at a time.
type Source interface {
	// With hands a connection to use, in a database: "" is the one of the DSN.
	// It waits for its turn until ctx ends. Its errors have reasons.
	With(ctx context.Context, database string, use func(Conn) error) error
}

// A Conn is a connection to one database.
type Conn interface {
	// Refused says in words what the server answered.
	Refused(err error) error
	// PgConn is the connection itself.
	PgConn() *pgconn.PgConn
	// Version is the server's server_version_num.
	Version() int
}

// Grace is how much later than the server's own timeout we give up waiting.
const Grace = time.Second

// patience is when we give up a statement that the server should have ended
// itself: it is stopped, or the way to it is cut.
const patience = 3*time.Second + Grace

// each asks a statement and hands its rows over, one after another. The
// columns are text, nil for NULL, and belong to the caller until it returns.
func each(ctx context.Context, c Conn, sql string, fn func(row [][]byte)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows := c.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil) // not the simple protocol: pgx refuses it in SQL_ASCII
	for rows.NextRow() {
		fn(rows.Values())
	}
	_, err := rows.Close()
	return c.Refused(err)
}

// text is a name as a label has it. Bytes that are no UTF-8 (a database in
// SQL_ASCII may hold any) are written as \xe9, so that two names stay two.
func text(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	var b strings.Builder
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, raw[0])
		} else {
			b.Write(raw[:size])
		}
		raw = raw[size:]
	}
	return b.String()
}

// Text is how names stand in labels, here and in what else is told of a server:
// bytes that are no UTF-8 are written as \xe9.
func Text(raw []byte) string { return text(raw) }

// number reads a number as PostgreSQL writes it; NULL, and what is none, is 0.
func number(raw []byte) float64 {
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0
	}
	return n
}

func truth(raw []byte) bool { return string(raw) == "t" }

// The schemas that pg_stat_user_tables leaves out, as all here do.
const userSchema = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp_)'`

// lockedTables are the tables that somebody holds, or waits for, in a mode that
// lets nobody look at their sizes: by themselves, their TOAST tables or their
// indexes. Asking pg_locks waits for none of them.
const lockedTables = `locked AS (
	SELECT coalesce(o.oid, x.indrelid, l.relation) AS oid
	FROM pg_locks l
	LEFT JOIN pg_index x ON x.indexrelid = l.relation
	LEFT JOIN pg_class o ON o.reltoastrelid = coalesce(x.indrelid, l.relation)
	WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
		AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))`
