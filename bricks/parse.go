package bricks

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// Parse reads the file of a kind strictly and proves all of it. The faults
// carry their lines.
func Parse(source string, text []byte) (Kind, []strict.Fault) {
	kind := Kind{Source: source}
	at, faults := strict.Decode(text, &kind)
	if len(faults) > 0 {
		return kind, faults // what could not be read would only be found missing
	}
	kind.SetDefaults()
	p := problem.New()
	kind.Validate(p)
	return kind, strict.Sort(at.Place(p.All()))
}

// defaultRows bounds the rows of a metric unless it says otherwise.
const defaultRows = 500

// SetDefaults fills what the file left out.
func (k *Kind) SetDefaults() {
	if k.Title == "" {
		k.Title = k.Name
	}
	for name, r := range k.Requests {
		if r.Adapter == "" {
			r.Adapter = HTTPJSON
		}
		if r.Auth == "" {
			r.Auth = "none"
		}
		if len(r.AcceptStatus) == 0 {
			r.AcceptStatus = []int{200}
		}
		k.Requests[name] = r
	}
	for i := range k.Metrics {
		m := &k.Metrics[i]
		if m.Scale == 0 {
			m.Scale = 1
		}
		if m.MaxRows == 0 {
			m.MaxRows = defaultRows
		}
	}
	for i := range k.Panels {
		if k.Panels[i].Type == "" {
			k.Panels[i].Type = "timeseries"
		}
	}
}

// HTTP tells whether the request is made over HTTP, at the brick's URL.
func (r Request) HTTP() bool {
	return r.Adapter == HTTPJSON || r.Adapter == HTTPText || r.Adapter == HTTPPrometheus || r.Adapter == NginxStatus
}

// RequestNames returns the names of the requests, sorted.
func (k Kind) RequestNames() []string { return slices.Sorted(maps.Keys(k.Requests)) }

// Uses returns the names of the requests whose answers an expression reads.
func (k Kind) Uses(expr string) []string {
	var used []string
	for _, name := range k.RequestNames() {
		if regexp.MustCompile(`(^|[^\w.)\]"?])\.` + regexp.QuoteMeta(name) + `\b`).MatchString(expr) {
			used = append(used, name)
		}
	}
	return used
}

// Reads returns the requests that a metric is made of.
func (m Metric) Reads(k Kind) []string {
	if m.Rows != "" {
		return k.Uses(m.Rows)
	}
	var all strings.Builder
	all.WriteString(m.Value)
	for _, name := range slices.Sorted(maps.Keys(m.Labels)) {
		all.WriteString(" | " + m.Labels[name])
	}
	return k.Uses(all.String())
}

// LabelNames returns the names of all labels, sorted.
func (m Metric) LabelNames() []string {
	names := slices.Concat(slices.Collect(maps.Keys(m.Labels)), slices.Collect(maps.Keys(m.ConstLabels)))
	slices.Sort(names)
	return names
}

// MetricNames lists what bricks of this kind export, beside what all do: names,
// and patterns of those that are passed on.
func (k Kind) MetricNames() []string {
	var names []string
	for _, m := range k.Metrics {
		names = append(names, m.Name)
	}
	for _, name := range k.RequestNames() {
		names = append(names, k.Requests[name].Pass...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
