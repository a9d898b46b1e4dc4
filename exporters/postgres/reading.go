package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tocsin/internal/frame"
)

// A reading is a question whose answer a function turns into metrics: where
// one set of labels for all values, as a query has it, does not do, or where
// what an earlier scrape saw matters. It serves one server.
type reading struct {
	name     string
	declared []*frame.Family
	// variants are its texts, of the newest version first; see query.variants.
	variants []variant
	send     func(rows []row, s *frame.Sink) error
	server   *server
	query    *query // as the connection prepares it
}

// maxRows bounds what one answer may have: a server has no more senders, slots
// or backups than its settings allow.
const maxRows = 10_000

// A row is one row of an answer: its columns by name, without those that are
// NULL.
type row map[string]string

// text is a column as text; NULL is "".
func (r row) text(column string) string { return strings.ToValidUTF8(r[column], "\uFFFD") }

// is tells whether a boolean column is true.
func (r row) is(column string) bool { return r[column] == "t" }

// number is a column as a number; ok is false for NULL and for what is none.
func (r row) number(column string) (n float64, ok bool) {
	text, ok := r[column]
	if !ok {
		return 0, false
	}
	n, err := parse([]byte(text))
	return n, err == nil
}

// sendTo sends a column, if it is not NULL.
func (r row) sendTo(s *frame.Sink, f *frame.Family, column string, labels ...string) {
	if n, ok := r.number(column); ok {
		s.Send(f, n, labels...)
	}
}

// Name implements frame.Collector.
func (r *reading) Name() string { return r.name }

// Families implements frame.Collector.
func (r *reading) Families() []*frame.Family { return r.declared }

// Collect implements frame.Collector.
func (r *reading) Collect(ctx context.Context, s *frame.Sink) error {
	return r.server.with(ctx, "", func(c *conn) error {
		if r.query == nil { // with has one at a time in here
			r.query = &query{name: r.name, variants: r.variants}
		}
		rows, err := answer(ctx, c, r.query)
		if err != nil {
			return err
		}
		return r.send(rows, s)
	})
}

// answer asks and reads all rows.
func answer(ctx context.Context, c *conn, q *query) ([]row, error) {
	var all []row
	err := c.ask(ctx, q, func(st *statement, raw [][]byte) error {
		if len(all) == maxRows {
			return fmt.Errorf("the answer has more than %d rows", maxRows)
		}
		r := make(row, len(raw))
		for i, field := range raw {
			if field != nil {
				r[st.columns[i].Name] = string(field)
			}
		}
		all = append(all, r)
		return nil
	})
	return all, err
}

// hidden is the failure of a view that shows rows to everybody, and what is in
// them to those who may see it: NULL would pass for nothing.
func hidden(view string) error {
	return frame.Fail(frame.ReasonPermission, errors.New("this user does not see what is in "+view+"; GRANT pg_monitor TO the user"))
}

// before10 writes a statement in the words of servers before 10, which said
// xlog for WAL and location for LSN (release notes of 10, E.22.2).
func before10(sql string) string { return olderWords.Replace(sql) }

var olderWords = strings.NewReplacer(
	"pg_wal_lsn_diff", "pg_xlog_location_diff",
	"pg_current_wal_lsn", "pg_current_xlog_location",
	"pg_last_wal_receive_lsn", "pg_last_xlog_receive_location",
	"pg_last_wal_replay_lsn", "pg_last_xlog_replay_location",
	"pg_is_wal_replay_paused", "pg_is_xlog_replay_paused",
	"pg_walfile_name", "pg_xlogfile_name",
	"confirmed_flush_lsn", "confirmed_flush_lsn", // 9.6 has it by this name
	"sent_lsn", "sent_location",
	"write_lsn", "write_location",
	"flush_lsn", "flush_location",
	"replay_lsn", "replay_location",
)

// fill puts words in the places of a statement that differ between versions.
func fill(sql string, placesAndWords ...string) string {
	return strings.NewReplacer(placesAndWords...).Replace(sql)
}
