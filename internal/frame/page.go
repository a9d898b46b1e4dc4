package frame

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// What the frame adds to every page.
var (
	durationFamily = &Family{
		Name: "tocsin_collector_duration_seconds", Type: Gauge, Labels: []string{"collector"},
		Help: "How long the collector's newest run took.",
	}
	successFamily = &Family{
		Name: "tocsin_collector_success", Type: Gauge, Labels: []string{"collector"},
		Help: "Whether the collector's newest run succeeded.",
	}
	lastSuccessFamily = &Family{
		Name: "tocsin_collector_last_success_timestamp_seconds", Type: Gauge, Labels: []string{"collector"},
		Help: "When the collector last succeeded; absent if it never did.",
	}
	failureFamily = &Family{
		Name: "tocsin_collector_failure_info", Type: Gauge, Labels: []string{"collector", "reason"},
		Help: "Why the collector's newest run failed; absent when it succeeded.",
	}
)

// Families lists what the frame itself adds to a target's page.
func Families() []*Family {
	return []*Family{durationFamily, successFamily, lastSuccessFamily, failureFamily}
}

// aliases repeat two of them under the names that another exporter gave them.
func aliases(prefix string) []*Family {
	return []*Family{
		{
			Name: prefix + "_duration_seconds", Type: Gauge, Labels: []string{"collector"},
			Help: "How long the collector's newest run took, under the name of the exporter that this page replaces.",
		},
		{
			Name: prefix + "_success", Type: Gauge, Labels: []string{"collector"},
			Help: "Whether the collector's newest run succeeded, under the name of the exporter that this page replaces.",
		},
	}
}

// page merges what the collectors sent with how they stand.
func (t *Target) page(results []map[string]*family) []*dto.MetricFamily {
	all := make(map[string]*family)
	for i, sent := range results {
		for name, fam := range sent {
			have, ok := all[name]
			if !ok {
				all[name] = fam
				continue
			}
			merged, err := merge(have, fam)
			if err != nil {
				r := t.runs[i]
				r.mu.Lock()
				r.state.Reason, r.state.Error = ReasonInvalid, err.Error()
				r.mu.Unlock()
				continue
			}
			all[name] = merged
		}
	}
	maps.Copy(all, t.standing())
	page := make([]*dto.MetricFamily, 0, len(all))
	for _, fam := range all {
		if len(fam.dto.Metric) > 0 {
			page = append(page, fam.dto)
		}
	}
	slices.SortFunc(page, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return page
}

// merge puts two collectors' samples of one family together, in a new family:
// the old ones may be on a page that is being written.
func merge(a, b *family) (*family, error) {
	if a.declared.Type != b.declared.Type || !slices.Equal(a.declared.Labels, b.declared.Labels) {
		return nil, fmt.Errorf("%s is sent by two collectors with two types or label sets", a.declared.Name)
	}
	out := &family{declared: a.declared, dto: &dto.MetricFamily{
		Name: a.dto.Name, Help: a.dto.Help, Type: a.dto.Type, Metric: slices.Clone(a.dto.Metric),
	}}
	for _, m := range b.dto.Metric {
		if !out.add(m) {
			return nil, fmt.Errorf("%s is sent by two collectors with the same labels", a.declared.Name)
		}
	}
	return out, nil
}

// standing says how the collectors stand, as metrics.
func (t *Target) standing() map[string]*family {
	declared := Families()
	var alias []*Family
	if t.spec.Alias != "" {
		alias = aliases(t.spec.Alias)
		declared = append(declared, alias...)
	}
	sink := NewSink(declared)
	for _, s := range t.States() {
		if s.LastRun.IsZero() {
			continue
		}
		success := 1.0
		if s.Reason != "" {
			success = 0
			sink.Send(failureFamily, 1, s.Collector, string(s.Reason))
		}
		sink.Send(successFamily, success, s.Collector)
		sink.Send(durationFamily, s.Duration.Seconds(), s.Collector)
		if !s.LastSuccess.IsZero() {
			sink.Send(lastSuccessFamily, float64(s.LastSuccess.UnixMilli())/1000, s.Collector)
		}
		if alias != nil {
			sink.Send(alias[0], s.Duration.Seconds(), s.Collector)
			sink.Send(alias[1], success, s.Collector)
		}
	}
	families, _ := sink.seal()
	return families
}
