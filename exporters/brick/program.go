package brick

import (
	"fmt"
	"strings"

	"tocsin/bricks"
	"tocsin/internal/frame"
	"tocsin/internal/jq"
)

// program is a kind with its expressions compiled. It is never changed, so
// that bricks may share it.
type program struct {
	kind     bricks.Kind
	health   expression
	words    *jq.Query // nil: none
	version  expression
	start    expression
	metrics  []metric
	own      map[string]*frame.Family
	declared []*frame.Family
	text     string // all expressions, to see which names they read
}

// expression is jq that starts at the answers.
type expression struct {
	query *jq.Query // nil: none
	reads []string  // the requests whose answers it reads
}

// metric is a metric of a kind, compiled.
type metric struct {
	bricks.Metric
	family *frame.Family
	reads  []string
	rows   *jq.Query // nil: one row, the answers themselves
	value  *jq.Query
	dropIf *jq.Query // nil: never
	labels []label   // in the order of the family's
}

type label struct {
	literal string
	query   *jq.Query // nil: the literal
}

// compile makes a kind ready to be run. A kind that bricks read without faults
// compiles.
func compile(k bricks.Kind) (*program, error) {
	p := &program{kind: k}
	var errs []error
	var text strings.Builder
	query := func(expr string) *jq.Query {
		if expr == "" {
			return nil
		}
		text.WriteString(expr + "\n")
		q, err := jq.Compile(expr)
		if err != nil {
			errs = append(errs, fmt.Errorf("kind %s: %w", k.Name, err))
		}
		return q
	}
	top := func(expr string) expression { return expression{query(expr), k.Uses(expr)} }
	p.health, p.version, p.start = top(k.Health.JQ), top(k.Version.JQ), top(k.Start.JQ)
	p.words = query(k.Health.Words)
	p.own, p.declared = families(k)
	for _, m := range k.Metrics {
		c := metric{
			Metric: m, family: p.own[m.Name], reads: m.Reads(k),
			rows: query(m.Rows), value: query(m.Value), dropIf: query(m.DropIf),
		}
		for _, name := range c.family.Labels {
			if literal, ok := m.ConstLabels[name]; ok {
				c.labels = append(c.labels, label{literal: literal})
			} else {
				c.labels = append(c.labels, label{query: query(m.Labels[name])})
			}
		}
		p.metrics = append(p.metrics, c)
	}
	p.text = text.String()
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return p, nil
}

// wanted tells whether an expression reads a metric of that name.
func (p *program) wanted(name string) bool { return strings.Contains(p.text, name) }
