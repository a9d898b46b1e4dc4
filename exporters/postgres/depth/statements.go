package depth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/frame"
	"tocsin/internal/lazy"
)

var statementLabels = []string{"user", "datname", "queryid"}

func statementFamily(name, help string) *frame.Family {
	return &frame.Family{Name: "pg_stat_statements_" + name, Type: frame.Counter, Labels: statementLabels, Help: help}
}

// The families of postgres_exporter's collector stat_statements.
var statementFamilies = []*frame.Family{
	statementFamily("calls_total", "How often the statement was executed."),
	statementFamily("seconds_total", "How long that took, in seconds."),
	statementFamily("rows_total", "Rows that it gave or changed."),
	statementFamily("block_read_seconds_total", "How long it waited for blocks to be read, in seconds; 0 without track_io_timing."),
	statementFamily("block_write_seconds_total", "How long it waited for blocks to be written, in seconds; 0 without track_io_timing."),
}

// statements tells which statements took most time. Their texts are not read:
// the server keeps them in a file, and each reading reads all of it.
type statements struct {
	source Source
	limit  int
}

// Name implements frame.Collector.
func (*statements) Name() string { return "stat_statements" }

// Families implements frame.Collector.
func (*statements) Families() []*frame.Family {
	return append(slices.Clip(statementFamilies), leftOut)
}

// Collect implements frame.Collector.
func (q *statements) Collect(ctx context.Context, s *frame.Sink) error {
	return q.source.With(ctx, "", func(c Conn) error {
		from, err := findStatements(ctx, c)
		if err != nil {
			return err
		}
		told, total, hidden := 0, 0.0, 0.0
		err = each(ctx, c, from.topSQL(q.limit), func(row [][]byte) {
			if row[2] == nil {
				hidden = number(row[3])
				return
			}
			told++
			total = number(row[8])
			labels := []string{text(row[0]), text(row[1]), text(row[2])}
			for i, f := range statementFamilies {
				s.Send(f, number(row[3+i]), labels...)
			}
		})
		if err != nil {
			return err
		}
		s.Send(leftOut, max(total-float64(told), 0), "statement", beyondLimit)
		if hidden > 0 {
			return frame.Fail(frame.ReasonPermission, fmt.Errorf("%.0f statements of other users are hidden from this one; GRANT pg_read_all_stats TO it", hidden))
		}
		return nil
	})
}

// A statementsView is pg_stat_statements as it is installed.
type statementsView struct {
	schema  string // quoted
	version int    // its second number: 10 of 1.10
}

// findStatements looks for the extension; it may lie in any schema, and be
// older than its server after an upgrade.
func findStatements(ctx context.Context, c Conn) (view statementsView, err error) {
	found, database := false, ""
	err = each(ctx, c, `SELECT current_database(), quote_ident(n.nspname), e.extversion FROM (SELECT 1) one
LEFT JOIN pg_extension e ON e.extname = 'pg_stat_statements' LEFT JOIN pg_namespace n ON n.oid = e.extnamespace`, func(row [][]byte) {
		database = text(row[0])
		if row[1] == nil {
			return
		}
		found, view.schema = true, string(row[1])
		_, minor, _ := strings.Cut(string(row[2]), ".")
		view.version, _ = strconv.Atoi(minor) // 0, the oldest, if it is none
	})
	if err == nil && !found {
		err = frame.Fail(frame.ReasonRefused, fmt.Errorf("database %q has no pg_stat_statements; "+
			"add it to shared_preload_libraries, restart the server, and CREATE EXTENSION pg_stat_statements there", database))
	}
	return view, err
}

// columns are what the times are called: version 1.8 tells planning apart, 1.11
// local blocks.
func (v statementsView) columns() (total, read, write string) {
	total, read, write = "total_time", "blk_read_time", "blk_write_time"
	if v.version >= 8 {
		total = "total_exec_time"
	}
	if v.version >= 11 {
		read, write = "shared_blk_read_time", "shared_blk_write_time"
	}
	return total, read, write
}

// topSQL asks the n statements that took most time, and in one row without
// queryid how many are hidden. From 1.9 on one statement can be there twice,
// called by itself and by a function: they are added up.
func (v statementsView) topSQL(n int) string {
	total, read, write := v.columns()
	return fmt.Sprintf(`WITH s AS (SELECT * FROM %s.pg_stat_statements(false)),
grouped AS (
	SELECT pg_get_userbyid(s.userid) AS usename, d.datname, s.queryid, sum(s.calls) AS calls, sum(s.%s) / 1000 AS seconds, sum(s.rows) AS rows,
		sum(s.%s) / 1000 AS reading, sum(s.%s) / 1000 AS writing
	FROM s JOIN pg_database d ON d.oid = s.dbid WHERE s.queryid IS NOT NULL GROUP BY s.userid, d.datname, s.queryid)
(SELECT *, count(*) OVER () FROM grouped ORDER BY seconds DESC, queryid LIMIT %d)
UNION ALL
SELECT NULL, NULL, NULL, count(*), 0, 0, 0, 0, 0 FROM s WHERE s.queryid IS NULL`, v.schema, total, read, write, n)
}

// A Statement is one of those that took most time, with its text.
type Statement struct {
	User, Database, QueryID string
	Calls, Seconds, Rows    float64
	// Text is as the server keeps it: constants are $1, $2; passwords of
	// utility statements are taken out.
	Text string
}

// maxText is how much of a statement's text is read.
const maxText = 10_000

// Statements reads the n statements that took most time with their texts, for
// a person who asks: it is dear, and texts belong in no metric.
func Statements(ctx context.Context, source Source, n int) ([]Statement, error) {
	var all []Statement
	err := source.With(ctx, "", func(c Conn) error {
		from, err := findStatements(ctx, c)
		if err != nil {
			return err
		}
		sql := fmt.Sprintf(`SELECT t.*, (SELECT left(x.query, %d) FROM %s.pg_stat_statements(true) x WHERE x.queryid = t.queryid LIMIT 1)
FROM (%s) t WHERE t.queryid IS NOT NULL ORDER BY t.seconds DESC`, maxText, from.schema, from.topSQL(n))
		return each(ctx, c, sql, func(row [][]byte) {
			all = append(all, Statement{
				User: text(row[0]), Database: text(row[1]), QueryID: text(row[2]),
				Calls: number(row[3]), Seconds: number(row[4]), Rows: number(row[5]),
				Text: withoutPasswords(text(row[9])),
			})
		})
	})
	if err == nil && len(all) == 0 {
		err = errors.New("it has counted no statement yet, or shows none to this user; GRANT pg_read_all_stats TO it")
	}
	return all, err
}

// password is a constant that follows the word, or that is one in an address;
// the server keeps utility statements as they were written.
var password = lazy.Regexp(`(?is)(password\s*=?\s*)(e?'(?:[^'\\]|''|\\.)*('|$)|\$([a-z_]*)\$.*)`)

func withoutPasswords(statement string) string {
	return password().ReplaceAllString(statement, "$1'[redacted]'")
}
