package dashboards

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// substitute puts something in the place of Grafana's own durations. Variables
// inside of texts may stay: there the parser takes anything.
var substitute = strings.NewReplacer("$__rate_interval", zoom.String(), "$__interval", "5m", "$__range", "5m")

// zoom is the window that nobody would write by hand.
const zoom = 307 * time.Second

// parsed reads an expression as it stands on a panel.
func parsed(t *testing.T, expr string) parser.Expr {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(substitute.Replace(expr))
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return e
}

// selectors returns all selectors of an expression.
func selectors(t *testing.T, expr string) []*parser.VectorSelector {
	t.Helper()
	var out []*parser.VectorSelector
	parser.Inspect(parsed(t, expr), func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			out = append(out, s)
		}
		return nil
	})
	return out
}

// fixedWindows are the windows of rates that do not follow the zoom, each with
// its reason.
var fixedWindows = map[string]string{}

// Rule 5: expressions parse, rates follow the zoom, counters are only looked
// at as rates.
func TestLint05_expressionsAreSound(t *testing.T) {
	for _, b := range drawn(t) {
		b.each(func(p *panel) {
			for _, q := range p.Targets {
				for _, complaint := range unsound(t, q.Expr) {
					t.Errorf("%s: %s: %s: %s", b.name, p.Title, complaint, q.Expr)
				}
			}
		})
		for _, a := range b.Annotations.List {
			for _, complaint := range unsound(t, a.Expr) {
				t.Errorf("%s: annotation %s: %s: %s", b.name, a.Name, complaint, a.Expr)
			}
		}
	}
}

func unsound(t *testing.T, expr string) []string {
	t.Helper()
	var complaints []string
	parser.Inspect(parsed(t, expr), func(n parser.Node, path []parser.Node) error {
		if m, ok := n.(*parser.MatrixSelector); ok && rated(path) && m.Range != zoom && fixedWindows[m.String()] == "" {
			complaints = append(complaints, m.String()+" has a window of its own")
		}
		s, ok := n.(*parser.VectorSelector)
		if !ok || !strings.HasSuffix(s.Name, "_total") {
			return nil
		}
		if !rated(path) {
			complaints = append(complaints, s.Name+" is looked at without a rate")
		}
		return nil
	})
	return complaints
}

// rated tells whether a rate is taken somewhere above.
func rated(path []parser.Node) bool {
	return slices.ContainsFunc(path, func(n parser.Node) bool {
		call, ok := n.(*parser.Call)
		return ok && slices.Contains([]string{"rate", "irate", "increase"}, call.Func.Name)
	})
}

// TestUnsound proves that rule 5 refuses what it is there to refuse.
func TestUnsound(t *testing.T) {
	for expr, wrong := range map[string]bool{
		`sum(rate(a_total{x="1"}[$__rate_interval]))`: false,
		`a_total`:               true,
		`rate(a_total[5m])`:     true,
		`rate(a_total[1h])`:     true,
		`increase(a_total[1d])`: true,
		`avg_over_time(a[1h])`:  false,
		`sum(a)`:                false,
	} {
		if got := unsound(t, expr); (len(got) > 0) != wrong {
			t.Errorf("%s: %v", expr, got)
		}
	}
}
