package custom

import (
	"cmp"
	"slices"
	"time"

	"tocsin/internal/frame"
)

// A Plan is a query that is ready to be asked. It is not changed any more.
type Plan struct {
	Name      string
	SQL       string
	Databases string // a regular expression; "" for the DSN's own
	Every     time.Duration
	Timeout   time.Duration // in one database
	Rows      int           // of all databases together

	labels  []string // columns
	columns []column
	// old is a query of a queries.yaml, which differs: NULL is not a number but
	// is sent, and columns that it does not list are sent as untyped.
	old      bool
	versions versions // of servers that it is asked on
	tag      bool     // its series have the label datname, which no column gives
}

// usage is what a column is for.
type usage int

// The usages of columns that are numbers, or that are not looked at.
const (
	number usage = iota
	histogram
	mapped   // a text that stands for a number
	duration // a text as 1h30m
	discard
)

// column is one that is no label.
type column struct {
	name     string
	usage    usage
	family   *frame.Family // nil for discard
	mapping  map[string]float64
	versions versions
}

// complete fills in what was left out, and gives the families their labels.
func (p *Plan) complete() *Plan {
	p.Timeout = cmp.Or(p.Timeout, defaultTimeout)
	p.Rows = cmp.Or(p.Rows, defaultRows)
	if p.Databases != "" {
		p.Every = cmp.Or(p.Every, defaultEvery)
		p.tag = !slices.Contains(p.labels, datname)
	}
	for _, c := range p.columns {
		if c.family != nil {
			c.family.Labels = p.labelNames()
		}
	}
	return p
}

const datname = "datname"

func (p *Plan) labelNames() []string {
	if p.tag {
		return append([]string{datname}, p.labels...)
	}
	return p.labels
}

// Families lists what its rows become. Of a query of a queries.yaml there may
// be more: columns that it does not list.
func (p *Plan) Families() []*frame.Family {
	var all []*frame.Family
	for _, c := range p.columns {
		if c.family != nil {
			all = append(all, c.family)
		}
	}
	if p.old {
		all = append(all, &frame.Family{
			Name: p.Name + "_*", Type: frame.Untyped, Labels: p.labelNames(),
			Help: "Columns of the query that its file does not list.",
		})
	}
	return all
}

// without strikes the columns whose metrics are told by others, and returns
// their names.
func (p *Plan) without(taken func(name string) bool) (struck []string) {
	for i, c := range p.columns {
		if c.family != nil && taken(c.family.Name) {
			struck = append(struck, c.family.Name)
			p.columns[i].usage, p.columns[i].family = discard, nil
		}
	}
	return struck
}

func (p *Plan) tellsNothing() bool {
	return !slices.ContainsFunc(p.columns, func(c column) bool { return c.family != nil })
}
