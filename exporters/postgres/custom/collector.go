package custom

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/exporters/postgres/depth"
	"tocsin/internal/frame"
)

// A collector asks one query.
type collector struct {
	plan    *Plan
	source  depth.Source
	chooses func(name string) bool // nil: the DSN's own database
	taken   func(name string) bool
}

// Collectors returns one for each query. Asks tells databases that may be asked
// at all. Taken tells names that others have on the page: columns that a
// queries.yaml does not list may meet one of them.
func Collectors(plans []*Plan, source depth.Source, asks, taken func(name string) bool) []frame.Entry {
	var all []frame.Entry
	for _, p := range plans {
		c := &collector{plan: p, source: source, taken: taken}
		if p.Databases != "" {
			chosen := regexp.MustCompile(p.Databases) // Validate has proved it
			c.chooses = func(name string) bool { return chosen.MatchString(name) && asks(name) }
		}
		all = append(all, frame.Entry{Collector: c, Every: p.Every})
	}
	return all
}

// Name implements frame.Collector.
func (c *collector) Name() string { return "query_" + strings.ToLower(c.plan.Name) }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family { return c.plan.Families() }

// maxNamed is how many databases an error names.
const maxNamed = 5

// Collect implements frame.Collector.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	a := newAnswer(c.plan, s, c.taken)
	err := c.walk(ctx, a)
	a.finish()
	return errors.Join(err, a.err())
}

func (c *collector) walk(ctx context.Context, a *answer) error {
	if c.chooses == nil {
		return c.ask(ctx, "", "", a)
	}
	all, err := depth.Databases(ctx, c.source, c.chooses)
	if err != nil {
		return err
	}
	var wrong []error
	for i, d := range all {
		if err := c.ask(ctx, d.Name, d.Label, a); err != nil {
			if ctx.Err() != nil {
				return errors.Join(append(wrong, frame.Fail(frame.ReasonTimeout, fmt.Errorf("its time was up before %d of %d databases", len(all)-i, len(all))))...)
			}
			if len(wrong) < maxNamed {
				wrong = append(wrong, frame.Fail(frame.ReasonOf(err), fmt.Errorf("database %q: %w", d.Label, err)))
			}
			if a.rows > c.plan.Rows {
				break
			}
		}
	}
	return errors.Join(wrong...)
}

// begin opens a transaction that only reads, with the settings that the site's
// statements are written for: their user's search path, not ours.
const begin = "BEGIN READ ONLY; SET LOCAL statement_timeout = %d; SET LOCAL search_path TO DEFAULT; SET LOCAL datestyle = ISO"

// ask asks the query in one database.
func (c *collector) ask(ctx context.Context, name, label string, a *answer) error {
	return c.source.With(ctx, name, func(conn depth.Conn) error {
		if !c.plan.versions.has(conn.Version()) {
			return nil
		}
		own, cancel := context.WithTimeout(ctx, c.plan.Timeout+depth.Grace)
		defer cancel()
		pg := conn.PgConn()
		if _, err := pg.Exec(own, fmt.Sprintf(begin, c.plan.Timeout.Milliseconds())).ReadAll(); err != nil {
			return conn.Refused(err)
		}
		err := c.read(own, cancel, pg, conn, label, a)
		if !pg.IsClosed() {
			_, end := pg.Exec(ctx, "ROLLBACK").ReadAll()
			if err == nil {
				err = conn.Refused(end)
			}
		}
		return err
	})
}

// read reads the rows. The extended protocol takes one statement alone, so that
// none of a site's can leave the transaction.
func (c *collector) read(ctx context.Context, hangUp func(), pg *pgconn.PgConn, conn depth.Conn, database string, a *answer) error {
	rows := pg.ExecParams(ctx, c.plan.SQL, nil, nil, nil, nil)
	var l *layout
	var wrong error
	for rows.NextRow() {
		if l == nil && wrong == nil {
			l, wrong = a.place(rows.FieldDescriptions(), conn.Version())
		}
		if a.rows++; wrong == nil && a.rows > c.plan.Rows {
			wrong = frame.Fail(frame.ReasonInvalid, fmt.Errorf("it gives more than %d rows; the rest is left out: write LIMIT, or raise rows", c.plan.Rows))
		}
		if wrong != nil {
			hangUp() // whatever the statement still gives
			break
		}
		a.add(l, database, rows.Values())
	}
	_, err := rows.Close()
	if wrong != nil {
		return wrong
	}
	return c.refused(conn, err)
}

// refused says what the server has against the statement. Of its own words
// those are told that are about the statement (class 42), which is the site's:
// names that do not exist, and where.
func (c *collector) refused(conn depth.Conn, err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) && strings.HasPrefix(server.Code, "42") && server.Code != "42501" {
		text := server.Message
		if runes := []rune(text); len(runes) > 200 {
			text = string(runes[:200]) + "…"
		}
		if server.Position > 0 {
			runes := []rune(c.plan.SQL)
			text += fmt.Sprintf(", on line %d of the statement", 1+strings.Count(string(runes[:min(int(server.Position), len(runes))]), "\n"))
		}
		if server.Code == "42601" && strings.Contains(text, "multiple commands") {
			text = "it is more than one statement; write each as a query of its own"
		}
		return frame.Fail(frame.ReasonRefused, fmt.Errorf("the server refuses the statement: %s (%s)", text, server.Code))
	}
	if errors.As(err, &server) && server.Code == "25006" {
		return frame.Fail(frame.ReasonRefused, errors.New("the statement writes, and a query may only read (25006)"))
	}
	return conn.Refused(err)
}
