package status

import (
	"cmp"
	"html/template"
	"maps"
	"slices"
	"strings"
)

// How much of these lists is shown.
const (
	maxLabels = 16
	maxAlerts = 200
	maxGaps   = 200
)

type labelView struct{ Name, Value string }

type alertView struct {
	W                         *words
	State                     mark
	Name, Detail, Link, Page  string
	Title, Description        template.HTML
	Since, NoData             moment
	Silenced                  bool
	SilencedBy, SilenceReason string
	SilencedUntil             moment
	Labels                    []labelView
}

// alerts puts those that are not silenced first, then the grave ones, then
// the old ones.
func (p *pen) alerts(alerts []Alert) []alertView {
	grave := map[string]int{"critical": 0, "warning": 1}
	rank := func(a Alert) int {
		if r, ok := grave[a.Severity]; ok {
			return r
		}
		return len(grave)
	}
	sorted := slices.Clone(alerts)
	slices.SortStableFunc(sorted, func(a, b Alert) int {
		if (a.Silence == nil) != (b.Silence == nil) {
			if a.Silence == nil {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Since.Compare(b.Since), strings.Compare(a.Name, b.Name))
	})
	views := make([]alertView, len(sorted))
	for i := range sorted {
		views[i] = p.alert(&sorted[i])
	}
	return views
}

func (p *pen) alert(a *Alert) alertView {
	v := alertView{
		W:           &p.w,
		Name:        p.w.clean(a.Name, maxName),
		Title:       p.prose(cmp.Or(a.Summary, a.Name), maxName),
		Description: p.prose(a.Description, maxDetail),
		Detail:      p.w.clean(a.Detail, maxDetail),
		Since:       p.at(a.Since),
		NoData:      p.at(a.NoDataSince),
		Link:        link(a.Link),
		Page:        a.Page,
	}
	switch a.Severity {
	case "critical":
		v.State = newMark(bad, p.w.Critical)
	case "info":
		v.State = mark{Level: quiet, Sign: "i", Text: p.w.Info}
	default:
		v.State = newMark(warn, p.w.Warning)
	}
	if a.Silence != nil {
		v.Silenced = true
		v.SilencedBy = p.w.clean(a.Silence.By, maxName)
		v.SilenceReason = p.w.clean(a.Silence.Reason, maxName)
		v.SilencedUntil = p.clock(a.Silence.Until)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		if name == "alertname" || name == "severity" || a.Labels[name] == "" {
			continue
		}
		if len(v.Labels) == maxLabels {
			break
		}
		v.Labels = append(v.Labels, labelView{p.w.clean(name, maxName), p.w.clean(a.Labels[name], maxName)})
	}
	return v
}

type gapView struct {
	State        mark
	What, Detail string
	Why          template.HTML
	Since        moment
}

// gaps lists all that should be watched and is not: what the caller names,
// a configuration that was refused, collectors that fail, targets that were
// never measured.
func (p *pen) gaps(s *Status) []gapView {
	var views []gapView
	if c := s.Configuration; c.Refused != "" {
		views = append(views, gapView{
			State: newMark(warn, ""), What: p.w.ConfigTitle, Why: p.prose(p.w.ConfigRefused, maxName),
			Detail: p.w.clean(c.Refused, maxDetail), Since: p.at(c.RefusedAt),
		})
	}
	for _, g := range s.Gaps {
		state := newMark(warn, "")
		if g.Aside {
			state = newMark(quiet, "")
		}
		views = append(views, gapView{
			State: state, What: p.w.clean(g.What, maxName), Why: p.prose(g.Detail, maxDetail), Since: p.at(g.Since),
		})
	}
	for i := range s.Targets {
		if t := &s.Targets[i]; t.State != Unknown || !s.Starting {
			views = append(views, p.targetGaps(t)...)
		}
	}
	return views
}

func (p *pen) targetGaps(t *Target) []gapView {
	name := p.w.clean(t.Job+" "+t.Instance, maxName)
	var views []gapView
	for _, f := range t.Failures {
		views = append(views, gapView{
			State:  newMark(warn, ""),
			What:   name + p.w.Colon + " " + p.w.clean(f.Collector, maxName),
			Why:    p.prose(p.w.reason(f.Reason), maxName),
			Detail: p.w.clean(f.Error, maxDetail),
			Since:  p.at(f.Since),
		})
	}
	if len(views) == 0 && (t.State == Down || t.State == Partial || t.State == Unknown) {
		views = append(views, gapView{
			State: newMark(warn, ""), What: name, Why: p.prose(p.stateMark(t.State).Text, maxName), Detail: p.w.clean(t.Detail, maxDetail), Since: p.at(t.Since),
		})
	}
	return views
}
