package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"tocsin/internal/problem"
)

// CheckMetrics finds rules that name a metric which nobody exports: they could
// never ring. exported are the names that collectors, engine and instance
// declare, or patterns of them in the sense of path.Match; elsewhere are those
// that the site lists as exported by others (metrics_from_elsewhere). What the
// rules record counts as exported, and so does what Prometheus makes itself.
// Own files' problems stand at alerts.rule_files, others' at the rule's name
// below alerts.rules.
func CheckMetrics(files []File, exported, elsewhere []string) []problem.Problem {
	known := slices.Concat(exported, elsewhere, recorded(files), madeByPrometheus())
	root := problem.New().At("alerts")
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				here, where := root.At("rules").At(r.Name()), ""
				if f.Own {
					here, where = root.At("rule_files"), fmt.Sprintf("%s:%d: rule %s: ", f.Source, r.Line, r.Name())
				}
				for _, name := range slices.Concat(r.Metrics, r.TextMetrics) {
					if !matches(known, name) {
						here.Addf("%snothing exports the metric %s%s", where, name, likely(name, known))
					}
				}
			}
		}
	}
	return root.All()
}

// Unexported lists the metrics that rules name and nobody exports: not one of
// exported, which are names or patterns of them, nor a rule, nor Prometheus.
// Sorted, each once.
func Unexported(files []File, exported []string) []string {
	known := slices.Concat(exported, recorded(files), madeByPrometheus())
	var names []string
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				names = append(names, slices.Concat(r.Metrics, r.TextMetrics)...)
			}
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return matches(known, name) })
	slices.Sort(names)
	return slices.Compact(names)
}

// likely proposes the nearest name, or where to declare the metric.
func likely(name string, known []string) string {
	if h := hint(name, known); h != "" {
		return h
	}
	return "; if another exporter has it, list it under metrics_from_elsewhere"
}

func matches(known []string, name string) bool {
	return slices.ContainsFunc(known, func(k string) bool {
		ok, err := path.Match(k, name)
		return k == name || (ok && err == nil)
	})
}

// madeByPrometheus lists what scraping and alerting add.
//
// Source: Prometheus, "Jobs and instances", "Alerting rules".
func madeByPrometheus() []string {
	return []string{
		"ALERTS", "ALERTS_FOR_STATE", "up", "scrape_duration_seconds", "scrape_samples_scraped",
		"scrape_samples_post_metric_relabeling", "scrape_series_added", "scrape_timeout_seconds",
		"scrape_sample_limit", "scrape_body_size_bytes",
	}
}

func recorded(files []File) []string {
	var out []string
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Record != "" {
					out = append(out, r.Record)
				}
			}
		}
	}
	return out
}

// Sources returns the metrics that an expression rests on in the end: those
// that it selects, with what the files record replaced by what that is made
// of, and without ALERTS, which says nothing of a target. Sorted, each once.
// When none of them comes any more for an alert's job and instance, the alert
// is unknown, not mended.
func Sources(files []File, expr string) ([]string, error) {
	names, err := Metrics(expr)
	if err != nil {
		return nil, err
	}
	made := map[string][]string{}
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Record != "" {
					made[r.Record] = append(made[r.Record], r.Metrics...)
				}
			}
		}
	}
	var out []string
	seen := map[string]bool{}
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if seen[name] || strings.HasPrefix(name, "ALERTS") {
			continue
		}
		seen[name] = true
		if parts, ok := made[name]; ok {
			names = append(slices.Clone(names), parts...)
			continue
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out, nil
}
