package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/internal/frame"
)

var (
	databaseSize = gauge("", "pg_database_size_bytes",
		"Disk space used by the database, measured at one scrape of four: the server looks at each file of it.", "datname").family
	databaseLimit = gauge("", "pg_database_connection_limit", "How many connections the database may have; -1 is any number.", "datname").family
)

// The databases, and the sizes of some. One that is dropped meanwhile has no
// size.
var (
	databaseNames = &query{name: "database", needs: allStats, variants: []variant{{v9_4,
		`SELECT oid, datname, datconnlimit, has_database_privilege(oid, 'CONNECT') FROM pg_database`}}}
	databaseSizes = &query{name: "database", variants: []variant{{v9_4,
		`SELECT oid, pg_database_size(oid) FROM pg_database WHERE oid = ANY ($1::oid[])`}}}
)

const (
	// sizeShare is over how many scrapes the databases are measured: most of what
	// a scrape costs a server is that.
	sizeShare = 4
	// sizesAtOnce bounds how many one statement measures.
	sizesAtOnce = 100
)

// databases tells how large each database is. It asks some of them at each
// scrape, those whose size is known for longest; new ones at once.
type databases struct {
	server *server
	scrape int
	known  map[string]*databaseState // by oid; touched by Collect alone
}

type databaseState struct {
	name     string
	limit    float64
	readable bool
	size     float64
	sized    bool // size is known
	asked    int  // the scrape that asked for it
	seen     int
}

// Name implements frame.Collector.
func (*databases) Name() string { return databaseNames.name }

// Families implements frame.Collector.
func (*databases) Families() []*frame.Family { return []*frame.Family{databaseSize, databaseLimit} }

// Collect implements frame.Collector.
func (d *databases) Collect(ctx context.Context, s *frame.Sink) error {
	d.scrape++
	listed := false
	err := d.server.with(ctx, "", func(c *conn) error {
		if err := d.list(ctx, c); err != nil {
			return err
		}
		listed = true
		return errors.Join(d.measure(ctx, c), c.lacks(databaseNames))
	})
	if !listed {
		return err
	}
	for oid, one := range d.known {
		switch {
		case one.seen != d.scrape: // dropped
			delete(d.known, oid)
			continue
		case one.sized:
			s.Send(databaseSize, one.size, one.name)
		}
		s.Send(databaseLimit, one.limit, one.name)
	}
	return err
}

func (d *databases) list(ctx context.Context, c *conn) error {
	return c.each(ctx, databaseNames, func(row [][]byte) error {
		one := d.known[string(row[0])]
		if one == nil {
			one = &databaseState{}
			d.known[string(row[0])] = one
		}
		var err error
		one.name, one.seen, one.readable = label(row[1]), d.scrape, c.seesAll || string(row[3]) == "t"
		one.limit, err = parse(row[2])
		return err
	})
}

// measure asks the sizes of those that it is the turn of.
func (d *databases) measure(ctx context.Context, c *conn) error {
	var due []string
	fresh := 0
	for oid, one := range d.known {
		if one.seen == d.scrape && one.readable {
			due = append(due, oid)
			if one.asked == 0 {
				fresh++
			}
		}
	}
	slices.SortFunc(due, func(a, b string) int {
		return cmp.Or(cmp.Compare(d.known[a].asked, d.known[b].asked), cmp.Compare(a, b))
	})
	due = due[:max(fresh, (len(due)+sizeShare-1)/sizeShare)]
	for some := range slices.Chunk(due, sizesAtOnce) {
		err := d.ask(ctx, c, some)
		var server *pgconn.PgError
		if errors.As(err, &server) && server.Code == "3D000" { // one was dropped as it was measured
			err = d.ask(ctx, c, some)
		}
		if err != nil {
			return c.refused(err)
		}
	}
	return nil
}

func (d *databases) ask(ctx context.Context, c *conn, some []string) error {
	for _, oid := range some {
		d.known[oid].asked = d.scrape
	}
	return c.askRaw(ctx, databaseSizes, func(_ *statement, row [][]byte) error {
		one := d.known[string(row[0])]
		if one == nil || row[1] == nil {
			return nil
		}
		n, err := parse(row[1])
		one.size, one.sized = n, err == nil
		return err
	}, "{"+strings.Join(some, ",")+"}")
}

// wraparound is how far the oldest row of each database is from being read
// wrong: PostgreSQL stops at about 2 ^ 31. The unit in the name is
// postgres_exporter's; it counts transactions.
var wraparound = &query{
	name: "database_wraparound", labels: []string{"datname"}, onDemand: true,
	values: []value{
		gauge("xid", "pg_database_wraparound_age_datfrozenxid_seconds", "How many transactions ago the oldest was that is not frozen.", "datname"),
		gauge("mxid", "pg_database_wraparound_age_datminmxid_seconds", "How many multixacts ago the oldest was that is not replaced.", "datname"),
	},
	variants: []variant{
		{v9_5, `SELECT datname, age(datfrozenxid) AS xid, mxid_age(datminmxid) AS mxid FROM pg_database WHERE datallowconn`},
		{v9_4, `SELECT datname, age(datfrozenxid) AS xid FROM pg_database WHERE datallowconn`},
	},
}
