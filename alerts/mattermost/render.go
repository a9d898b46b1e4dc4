package mattermost

import (
	"fmt"
	"strings"
	"time"

	"tocsin/alerts"
)

// A size is how much a message may tell. When the server refuses one as too
// large, the next smaller is tried.
type size struct {
	alerts, summary, description, detail int
}

// sizes returns all sizes, the usual one first. The last has the headline
// alone, which every server takes.
func sizes() []size {
	return []size{
		{alerts: 10, summary: 200, description: 600, detail: 300},
		{alerts: 3, summary: 120, description: 200, detail: 100},
		{alerts: 0, summary: 120},
	}
}

// A renderer makes Mattermost's form of a notification.
type renderer struct {
	words    alerts.Wording
	external string // where the title leads when the alert has no link
	mentions map[string]string
}

// attachment is the whole message: all that changes while the group lives.
func (r renderer) attachment(n alerts.Notification, t told, s size) attachment {
	title := plain(r.words.Headline(n, s.summary))
	a := attachment{
		// What a telephone shows: posts have no text besides.
		Fallback: title,
		Color:    color(n),
		Title:    title,
		Pretext:  r.mentions[n.Worst()],
		Text:     strings.Join(r.body(n, t, s), "\n"),
		Footer:   fmt.Sprintf(r.words.Phrases().AsOf, r.words.Clock(n.At, t.Opened)),
	}
	if n.Firing() == 0 {
		a.Pretext = ""
	}
	if linkable(n.Alerts[0].Link) {
		a.TitleLink = n.Alerts[0].Link
	} else if linkable(r.external) {
		a.TitleLink = r.external
	}
	return a
}

// unwatchedColor is the grey of what nobody watches any more.
const unwatchedColor = "#8a8f98"

func color(n alerts.Notification) string {
	switch {
	case n.AllUnwatched():
		return unwatchedColor
	case n.Firing() == 0:
		return "good"
	case n.Worst() == alerts.Critical:
		return "danger"
	case n.Worst() == alerts.Info:
		return "#2389d7"
	default:
		return "warning"
	}
}

// body returns the lines below the title: each alert, and below them what the
// rule says of the first, which is much the same for all.
func (r renderer) body(n alerts.Notification, t told, s size) []string {
	p := r.words.Phrases()
	var lines []string
	if t.Count > 1 {
		lines = append(lines, "↺ "+fmt.Sprintf(p.Again, t.Count, r.words.Clock(t.Opened, n.At)))
	}
	shown := min(len(n.Alerts), s.alerts)
	for i, a := range n.Alerts[:shown] {
		line := r.words.Since(a, n.At)
		if len(n.Alerts) > 1 {
			one := alerts.Notification{Alerts: []alerts.Alert{a}}
			line = one.Mark() + " **" + markdown(alerts.Cut(r.words.Summary(a), s.summary)) + "** · " + line
			// The title leads to the first alert.
			if l := link(p.Details, a.Link); l != "" && i > 0 {
				line += " · " + l
			}
		}
		lines = append(lines, line)
		lines = append(lines, r.about(a, n.At, s)...)
	}
	if left := len(n.Alerts) - shown; left > 0 && shown > 0 {
		lines = append(lines, "… "+r.words.More(left))
	}
	if d := r.words.Description(n.Alerts[0]); d != "" && n.Firing() > 0 && shown > 0 {
		lines = append(lines, markdown(alerts.Cut(d, s.description)))
	}
	return lines
}

// about returns the lines that an alert has besides when it fired.
func (r renderer) about(a alerts.Alert, at time.Time, s size) []string {
	p := r.words.Phrases()
	var lines []string
	if !a.NoDataSince.IsZero() && !a.Resolved() {
		lines = append(lines, "⚠️ "+fmt.Sprintf(p.NoData, r.words.Clock(a.NoDataSince, at)))
	}
	if a.Unwatched {
		lines = append(lines, p.Unwatched+p.Colon+p.Because)
	}
	if d := code(alerts.Cut(alerts.OneLine(a.Detail), s.detail)); d != "" && !a.Resolved() {
		lines = append(lines, d)
	}
	return lines
}

// reply is what the thread is told: one line for a telephone, then the other
// alerts that are new, and whom to call.
func (r renderer) reply(say notice, n alerts.Notification, t told, fresh []alerts.Alert) string {
	p := r.words.Phrases()
	about := n
	var prefix string
	switch say {
	case noticeNew:
		about.Alerts = fresh
		prefix = p.NewAlert
	case noticeAgain:
		prefix = fmt.Sprintf(p.AgainTold, t.Count)
	case noticeReminder:
		prefix = fmt.Sprintf(p.Still, r.words.Duration(n.At.Sub(n.Alerts[0].StartsAt)))
	case noticeSettled:
		prefix = p.Resolved + " " + fmt.Sprintf(p.After, r.words.Duration(lasted(n, t)))
		if n.AllUnwatched() {
			prefix = p.Unwatched
		}
	}
	line := about.Mark() + " " + prefix + p.Colon + markdown(alerts.Cut(r.words.Summary(about.Alerts[0]), 200))
	if others := len(about.Alerts) - 1; others > 0 {
		if n.Firing() > 0 {
			others = about.Firing() - 1
		}
		if others > 0 {
			line += " — " + r.words.More(others)
		}
	}
	if who := r.mentions[about.Worst()]; who != "" && n.Firing() > 0 {
		line += " " + who
	}
	lines := []string{line}
	if say == noticeNew {
		for _, a := range about.Alerts[1:min(5, len(about.Alerts))] {
			lines = append(lines, "• "+markdown(alerts.Cut(r.words.Summary(a), 200)))
		}
	}
	return strings.Join(lines, "\n")
}

// lasted is how long the trouble was there: from the first start to the last
// end. The alerts that were resolved before the last are not in n any more.
func lasted(n alerts.Notification, t told) time.Duration {
	from, to := n.Alerts[0].StartsAt, n.Alerts[0].EndsAt
	if t.Count == 1 && t.Opened.Before(from) {
		from = t.Opened
	}
	for _, a := range n.Alerts {
		if a.StartsAt.Before(from) {
			from = a.StartsAt
		}
		if a.EndsAt.After(to) {
			to = a.EndsAt
		}
	}
	return to.Sub(from)
}
