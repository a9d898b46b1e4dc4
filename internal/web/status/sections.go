package status

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// How much of each list is shown.
const (
	maxLabels   = 16
	foldFrom    = 12 // lists of more that are all fine are folded
	maxMessages = 20
	maxAlerts   = 200
	maxGaps     = 200
)

type labelView struct{ Name, Value string }

type alertView struct {
	W                         *words
	State                     mark
	Name, Title, Description  string
	Detail, Link              string
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
		Title:       p.w.clean(cmp.Or(a.Summary, a.Name), maxName),
		Description: p.w.clean(a.Description, maxDetail),
		Detail:      p.w.clean(a.Detail, maxDetail),
		Since:       p.at(a.Since),
		NoData:      p.at(a.NoDataSince),
		Link:        link(a.Link),
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
	What, Why, Detail string
	Since             moment
}

// gaps lists all that should be watched and is not: what the caller names,
// a configuration that was refused, collectors that fail, targets that were
// never measured.
func (p *pen) gaps(s *Status) []gapView {
	var views []gapView
	if c := s.Configuration; c.Refused != "" {
		views = append(views, gapView{
			What: p.w.ConfigTitle, Why: p.w.ConfigRefused,
			Detail: p.w.clean(c.Refused, maxDetail), Since: p.at(c.RefusedAt),
		})
	}
	for _, g := range s.Gaps {
		views = append(views, gapView{
			What: p.w.clean(g.What, maxName), Why: p.w.clean(g.Detail, maxDetail), Since: p.at(g.Since),
		})
	}
	for i := range s.Targets {
		if t := &s.Targets[i]; t.State != Unknown || s.Starting == "" {
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
			What:   name + ": " + p.w.clean(f.Collector, maxName),
			Why:    p.w.clean(p.w.reason(f.Reason), maxName),
			Detail: p.w.clean(f.Error, maxDetail),
			Since:  p.at(f.Since),
		})
	}
	if len(views) == 0 && (t.State == Down || t.State == Partial || t.State == Unknown) {
		views = append(views, gapView{
			What: name, Why: p.stateMark(t.State).Text, Detail: p.w.clean(t.Detail, maxDetail), Since: p.at(t.Since),
		})
	}
	return views
}

type targetView struct {
	Instance, Why      string
	State              mark
	Since, LastSuccess moment
}

type jobView struct {
	Name    string
	State   mark
	Open    bool
	Targets []targetView
}

// jobs groups the targets by job; within one the bad ones come first.
func (p *pen) jobs(targets []Target) []jobView {
	order := map[string]int{"node": 1, "postgres": 2, "rabbitmq": 3, "brick": 4, "probe": 5, "updates": 6}
	rank := func(job string) int { return cmp.Or(order[job], len(order)+1) }
	sorted := slices.Clone(targets)
	slices.SortStableFunc(sorted, func(a, b Target) int {
		return cmp.Or(
			cmp.Compare(rank(a.Job), rank(b.Job)), strings.Compare(a.Job, b.Job),
			cmp.Compare(badness(b.State), badness(a.State)), strings.Compare(a.Instance, b.Instance),
		)
	})
	var views []jobView
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Job == sorted[0].Job {
			n++
		}
		views = append(views, p.job(sorted[:n]))
		sorted = sorted[n:]
	}
	return views
}

func badness(s State) int {
	return map[State]int{Unknown: 1, Partial: 2, Trouble: 3, Down: 4}[s]
}

func (p *pen) job(targets []Target) jobView {
	v := jobView{Name: p.w.clean(targets[0].Job, maxName)}
	fine := 0
	for i := range targets {
		t := &targets[i]
		if t.State == Good {
			fine++
		}
		view := targetView{
			Instance: p.w.clean(t.Instance, maxName), Why: p.why(t),
			State: p.stateMark(t.State), LastSuccess: p.at(t.LastSuccess),
		}
		if t.State != Good {
			view.Since = p.clock(t.Since)
		}
		v.Targets = append(v.Targets, view)
	}
	switch {
	case fine == len(targets):
		v.State = newMark(good, p.w.AllFine)
	default:
		v.State = newMark(p.stateMark(targets[0].State).Level, fmt.Sprintf(p.w.Of, fine, len(targets)))
	}
	v.Open = fine < len(targets) || len(targets) <= foldFrom
	return v
}

// why says what is wrong with a target; the collectors' own errors stand in
// the list of what is not watched.
func (p *pen) why(t *Target) string {
	if t.Detail != "" {
		return p.w.clean(t.Detail, maxDetail)
	}
	var parts []string
	for _, f := range t.Failures {
		parts = append(parts, p.w.clean(f.Collector+": "+p.w.reason(f.Reason), maxName))
	}
	return strings.Join(parts, "\n")
}

func (p *pen) stateMark(s State) mark {
	switch s {
	case Good:
		return newMark(good, p.w.Good)
	case Partial:
		return newMark(warn, p.w.Partial)
	case Trouble:
		return newMark(bad, p.w.Trouble)
	case Down:
		return newMark(bad, p.w.Down)
	default:
		return newMark(quiet, p.w.Unknown)
	}
}

