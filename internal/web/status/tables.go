package status

import (
	"cmp"
	"html/template"
	"slices"
	"strings"
)

// How much of these lists is shown.
const (
	foldFrom    = 12 // lists of more that are all fine are folded
	maxMessages = 20
)

// key is what a target is known by.
type key struct{ job, instance string }

type targetView struct {
	Title, Instance    string // Instance is empty where it is the title
	Why                template.HTML
	Detail             string
	Page, From         string
	State              mark
	Since, LastSuccess moment
}

type jobView struct {
	Name    string
	State   mark
	Open    bool
	Targets []targetView
}

// jobs groups the targets by job; within one the bad ones come first. Bricks
// have a list of their own.
func (p *pen) jobs(targets []Target, bricks []Brick) []jobView {
	order := map[string]int{"node": 1, "postgres": 2, "rabbitmq": 3, "brick": 4, "probe": 5, "updates": 6}
	rank := func(job string) int { return cmp.Or(order[job], len(order)+1) }
	shown := map[key]bool{}
	for i := range bricks {
		shown[key{bricks[i].Job, bricks[i].Instance}] = true
	}
	sorted := slices.DeleteFunc(slices.Clone(targets), func(t Target) bool { return shown[key{t.Job, t.Instance}] })
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
	return map[State]int{Unknown: 1, Faulty: 2, Partial: 3, Trouble: 4, Down: 5}[s]
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
			Title: p.w.clean(t.Instance, maxName),
			State: p.stateMark(t.State), LastSuccess: p.at(t.LastSuccess), Page: t.Page,
			From: p.w.clean(t.From, maxName),
		}
		if t.Name != "" && t.Name != t.Instance {
			view.Title, view.Instance = p.w.clean(t.Name, maxName), view.Title
		}
		view.Why, view.Detail = p.why(t)
		if t.State != Good {
			view.Since = p.clock(t.Since)
		}
		v.Targets = append(v.Targets, view)
	}
	switch {
	case fine == len(targets):
		v.State = newMark(good, p.w.AllFine)
	default:
		v.State = newMark(p.stateMark(targets[0].State).Level, p.w.countOf(p.w.Of, fine, len(targets)))
	}
	v.Open = fine < len(targets) || len(targets) <= foldFrom
	return v
}

// why says what is wrong with a target, in our words and in those of what it
// met; the collectors' own errors stand in the list of what is not watched.
func (p *pen) why(t *Target) (why template.HTML, detail string) {
	if t.Reason != "" {
		return p.prose(p.because(probeReasons(), t.Reason), maxDetail), p.w.clean(t.Detail, maxDetail)
	}
	if t.Detail != "" {
		return p.prose(t.Detail, maxDetail), ""
	}
	var parts []string
	for _, f := range t.Failures {
		parts = append(parts, p.w.clean(f.Collector+p.w.Colon+" "+p.w.reason(f.Reason), maxName))
	}
	return p.prose(strings.Join(parts, "\n"), maxDetail), ""
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
	case Faulty:
		return newMark(warn, p.w.Faulty)
	default:
		return newMark(quiet, p.w.Unknown)
	}
}

type messageView struct {
	At           moment
	Voice, Error string
	Text         template.HTML
}

func (p *pen) messages(messages []Message) []messageView {
	sorted := slices.Clone(messages)
	slices.SortStableFunc(sorted, func(a, b Message) int { return b.At.Compare(a.At) })
	views := make([]messageView, 0, min(len(sorted), maxMessages))
	for _, m := range sorted[:min(len(sorted), maxMessages)] {
		views = append(views, messageView{
			At: p.at(m.At), Voice: p.w.clean(m.Voice, maxName),
			Text: p.prose(m.Text, maxDetail), Error: p.w.clean(m.Error, maxDetail),
		})
	}
	return views
}
