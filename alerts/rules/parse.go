package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

// reader reads one file. All problems go to one place of the configuration;
// their texts begin with the file and line.
type reader struct {
	p      problem.List
	source string
}

// Parse reads a rule file as strictly as Prometheus does, and more: templates
// are rendered against a sample, queries in them are parsed. All that is wrong
// is added to p, as source:line: what is wrong; what could be read is returned.
func Parse(p problem.List, source string, text []byte) File {
	f := File{Name: filepath.Base(source), Source: source, text: text}
	r := reader{p: p, source: source}
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return f // an empty file has no rules
	case err != nil:
		r.yamlProblem(err)
		return f
	}
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.yamlProblem(err)
		return f
	default:
		r.addf(&second, "a second document begins here, which Prometheus would ignore: put its groups into the first")
	}
	if doc.Content[0].Tag == "!!null" {
		return f
	}
	groups, ok := r.mapping(doc.Content[0], "the file", "groups")
	if !ok {
		return f
	}
	lines := map[string]int{}
	for _, n := range r.sequence(groups["groups"], "groups") {
		g := r.group(n)
		if first, twice := lines[g.Name]; twice {
			r.addf(n, "group %s exists already on line %d: give it another name", g.Name, first)
		}
		lines[g.Name] = n.Line
		f.Groups = append(f.Groups, g)
	}
	return f
}

func (r reader) addf(n *yaml.Node, format string, args ...any) { r.atLine(n.Line, format, args...) }

func (r reader) atLine(line int, format string, args ...any) {
	r.p.Addf("%s:%d: %s", r.source, line, fmt.Sprintf(format, args...))
}

// yamlProblem tells an error of the YAML library with its line in our form.
func (r reader) yamlProblem(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, what, ok := strings.Cut(rest, ": "); ok {
			if line, err := strconv.Atoi(number); err == nil {
				r.atLine(line, "not valid YAML: %s", what)
				return
			}
		}
	}
	r.p.Addf("%s: not valid YAML: %s", r.source, text)
}

func (r reader) group(n *yaml.Node) Group {
	fields, ok := r.mapping(n, "a group", "name", "interval", "query_offset", "limit", "labels", "rules")
	if !ok {
		return Group{}
	}
	g := Group{Name: r.text(fields["name"]), Interval: r.duration(fields["interval"], "interval")}
	if g.Name == "" {
		r.addf(n, "a group has no name: write name: and a word of its own")
	}
	r.duration(fields["query_offset"], "query_offset")
	if limit := r.text(fields["limit"]); limit != "" {
		if _, err := strconv.Atoi(limit); err != nil {
			r.addf(fields["limit"], "limit: %q is not a whole number", limit)
		}
	}
	r.labels(fields["labels"], "label")
	for _, rn := range r.sequence(fields["rules"], "rules") {
		if rule, ok := r.rule(rn); ok {
			rule.Group = g.Name
			g.Rules = append(g.Rules, rule)
		}
	}
	return g
}

func (r reader) rule(n *yaml.Node) (Rule, bool) {
	n = target(n)
	fields, ok := r.mapping(n, "a rule", "alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations")
	if !ok {
		return Rule{}, false
	}
	rule := Rule{
		Alert: r.text(fields["alert"]), Record: r.text(fields["record"]), Expr: r.text(fields["expr"]),
		For: r.duration(fields["for"], "for"), KeepFiringFor: r.duration(fields["keep_firing_for"], "keep_firing_for"),
		Labels: r.labels(fields["labels"], "label"), Annotations: r.labels(fields["annotations"], "annotation"),
		Line: n.Line, Comment: comment(n),
	}
	if (rule.Alert == "") == (rule.Record == "") {
		r.addf(n, "a rule has either alert: or record:, with a name")
		return Rule{}, false
	}
	if rule.Record != "" {
		r.recording(n, rule, fields)
	}
	r.expr(&rule, n, fields["expr"])
	if rule.Alert != "" {
		r.templates(&rule, fields)
	}
	return rule, true
}

func (r reader) recording(n *yaml.Node, rule Rule, fields map[string]*yaml.Node) {
	if !model.LegacyValidation.IsValidMetricName(rule.Record) {
		r.addf(n, "rule %s: is not a metric's name: letters, digits, _ and :, no digit first", rule.Record)
	}
	for _, key := range []string{"for", "keep_firing_for", "annotations"} {
		if fields[key] != nil {
			r.addf(fields[key], "rule %s: %s: is for alerts, not for record: take it out", rule.Record, key)
		}
	}
}

func (r reader) expr(rule *Rule, n, expr *yaml.Node) {
	if rule.Expr == "" {
		r.addf(n, "rule %s: has no expr: write the query that it rings on", rule.Name())
		return
	}
	e, err := parse(rule.Expr)
	if err != nil {
		line, text := expr.Line, err.Error()
		var all parser.ParseErrors
		if errors.As(err, &all) && len(all) > 0 {
			start := int(all[0].PositionRange.Start)
			line += strings.Count(rule.Expr[:min(start, len(rule.Expr))], "\n")
			text = all[0].Err.Error()
		}
		if expr.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			line++ // the text begins below its indicator
		}
		r.atLine(line, "rule %s: expr: %s", rule.Name(), text)
		return
	}
	if rule.Alert != "" && e.Type() != parser.ValueTypeVector && e.Type() != parser.ValueTypeScalar {
		r.addf(expr, "rule %s: expr: gives a %s; a rule needs an instant vector", rule.Name(), parser.DocumentedType(e.Type()))
		return
	}
	rule.Threshold = thresholdOf(e)
	rule.Metrics = metricsOf(e)
}

// templates renders each label and annotation once.
func (r reader) templates(rule *Rule, fields map[string]*yaml.Node) {
	for _, part := range []struct {
		key    string
		values map[string]string
	}{{"labels", rule.Labels}, {"annotations", rule.Annotations}} {
		for _, name := range sortedKeys(part.values) {
			queries, err := render(part.values[name])
			if err != nil {
				r.addf(valueOf(fields[part.key], name), "rule %s: %s.%s: %v", rule.Name(), part.key, name, err)
				continue
			}
			for _, q := range queries {
				names, err := Metrics(q)
				if err != nil {
					r.addf(valueOf(fields[part.key], name), "rule %s: %s.%s: the query %s: %v",
						rule.Name(), part.key, name, q, err)
				}
				rule.TextMetrics = append(rule.TextMetrics, names...)
			}
		}
	}
	slices.Sort(rule.TextMetrics)
	rule.TextMetrics = slices.Compact(rule.TextMetrics)
}
