package alerts

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// A Wording puts notifications into words: what all voices share. Its texts
// are single lines without control characters; it is the voice that escapes
// them for where it writes.
type Wording struct {
	Language string         // fr, or English
	Location *time.Location // whose clock the reader reads; nil is UTC
}

// Phrases returns the fixed words of the wording's language.
func (w Wording) Phrases() Phrases { return phrases(w.Language) }

// Summary returns the alert in one line: what, where, how bad. A rule without
// a summary is called by its name and place.
func (w Wording) Summary(a Alert) string {
	if s := w.annotation(a, "summary"); s != "" {
		return s
	}
	where := a.Labels["host"]
	for _, label := range []string{"brick", "instance"} {
		if where == "" {
			where = a.Labels[label]
		}
	}
	if where == "" {
		return OneLine(a.Name())
	}
	return OneLine(where + w.Phrases().Colon + a.Name())
}

// Description returns what the alert means and what to look at first; often
// empty.
func (w Wording) Description(a Alert) string { return w.annotation(a, "description") }

// annotation returns an annotation in the reader's language, else in the
// rule's.
func (w Wording) annotation(a Alert, name string) string {
	if w.Language != "" && w.Language != "en" {
		if s := OneLine(a.Annotations[name+"_"+w.Language]); s != "" {
			return s
		}
	}
	return OneLine(a.Annotations[name])
}

// Headline is the first line of a message, and all that a telephone shows: a
// mark for how bad it is, the first alert in at most so many characters, and
// how many more there are.
func (w Wording) Headline(n Notification, summary int) string {
	p := w.Phrases()
	first, others := n.Alerts[0], n.Firing()-1
	prefix := ""
	if n.Firing() == 0 {
		others = len(n.Alerts) - 1
		prefix = p.Resolved + p.Colon
		if n.AllUnwatched() {
			prefix = p.Unwatched + p.Colon
		}
	}
	line := n.Mark() + " " + prefix + Cut(w.Summary(first), summary)
	if others > 0 {
		line += " — " + w.More(others)
	}
	return line
}

// More says that n alerts are not shown.
func (w Wording) More(n int) string {
	if n == 1 {
		return w.Phrases().MoreOne
	}
	return fmt.Sprintf(w.Phrases().More, n)
}

// Since says since when the alert fires and how long that is at ref, or from
// when to when it fired.
func (w Wording) Since(a Alert, ref time.Time) string {
	p := w.Phrases()
	if a.Resolved() {
		return fmt.Sprintf(p.Lasted, w.Clock(a.StartsAt, ref), w.Clock(a.EndsAt, ref), w.Duration(a.EndsAt.Sub(a.StartsAt)))
	}
	return fmt.Sprintf(p.Since, w.Clock(a.StartsAt, ref), w.Duration(ref.Sub(a.StartsAt)))
}

// Clock writes a moment as short as a reader at ref can understand it: the
// time, with the day where it is another one, with the year likewise.
func (w Wording) Clock(t, ref time.Time) string {
	loc := w.Location
	if loc == nil {
		loc = time.UTC
	}
	t, ref = t.In(loc), ref.In(loc)
	text := t.Format("15:04")
	if t.YearDay() == ref.YearDay() && t.Year() == ref.Year() {
		return text
	}
	day := fmt.Sprintf("%d %s", t.Day(), w.Phrases().Months[t.Month()-1])
	if t.Year() != ref.Year() {
		day += fmt.Sprintf(" %d", t.Year())
	}
	return day + " " + text
}

// Duration writes a duration with its two largest units, where the second
// tells something.
func (w Wording) Duration(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 24*time.Hour:
		text := fmt.Sprintf("%d h", d/time.Hour)
		if minutes := d % time.Hour / time.Minute; minutes > 0 {
			text += fmt.Sprintf(" %02d min", minutes)
		}
		return text
	default:
		text := fmt.Sprintf("%d %s", d/(24*time.Hour), w.Phrases().Day)
		if hours := d % (24 * time.Hour) / time.Hour; hours > 0 {
			text += fmt.Sprintf(" %d h", hours)
		}
		return text
	}
}

// OneLine makes one line of a text that comes from outside: white space of
// all kinds becomes one space, control characters and those that turn the
// direction of writing go, what is not UTF-8 is marked.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	return strings.Join(strings.Fields(s), " ")
}

// Cut shortens a text to at most n characters, the last of which then tells
// that it was cut.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	runes := 0
	end := 0
	for i := range s {
		if runes == n-1 {
			end = i
		}
		runes++
		if runes > n {
			return strings.TrimRight(s[:end], " ") + "…"
		}
	}
	return s
}
