package updatewatch

import (
	"fmt"
	"strings"
	"time"
)

// maxRows of a digest are written out.
const maxRows = 20

// summary is the one message of the first look.
func summary(all []Status, group string, now time.Time) Announcement {
	a := Announcement{Group: group, Topic: Summary, At: now, Since: now, Texts: map[string]Text{}}
	for _, w := range allWords() {
		head := fmt.Sprintf(w.watched, len(all))
		if n := len(waiting(all)); n > 0 {
			head += ", " + fmt.Sprintf(w.waiting, n)
		} else {
			head += ", " + w.current
		}
		a.Texts[w.language] = Text{Summary: head, Description: w.table(all)}
	}
	return a
}

// reminder tells again what waits; ok is false where nothing does.
func reminder(all []Status, now time.Time) (a Announcement, ok bool) {
	late := waiting(all)
	if len(late) == 0 {
		return a, false
	}
	a = Announcement{Group: "updates-reminder/" + now.UTC().Format(time.DateOnly), Topic: Remind, At: now, Since: now, Texts: map[string]Text{}}
	for _, s := range late {
		a.Security = a.Security || s.security()
	}
	for _, w := range allWords() {
		a.Texts[w.language] = Text{Summary: fmt.Sprintf(w.late, len(late)), Description: w.table(late)}
	}
	return a, true
}

// waiting lists the projects for which an update waits; what is of security
// comes first.
func waiting(all []Status) []Status {
	var first, others []Status
	for _, s := range all {
		switch {
		case !s.Waiting():
		case s.security():
			first = append(first, s)
		default:
			others = append(others, s)
		}
	}
	return append(first, others...)
}

// table lists what waits, and what could not be asked.
func (w words) table(all []Status) string {
	var rows, failing []string
	for _, s := range waiting(all) {
		rows = append(rows, w.headline(&s))
	}
	for _, s := range all {
		if s.Newest == "" && s.Reason != "" {
			failing = append(failing, s.Name)
		}
	}
	rows = w.cut(rows)
	if len(failing) > 0 {
		rows = append(rows, fmt.Sprintf(w.failing, strings.Join(w.cut(failing), ", ")))
	}
	return strings.Join(rows, " · ")
}

func (w words) cut(rows []string) []string {
	if left := len(rows) - maxRows; left > 0 {
		return append(rows[:maxRows:maxRows], fmt.Sprintf(w.more, left))
	}
	return rows
}
