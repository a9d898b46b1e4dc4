package status

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How much of a text from outside is shown.
const (
	maxName   = 200
	maxDetail = 1200
	maxLink   = 2000
)

// clean makes a text from outside fit to be shown: valid, short, and without
// the characters that reorder or hide what stands around them. Escaping is
// the template's part.
func (w words) clean(s string, most int) string {
	// Bound the work first: a rune has at most four bytes.
	total := -1
	if len(s) > 4*most {
		total = utf8.RuneCountInString(s)
		s = s[:4*most]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return ' '
		default:
			return r
		}
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	runes := utf8.RuneCountInString(s)
	if total < 0 {
		total = runes
	}
	if runes > most {
		s = string([]rune(s)[:most])
	}
	if total > most {
		s += " " + fmt.Sprintf(w.More, total)
	}
	return s
}

// link returns s if it is an address that may be followed.
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxLink || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return s
}

// A moment is a time as the page shows it.
type moment struct{ ISO, Text, Ago string }

// at tells a time, and how long ago it was.
func (p *pen) at(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	m := p.clock(t)
	if d := p.now.Sub(t); d >= 0 {
		m.Ago = fmt.Sprintf(p.w.Ago, p.duration(d))
	}
	return m
}

// clock tells a time: the hour on the same day, else the day too.
func (p *pen) clock(t time.Time) moment {
	m := p.date(t)
	if sameDay(t.In(p.now.Location()), p.now) {
		m.Text = t.In(p.now.Location()).Format("15:04")
	}
	return m
}

// date tells the day and the hour, whatever day it is.
func (p *pen) date(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	t = t.In(p.now.Location())
	return moment{ISO: t.Format(time.RFC3339), Text: t.Format("2006-01-02 15:04")}
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}

// duration tells a span in one or two units.
func (p *pen) duration(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d\u00a0s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d\u00a0min", int(d.Minutes()))
	case d < 10*time.Hour && int(d.Minutes())%60 > 0:
		return fmt.Sprintf("%d\u00a0h\u00a0%02d", int(d.Hours()), int(d.Minutes())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d\u00a0h", int(d.Hours()))
	default:
		return p.days(int(d.Hours() / 24))
	}
}

func (p *pen) days(n int) string {
	if n == 1 || (n == 0 && p.w.Lang == "fr") {
		return fmt.Sprintf("%d\u00a0%s", n, p.w.Day)
	}
	return fmt.Sprintf("%d\u00a0%s", n, p.w.Days)
}

// number writes n in groups of three digits.
func (p *pen) number(n int) string {
	separator := ","
	if p.w.Lang == "fr" {
		separator = "\u202f"
	}
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteString(separator)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// bytes writes a size in steps of 1000.
func (p *pen) bytes(n int64) string {
	letter := "B"
	if p.w.Lang == "fr" {
		letter = "o"
	}
	size := float64(n)
	for _, unit := range []string{"", "k", "M", "G", "T"} {
		if math.Abs(size) < 1000 || unit == "T" {
			decimals := 0
			if unit != "" && size < 10 {
				decimals = 1
			}
			text := strconv.FormatFloat(size, 'f', decimals, 64)
			return p.w.decimal(text) + "\u00a0" + unit + letter
		}
		size /= 1000
	}
	return ""
}

// span tells a short time as a stopwatch does.
func (p *pen) span(d time.Duration) string {
	if d >= time.Second {
		return p.w.decimal(fmt.Sprintf("%.2f\u00a0s", d.Seconds()))
	}
	return p.w.decimal(fmt.Sprintf("%.1f\u00a0ms", float64(d)/float64(time.Millisecond)))
}

// decimal puts the comma of French in a number.
func (w words) decimal(number string) string {
	if w.Lang == "fr" {
		return strings.Replace(number, ".", ",", 1)
	}
	return number
}
