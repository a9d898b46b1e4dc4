package dashboards

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"tocsin/alerts/rules"
	"tocsin/exporters/brick"
	"tocsin/exporters/postgres"
	"tocsin/exporters/rabbitmq"
	"tocsin/internal/frame"
	"tocsin/probes"
	"tocsin/updatewatch"
)

// pages are recorded pages of ours.
var pages = []string{"../exporters/host/testdata/server/page.prom", "../exporters/host/testdata/vm/page.prom", "testdata/hub.prom"}

// scraped are the labels that whoever scrapes puts on, and the name that it
// gives to a page's own label host.
var scraped = []string{"job", "instance", "brick", "kind", "host", "from", "exported_host"}

// vocabulary is all metrics that there are, with their labels.
type vocabulary map[string][]string

func (v vocabulary) add(name string, labels ...string) {
	v[name] = append(v[name], labels...)
}

// page adds all that a page has.
func (v vocabulary) page(t *testing.T, name, text string) {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(strings.TrimSpace(text) + "\n"))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			v.add(name)
			for _, l := range m.GetLabel() {
				v.add(name, l.GetName())
			}
		}
	}
}

// known collects what our pages have: the recorded ones, what collectors
// declare, what rules record, what scraping and alerting make.
func known(t *testing.T) vocabulary {
	t.Helper()
	v := vocabulary{}
	for _, name := range pages {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		v.page(t, name, string(text))
	}
	for _, f := range slices.Concat(frame.Families(), probes.Families(), brick.Families(), postgres.Families(), rabbitmq.Families(), updatewatch.Families()) {
		v.add(f.Name, f.Labels...)
	}
	v.add("up")
	for _, k := range kinds(t) {
		for _, m := range k.Metrics {
			v.add(m.Name, m.LabelNames()...)
		}
		for _, recorded := range k.Tests {
			v.page(t, k.Name+": "+recorded.Name, recorded.Page)
		}
	}
	files, err := rules.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				into := r.Record
				if into == "" {
					into = "ALERTS"
				}
				v.add(into)
				sources, err := rules.Sources(files, r.Expr)
				if err != nil {
					t.Fatal(err)
				}
				for _, source := range sources {
					v.add(into, v[source]...)
				}
			}
		}
	}
	v.add("ALERTS", "alertname", "alertstate", "severity")
	return v
}

// carries tells whether results of an expression can have the label.
func (v vocabulary) carries(e parser.Expr, label string) bool {
	switch n := e.(type) {
	case *parser.VectorSelector:
		return slices.Contains(scraped, label) || slices.Contains(v[n.Name], label)
	case *parser.MatrixSelector:
		return v.carries(n.VectorSelector, label)
	case *parser.ParenExpr:
		return v.carries(n.Expr, label)
	case *parser.UnaryExpr:
		return v.carries(n.Expr, label)
	case *parser.SubqueryExpr:
		return v.carries(n.Expr, label)
	case *parser.AggregateExpr:
		return slices.Contains(n.Grouping, label) != n.Without && v.carries(n.Expr, label)
	case *parser.BinaryExpr:
		return v.joined(n, label)
	case *parser.Call:
		if n.Func.Name == "label_replace" && n.Args[1].(*parser.StringLiteral).Val == label {
			return true
		}
		if n.Func.Name == "scalar" || n.Func.Name == "vector" {
			return false
		}
		return slices.ContainsFunc(n.Args, func(a parser.Expr) bool { return v.carries(a, label) })
	}
	return false
}

func (v vocabulary) joined(n *parser.BinaryExpr, label string) bool {
	m := n.VectorMatching
	left, right := v.carries(n.LHS, label), v.carries(n.RHS, label)
	switch {
	case m == nil || n.Op == parser.LOR:
		return left || right
	case n.Op.IsSetOperator():
		return left
	case m.Card == parser.CardManyToOne:
		return left || slices.Contains(m.Include, label) && right
	case m.Card == parser.CardOneToMany:
		return right || slices.Contains(m.Include, label) && left
	default:
		return left && slices.Contains(m.MatchingLabels, label) == m.On
	}
}

