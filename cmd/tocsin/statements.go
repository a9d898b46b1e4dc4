package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"tocsin/exporters/postgres"
	"tocsin/internal/config"
)

// statementsVerb shows the statements that cost a PostgreSQL server most, with
// their texts: the page has their numbers (stat_statements), by queryid.
type statementsVerb struct {
	siteFlag
	Server string `arg:"" optional:"" help:"The name of one of the site's PostgreSQL servers; may be left out where there is one."`
	Top    int    `name:"top" default:"20" help:"How many."`
}

// Run implements the verb.
func (v *statementsVerb) Run(ctx context.Context, c *console) error {
	site, err := v.load()
	if err != nil {
		return err
	}
	server, err := v.server(site)
	if err != nil {
		return err
	}
	if v.Top < 1 || v.Top > 10_000 {
		return fmt.Errorf("%w: --top must be between 1 and 10000", errInput)
	}
	all, err := postgres.Statements(ctx, server.Config, v.Top)
	if err != nil {
		return fmt.Errorf("postgres %s: %w", server.Name, err)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "SECONDS\tCALLS\tMS EACH\tROWS\tQUERYID\t  DATABASE, USER: STATEMENT")
	for _, s := range all {
		fmt.Fprintf(t, "%.1f\t%.0f\t%.2f\t%.0f\t%s\t  %s, %s: %s\n", s.Seconds, s.Calls, s.Seconds/max(s.Calls, 1)*1000, s.Rows, s.QueryID,
			oneLine(s.Database), oneLine(s.User), oneLine(s.Text))
	}
	return t.Flush()
}

// oneLine keeps what a server says from moving the cursor.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.Join(strings.Fields(s), " "))
}

func (v *statementsVerb) server(site *config.Site) (config.Postgres, error) {
	var names []string
	for _, s := range site.Postgres {
		if s.Name == v.Server || v.Server == "" && len(site.Postgres) == 1 {
			return s, nil
		}
		names = append(names, s.Name)
	}
	switch {
	case len(names) == 0:
		return config.Postgres{}, fmt.Errorf("%w: the site file names no PostgreSQL server; write one under postgres", errInput)
	case v.Server == "":
		return config.Postgres{}, fmt.Errorf("%w: which server? write one of %s", errInput, strings.Join(names, ", "))
	}
	return config.Postgres{}, fmt.Errorf("%w: no PostgreSQL server is called %q; there are %s", errInput, v.Server, strings.Join(names, ", "))
}
