package rules

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
)

// Validate adds what is wrong with the overrides, p standing at them. files
// are all rule files of the site: the shipped ones and its own.
func (o Overrides) Validate(p problem.List, files []File) {
	byName := map[string][]Rule{}
	for _, r := range Alerts(files) {
		byName[r.Alert] = append(byName[r.Alert], r)
	}
	for _, name := range sortedKeys(o) {
		at, entries := p.At(name), o[name]
		for _, m := range entries.wrong {
			here := entries.at(at, m.index)
			if m.key != "" {
				here = here.At(m.key)
			}
			here.Addf("%s", m.text)
		}
		rules := byName[name]
		if len(rules) == 0 {
			at.Addf("there is no rule of that name%s", hint(name, sortedKeys(byName)))
			continue
		}
		entries.validate(at, rules)
	}
}

func (e Entries) validate(p problem.List, rules []Rule) {
	if len(e.List) == 0 {
		p.Addf("changes nothing: write threshold, for, severity or off")
	}
	all := -1 // the entry that fits all alerts
	for i, entry := range e.List {
		here := e.at(p, i)
		if all >= 0 {
			here.Addf("is never reached: entry %d has no match, so it fits all; put it last", all+1)
		} else if j := slices.IndexFunc(e.List[:i], func(o Entry) bool { return covers(o.Match, entry.Match) }); j >= 0 {
			here.Addf("is never reached: entry %d fits all that this one does; put this one first", j+1)
		}
		if len(entry.Match) == 0 && all < 0 {
			all = i
		}
		if !e.decodedBadly(i) {
			entry.validate(here, rules)
		}
	}
}

// decodedBadly tells whether the entry's own text was wrong: what else could
// be said of it would only confuse.
func (e Entries) decodedBadly(i int) bool {
	return slices.ContainsFunc(e.wrong, func(m mistake) bool { return m.index == i })
}

// covers tells whether whatever fits narrow fits wide too.
func covers(wide, narrow map[string]string) bool {
	if len(wide) == 0 {
		return false // told by the entry that fits all
	}
	for label, value := range wide {
		if v, ok := narrow[label]; !ok || v != value {
			return false
		}
	}
	return true
}

func (e Entry) validate(p problem.List, rules []Rule) {
	changes := e.Threshold != nil || e.For != nil || e.Severity != ""
	switch {
	case e.Off && changes:
		p.Addf("off leaves nothing to change: take off out, or the rest")
	case !e.Off && !changes:
		p.Addf("changes nothing: write threshold, for, severity or off: true")
	}
	if e.Severity != "" && !slices.Contains(severities(), e.Severity) {
		p.At("severity").Addf("%q is none: write critical, warning or info", e.Severity)
	}
	for _, r := range rules {
		if e.Threshold != nil {
			r.validateThreshold(p.At("threshold"), *e.Threshold)
		}
		r.validateMatch(p.At("match"), e.Match)
	}
}

func severities() []string { return []string{"critical", "warning", "info"} }

func (r Rule) validateThreshold(p problem.List, v float64) {
	switch t := r.Threshold; {
	case t == nil:
		p.Addf("%s does not compare with one number, so it has no threshold", r.Alert)
	case !t.Adjustable():
		p.Addf("%s asks whether something is so (%s %v), so it has no threshold; off, for and severity can be changed",
			r.Alert, t.Op, t.Value)
	case math.IsNaN(v) || math.IsInf(v, 0):
		p.Addf("%v is not a number to compare with", v)
	case r.isRatio() && (v > 1 || v < 0):
		p.Addf("%v is no ratio: write a number between 0 and 1, as %v for %v %%", v, t.Value, t.Value*100)
	}
}

// isRatio tells whether the rule's value is a share of something: its text
// shows it as a percentage.
func (r Rule) isRatio() bool { return strings.Contains(r.Annotations["summary"], "humanizePercentage") }

func (r Rule) validateMatch(p problem.List, match map[string]string) {
	e, err := parse(r.Expr)
	if err != nil {
		return // told when the file was read
	}
	can := labelsOf(e)
	for _, label := range slices.Sorted(maps.Keys(match)) {
		switch {
		case !model.LegacyValidation.IsValidLabelName(label) || label == model.MetricNameLabel:
			p.At(label).Addf("is not the name of a label")
		case r.Labels[label] != "" || label == "alertname":
			p.At(label).Addf("the rule itself gives this label to all alerts: leave it out of match")
		case !can.may(label) && can.closed:
			p.At(label).Addf("alerts of %s never carry this label: they have %s", r.Alert, list(can.has))
		case !can.may(label):
			p.At(label).Addf("alerts of %s never carry this label: it is aggregated away", r.Alert)
		}
	}
}

func list(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(words))), ", ")
}
