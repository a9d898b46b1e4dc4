package status

import (
	"cmp"
	"slices"
	"strings"
)

// maxAdvisories is how many are named.
const maxAdvisories = 10

type updateView struct {
	Project, Host string
	// States are how it stands, the gravest first.
	States                         []updateState
	Deployed, NewestInLine, Newest string
	Link                           string
	Advisories                     string
	Asked, Read                    moment
	Unreadable                     bool
	Why, Detail                    string
	order                          int
}

// updateState is one thing to say of a project; Since is set where it is known.
type updateState struct {
	mark

	Since moment
}

func (v updateView) level() string { return v.States[0].Level }

// updates lists what is behind first.
func (p *pen) updates(updates []Update) []group[updateView] {
	views := make([]updateView, len(updates))
	for i := range updates {
		views[i] = p.update(&updates[i])
	}
	slices.SortStableFunc(views, func(a, b updateView) int {
		return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.Project, b.Project), strings.Compare(a.Host, b.Host))
	})
	return grouped(p, views, p.w.ProjectsOf, p.w.AllCurrent, p.w.OfCurrent)
}

func (p *pen) update(u *Update) updateView {
	v := updateView{
		Project: p.w.clean(u.Project, maxName), Host: p.w.clean(u.Host, maxName),
		Deployed: p.w.clean(u.Deployed, maxName), NewestInLine: p.w.clean(u.NewestInLine, maxName), Newest: p.w.clean(u.Newest, maxName),
		Link: link(u.Link), Asked: p.at(u.Asked), Read: p.at(u.Read),
	}
	named := u.Advisories[:min(len(u.Advisories), maxAdvisories)]
	v.Advisories = p.w.clean(strings.Join(named, ", "), maxName)
	if u.Reason != "" {
		v.Unreadable = true
		v.Why, v.Detail = p.because(sourceReasons(), u.Reason), p.w.clean(u.Detail, maxDetail)
	}
	v.States, v.order = p.updateStates(u)
	return v
}

// updateStates says how a project stands, and where it comes in the list.
func (p *pen) updateStates(u *Update) (states []updateState, order int) {
	add := func(at int, m mark) {
		if len(states) == 0 {
			order = at
		}
		states = append(states, updateState{mark: m})
	}
	known := u.Deployed != "" && u.Newest != ""
	if known && u.Security {
		add(0, newMark(bad, p.w.SecurityWaits))
	}
	if known && u.Behind > 0 {
		add(1, newMark(warn, p.w.count(p.w.BehindOf, u.Behind)))
		states[len(states)-1].Since = p.at(u.BehindSince)
	}
	if u.Reason != "" {
		add(2, newMark(warn, p.w.SourceUnread))
	}
	switch {
	case u.Newest == "" && u.Reason == "":
		add(5, newMark(quiet, p.w.SourceUnasked))
	case u.Deployed == "" && u.Newest != "":
		add(3, newMark(quiet, p.w.DeployedUnknown))
	}
	if known && u.NewLine {
		add(4, mark{Level: quiet, Sign: "i", Text: p.w.NewLine})
	}
	if len(states) == 0 {
		add(6, newMark(good, p.w.UpToDate))
	}
	return states, order
}