// missing lists what an expression names that no page of ours has. A matcher
// that also holds where its label is absent needs no label.
func (v vocabulary) missing(e parser.Expr) []string {
	var out []string
	want := func(on parser.Expr, labels ...string) {
		for _, l := range labels {
			if !v.carries(on, l) {
				out = append(out, "label "+l+" of "+on.String())
			}
		}
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			if _, ok := v[n.Name]; !ok {
				out = append(out, "metric "+n.Name)
				return nil
			}
			for _, m := range n.LabelMatchers {
				if m.Name != model.MetricNameLabel && !m.Matches("") {
					want(n, m.Name)
				}
			}
		case *parser.AggregateExpr:
			if !n.Without {
				want(n.Expr, n.Grouping...)
			}
		case *parser.BinaryExpr:
			if m := n.VectorMatching; m != nil && m.On {
				want(n.LHS, m.MatchingLabels...)
				want(n.RHS, m.MatchingLabels...)
			}
		}
		return nil
	})
	return out
}

// legendLabels finds the labels that a legend names.
func legendLabels(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, "{{") {
		if name, _, ok := strings.Cut(part, "}}"); ok {
			out = append(out, strings.TrimSpace(name))
		}
	}
	return out
}

// Rule 11: every metric and label that is named is on a page of ours.
func TestLint11_metricsAndLabelsExist(t *testing.T) {
	v := known(t)
	for _, b := range drawn(t) {
		b.each(func(p *panel) {
			for _, q := range p.Targets {
				e := parsed(t, q.Expr)
				missing := v.missing(e)
				for _, l := range legendLabels(q.LegendFormat) {
					if !v.carries(e, l) {
						missing = append(missing, "label "+l+" for the legend")
					}
				}
				for _, m := range missing {
					t.Errorf("%s: %s: nothing exports the %s", b.name, p.Title, m)
				}
			}
			for _, l := range columnLabels(p) {
				if !slices.ContainsFunc(p.Targets, func(q target) bool { return v.carries(parsed(t, q.Expr), l) }) {
					t.Errorf("%s: %s: no query has the label %s of a column", b.name, p.Title, l)
				}
			}
		})
		for _, a := range b.Annotations.List {
			e := parsed(t, a.Expr)
			missing := v.missing(e)
			for _, l := range slices.Concat(legendLabels(a.TitleFormat), legendLabels(a.TextFormat), strings.Split(a.TagKeys, ",")) {
				if !v.carries(e, l) {
					missing = append(missing, "label "+l)
				}
			}
			for _, m := range missing {
				t.Errorf("%s: annotation %s: nothing exports the %s", b.name, a.Name, m)
			}
		}
		for _, variable := range b.Templating.List[1:] {
			query := variable.Query.(variableQuery).Query
			inner := strings.TrimSuffix(strings.TrimPrefix(query, "label_values("), ")")
			at := strings.LastIndex(inner, ",")
			e := parsed(t, inner[:at])
			if missing := v.missing(e); len(missing) > 0 || !v.carries(e, strings.TrimSpace(inner[at+1:])) {
				t.Errorf("%s: variable %s: %s: %v", b.name, variable.Name, query, missing)
			}
		}
	}
}

// columnLabels are the labels that a table shows.
func columnLabels(p *panel) []string {
	var out []string
	for _, t := range p.Transformations {
		if o, ok := t.Options.(organize); ok {
			for key := range o.RenameByName {
				if !strings.HasPrefix(key, "Value") {
					out = append(out, key)
				}
			}
		}
	}
	return out
}

// TestMissing proves that rule 11 refuses what it is there to refuse.
func TestMissing(t *testing.T) {
	v := known(t)
	for expr, wrong := range map[string]bool{
		`node_load1{job=~"x"}`:                                         false,
		`node_lod1`:                                                    true,
		`sum by (instance) (node_load1)`:                               false,
		`sum by (device) (node_load1)`:                                 true,
		`node_load1{device!="lo"}`:                                     false,
		`node_load1{device="lo"}`:                                      true,
		`node_load1 * on (instance) up`:                                false,
		`node_load1 * on (device) up`:                                  true,
		`count by (mountpoint) (ALERTS)`:                               false,
		`sum by (reason) (sum by (job) (probe_failure_info))`:          true,
		`instance:probe_certificate_expiry_timestamp_seconds:min`:      false,
		`sum by (x) (label_replace(up, "x", "$1", "job", "(.*)"))`:     false,
		`up * on (job) group_left (version) tocsin_build_info`:         false,
		`count by (mountpoint) (tocsin_config_last_reload_successful)`: true,
	} {
		if got := v.missing(parsed(t, expr)); (len(got) > 0) != wrong {
			t.Errorf("%s: %v", expr, got)
		}
	}
}