type certificateView struct {
	Name, Problem string
	State         mark
	NotAfter      moment
}

// Days before a certificate's end from which it is marked; the rules of the
// same names alert on the same days.
const (
	certificateSoon = 21
	certificateLast = 7
)

// certificates lists them by the day of their end.
func (p *pen) certificates(v *view, certificates []Certificate) {
	sorted := slices.Clone(certificates)
	slices.SortStableFunc(sorted, func(a, b Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	worst := good
	for _, c := range sorted {
		view := certificateView{
			Name: p.w.clean(c.Name, maxName), Problem: p.w.clean(c.Problem, maxDetail),
			State: p.remaining(c), NotAfter: p.clock(c.NotAfter),
		}
		if view.State.Level == bad || (view.State.Level == warn && worst == good) {
			worst = view.State.Level
		}
		v.Certificates = append(v.Certificates, view)
	}
	if len(sorted) == 0 {
		return
	}
	v.CertificatesCount = p.w.count(p.w.CertificatesOf, len(sorted))
	v.CertificatesState = newMark(worst, p.w.AllFine)
	if worst != good {
		v.CertificatesState = newMark(worst, p.w.LookBelow)
	}
	v.CertificatesOpen = worst != good || len(sorted) <= foldFrom
}

func (p *pen) remaining(c Certificate) mark {
	left := c.NotAfter.Sub(p.now)
	days := int(left.Hours() / 24)
	switch {
	case left <= 0:
		return newMark(bad, p.w.Expired)
	case c.Problem != "" || days < certificateLast:
		return newMark(bad, p.days(days))
	case days < certificateSoon:
		return newMark(warn, p.days(days))
	default:
		return newMark(good, p.days(days))
	}
}

type messageView struct {
	At                 moment
	Voice, Text, Error string
}

func (p *pen) messages(messages []Message) []messageView {
	sorted := slices.Clone(messages)
	slices.SortStableFunc(sorted, func(a, b Message) int { return b.At.Compare(a.At) })
	views := make([]messageView, 0, min(len(sorted), maxMessages))
	for _, m := range sorted[:min(len(sorted), maxMessages)] {
		views = append(views, messageView{
			At: p.at(m.At), Voice: p.w.clean(m.Voice, maxName),
			Text: p.w.clean(m.Text, maxDetail), Error: p.w.clean(m.Error, maxDetail),
		})
	}
	return views
}

type fact struct {
	Name, Text string
	State      mark
	When       moment
}

type facts struct {
	Title string
	Rows  []fact
}

// facts tell of the instance itself: its configuration and its engine.
func (p *pen) facts(s *Status) []facts {
	w, c := p.w, s.Configuration
	configuration := facts{Title: w.ConfigTitle, Rows: []fact{
		{Name: w.ConfigFile, Text: cmp.Or(w.clean(c.File, maxName), w.NoFile)},
		{Name: w.LoadedAt, When: p.at(c.LoadedAt)},
	}}
	if c.Refused != "" {
		configuration.Rows = append(configuration.Rows,
			fact{Name: w.LastReload, State: newMark(bad, w.ReloadRefused), When: p.at(c.RefusedAt)})
	} else {
		configuration.Rows = append(configuration.Rows, fact{Name: w.LastReload, State: newMark(good, w.ReloadGood)})
	}
	configuration.Rows = append(configuration.Rows, fact{Name: w.StartedAt, When: p.at(s.Started)})
	return []facts{configuration, p.engine(s.Engine)}
}

func (p *pen) engine(e *Engine) facts {
	w := p.w
	if e == nil {
		return facts{Title: w.EngineTitle, Rows: []fact{{Name: w.State, Text: w.EngineOff}}}
	}
	disk := p.bytes(e.DiskBytes)
	if e.DiskLimitBytes > 0 {
		disk += " " + w.DiskOf + " " + p.bytes(e.DiskLimitBytes)
	}
	rows := []fact{
		{Name: w.Series, Text: p.number(e.Series)},
		{Name: w.Samples, Text: p.number(int(e.SamplesPerSecond + 0.5))},
		{Name: w.Rules, Text: p.number(e.Rules)},
		{Name: w.Evaluated, When: p.at(e.LastEvaluation)},
		{Name: w.Oldest, When: p.at(e.Oldest)},
		{Name: w.Disk, Text: disk},
	}
	if e.LastEvaluation.IsZero() {
		rows[3].Text = w.Never
	}
	if e.Oldest.IsZero() || e.Oldest.After(p.now.Add(-time.Second)) {
		rows = slices.Delete(rows, 4, 5)
	}
	if e.Trouble != "" {
		rows = append([]fact{{Name: w.State, State: newMark(bad, w.clean(e.Trouble, maxDetail))}}, rows...)
	}
	return facts{Title: w.EngineTitle, Rows: rows}
}
