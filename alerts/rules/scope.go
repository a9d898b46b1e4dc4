package rules

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
)

// A variant is what one rule becomes for some of its alerts: those with this
// duration and severity.
type variant struct {
	Expr     string
	For      model.Duration
	Severity string
}

// variants applies a rule's overrides. Each alert that the rule could raise
// belongs to exactly one variant, or to none where an entry says off; a rule
// without entries that match is one variant that looks like the rule.
//
// The entries divide the results of the expression, not its inputs: "and on
// (l) m" and "unless on (l) m" with the same right side are the two halves of
// whatever is on the left. So they are disjoint and complete for any
// expression, and labels mean what they mean on the alert.
func (e Entries) variants(r Rule) ([]variant, error) {
	var out []variant
	var before []map[string]string // the matches of the entries above
	list := e.List
	if n := len(list); n == 0 || len(list[n-1].Match) > 0 {
		list = append(slices.Clone(list), Entry{}) // the rule as it is, for all the rest
	}
	for _, entry := range list {
		if !entry.Off {
			expr := r.Expr
			if entry.Threshold != nil {
				var err error
				if expr, err = withThreshold(expr, *entry.Threshold); err != nil {
					return nil, err
				}
			}
			v := variant{Expr: scoped(expr, entry.Match, before), For: r.For, Severity: r.Severity()}
			if entry.For != nil {
				v.For = *entry.For
			}
			if entry.Severity != "" {
				v.Severity = entry.Severity
			}
			out = add(out, v)
		}
		if len(entry.Match) == 0 {
			break
		}
		before = append(before, entry.Match)
	}
	return out, nil
}

// add joins v to the variant that differs in nothing but the expression.
func add(list []variant, v variant) []variant {
	for i, o := range list {
		if o.For == v.For && o.Severity == v.Severity {
			list[i].Expr = strings.TrimSpace(o.Expr) + "\nor\n" + strings.TrimSpace(v.Expr) + "\n"
			return list
		}
	}
	return append(list, v)
}

// scoped restricts expr to results that fit match and none of the others.
func scoped(expr string, match map[string]string, others []map[string]string) string {
	if len(match) == 0 && len(others) == 0 {
		return expr
	}
	var b strings.Builder
	// The parenthesis has its own line: the expression may end in a comment.
	b.WriteString("(\n" + strings.TrimRight(expr, "\n") + "\n)\n")
	for _, m := range others {
		b.WriteString("unless " + selection(m) + "\n")
	}
	if len(match) > 0 {
		b.WriteString("and " + selection(match) + "\n")
	}
	return b.String()
}

// selection is the right side of a set operator: one sample with the labels of
// match, to be compared on these alone.
func selection(match map[string]string) string {
	names := slices.Sorted(maps.Keys(match))
	sample := "vector(1)"
	for _, name := range names {
		// The replacement is a template: $ begins a group's name.
		value := strings.ReplaceAll(match[name], "$", "$$")
		sample = "label_replace(" + sample + ", " + strconv.Quote(name) + ", " + strconv.Quote(value) + `, "", "")`
	}
	return "on (" + strings.Join(names, ", ") + ") " + sample
}
