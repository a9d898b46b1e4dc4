package bricks

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/jq"
	"tocsin/internal/problem"
)

// validateMetrics proves each metric, and that those of one name agree.
func (k *Kind) validateMetrics(p problem.List) {
	first := map[string]int{}
	for i, m := range k.Metrics {
		at := p.Index(i)
		k.validateMetric(at, m)
		j, again := first[m.Name]
		if !again {
			first[m.Name] = i
			continue
		}
		if o := k.Metrics[j]; o.Type != m.Type || o.Help != m.Help || !slices.Equal(o.LabelNames(), m.LabelNames()) {
			at.Addf("%s is written above too, with another type, help or labels; let them agree", m.Name)
		}
	}
}

func (k *Kind) validateMetric(p problem.List, m Metric) {
	switch {
	case m.Name == "":
		p.At("name").Addf("is missing; write the metric's name, as etherpad_total_users")
	case !metricName().MatchString(m.Name):
		p.At("name").Addf("%q is no name of a metric: letters, digits and _, no digit first", m.Name)
	case strings.HasPrefix(m.Name, "brick_") || strings.HasPrefix(m.Name, "tocsin_"):
		p.At("name").Addf("%s: names that begin with brick_ and tocsin_ are Tocsin's own; begin it with the service's name", m.Name)
	}
	if strings.TrimSpace(m.Help) == "" {
		p.At("help").Addf("is missing; write one sentence on what is counted")
	}
	if m.Type != "gauge" && m.Type != "counter" {
		p.At("type").Addf("%q is not known; write gauge or counter", m.Type)
	}
	k.expression(p.At("value"), m.Value, m.Rows == "")
	if m.Rows != "" {
		k.expression(p.At("rows"), m.Rows, true)
	}
	if m.DropIf != "" {
		k.expression(p.At("drop_if"), m.DropIf, false)
	}
	if m.MaxRows < 1 || m.MaxRows > 10_000 {
		p.At("max_rows").Addf("%d is not between 1 and 10000", m.MaxRows)
	}
	for _, name := range m.LabelNames() {
		at := p.At("labels").At(name)
		_, computed := m.Labels[name]
		_, literal := m.ConstLabels[name]
		if literal && !computed {
			at = p.At("const_labels").At(name)
		}
		switch {
		case !labelName().MatchString(name) || strings.HasPrefix(name, "__"):
			at.Addf("%q is no name of a label: letters, digits and _", name)
		case slices.Contains([]string{"job", "instance", "brick", "kind", "host", "from", "le", "quantile"}, name):
			at.Addf("the label %s is put on by others; choose another name", name)
		case computed && literal:
			at.Addf("%s is among const_labels too; keep one", name)
		case computed:
			if _, err := jq.Compile(m.Labels[name]); err != nil {
				at.Addf("%v", err)
			}
		}
	}
	m.Enum.validate(p.At("enum"))
}

func (e Enum) validate(p problem.List) {
	for _, text := range slices.Sorted(maps.Keys(e)) {
		if text == "_other" && e[text] == "missing" {
			continue
		}
		if _, err := strconv.ParseFloat(e[text], 64); err != nil {
			p.At(text).Addf("%q is no number", e[text])
		}
	}
}

func (a Alert) validate(p problem.List) {
	if !alertName().MatchString(a.Name) {
		p.At("alert").Addf("%q is no name of an alert; write one as EtherpadDatabaseFailing", a.Name)
	}
	if !slices.Contains([]string{"info", "warning", "critical"}, a.Severity) {
		p.At("severity").Addf("%q is not known; write info, warning or critical", a.Severity)
	}
	for _, text := range []struct{ key, value string }{
		{"expr", a.Expr},
		{"fires_when", a.FiresWhen},
		{"do", a.Do},
		{"summary", a.Summary},
		{"description", a.Description},
		{"summary_fr", a.SummaryFR},
		{"description_fr", a.DescriptionFR},
	} {
		switch {
		case strings.TrimSpace(text.value) == "":
			p.At(text.key).Addf("is missing; every alert says what it is and what to do, in both languages")
		case text.key != "expr" && strings.Contains(strings.TrimSpace(text.value), "\n"):
			p.At(text.key).Addf("must be one line; write it with >-")
		}
	}
}

func (k *Kind) validatePanels(p problem.List) {
	for i, panel := range k.Panels {
		at := p.Index(i)
		if panel.Title == "" || panel.Description == "" {
			at.Addf("a panel has a title and a description; write both")
		}
		if !slices.Contains([]string{"timeseries", "stat", "table"}, panel.Type) {
			at.At("type").Addf("%q is not known; write timeseries, stat or table", panel.Type)
		}
		if len(panel.Queries) == 0 {
			at.At("queries").Addf("is missing; write - {expr: 'metric{$selector}', legend: text}")
		}
		for j, q := range panel.Queries {
			if !strings.Contains(q.Expr, "$selector") {
				at.At("queries").Index(j).At("expr").Addf("has no $selector, so that it would show all bricks; write metric{$selector}")
			}
		}
		if panel.Rule != "" && !slices.ContainsFunc(k.Alerts, func(a Alert) bool { return a.Name == panel.Rule }) {
			at.At("rule").Addf("%s is no alert of this kind", panel.Rule)
		}
	}
}

// validateTests wants the three states that every kind is proved in.
func (k *Kind) validateTests(p problem.List) {
	for i, t := range k.Tests {
		at := p.Index(i)
		if t.Name == "" {
			at.At("name").Addf("is missing; say which state was recorded, as healthy")
		}
		for _, name := range slices.Sorted(maps.Keys(t.Answers)) {
			a := t.Answers[name]
			here := at.At("answers").At(name)
			if _, ok := k.Requests[name]; !ok {
				here.Addf("there is no request %s; the requests are %s", name, strings.Join(k.RequestNames(), ", "))
			}
			if a.Body != "" && a.File != "" {
				here.Addf("has a body and a file; keep one")
			}
			if a.Failure != "" && !slices.Contains(Reasons(), Reason(a.Failure)) {
				here.At("failure").Addf("%q is no reason; write one of %s", a.Failure, joined(Reasons()))
			}
		}
		if t.Reason != "" && !slices.Contains(Reasons(), Reason(t.Reason)) {
			at.At("reason").Addf("%q is no reason; write one of %s", t.Reason, joined(Reasons()))
		}
	}
}

func joined(reasons []Reason) string {
	words := make([]string, len(reasons))
	for i, r := range reasons {
		words[i] = fmt.Sprint(r)
	}
	return strings.Join(words, ", ")
}
