package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxSeen is how many targets of one certificate are named.
const maxSeen = 20

type certificateView struct {
	Names     []string
	MoreNames string
	State     mark
	NotAfter  moment
	Problems  []problemView
}

func (v certificateView) level() string { return v.State.Level }

// problemView is why a certificate does not hold; Name says for which of
// several targets.
type problemView struct{ Name, Why, Detail string }

// certificates lists them by the day of their end, each once.
func (p *pen) certificates(s *Status) []group[certificateView] {
	sorted := slices.Clone(s.Certificates)
	slices.SortStableFunc(sorted, func(a, b Certificate) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), strings.Compare(a.Name, b.Name), strings.Compare(a.From, b.From))
	})
	var rows [][]Certificate
	known := map[string]int{} // the row of a fingerprint
	for _, c := range sorted {
		if i, ok := known[c.Fingerprint]; ok {
			rows[i] = append(rows[i], c)
			continue
		}
		if c.Fingerprint != "" {
			known[c.Fingerprint] = len(rows)
		}
		rows = append(rows, []Certificate{c})
	}
	views := make([]certificateView, len(rows))
	for i, seen := range rows {
		views[i] = p.certificate(s, onceEach(seen))
	}
	return grouped(p, views, p.w.CertificatesOf, p.w.AllFine, p.w.Of)
}

// onceEach takes out what several places saw of one target alike.
func onceEach(seen []Certificate) []Certificate {
	type sight struct{ name, reason string }
	known := map[sight]bool{}
	return slices.DeleteFunc(seen, func(c Certificate) bool {
		one := sight{c.Name, c.Reason}
		again := known[one]
		known[one] = true
		return again
	})
}

// certificate is the row of one, as several targets present it.
func (p *pen) certificate(s *Status, seen []Certificate) certificateView {
	v := certificateView{NotAfter: p.clock(seen[0].NotAfter)}
	for i, c := range seen {
		if state := p.remaining(s, c); i == 0 || worse(v.State.Level, state.Level) != v.State.Level {
			v.State = state
		}
		if i >= maxSeen {
			continue
		}
		name := p.w.clean(c.Name, maxName)
		if c.From != "" {
			name += " (" + p.w.SeenFrom + " " + p.w.clean(c.From, maxName) + ")"
		}
		v.Names = append(v.Names, name)
		if c.Reason == "" && c.Problem == "" {
			continue
		}
		problem := problemView{Why: p.because(certificateReasons(), c.Reason), Detail: p.w.clean(c.Problem, maxDetail)}
		if len(seen) > 1 {
			problem.Name = name
		}
		v.Problems = append(v.Problems, problem)
	}
	if more := len(seen) - maxSeen; more > 0 {
		v.MoreNames = p.w.count(p.w.AndMore, more)
	}
	return v
}

// remaining says how long a certificate still lasts, and how grave that is.
func (p *pen) remaining(s *Status, c Certificate) mark {
	left := c.NotAfter.Sub(p.now)
	level := good
	switch {
	case left <= 0, left < s.Last:
		level = bad
	case left < s.Soon:
		level = warn
	}
	if c.Reason != "" || c.Problem != "" {
		level = bad
		if c.Accepted {
			level = warn
		}
	}
	if left <= 0 {
		return newMark(level, fmt.Sprintf(p.w.ExpiredAgo, p.duration(-left)))
	}
	// Days are rounded, as in the text of the alert.
	if left >= 48*time.Hour {
		left = left.Round(24 * time.Hour)
	}
	return newMark(level, fmt.Sprintf(p.w.Left, p.duration(left)))
}
