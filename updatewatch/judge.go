package updatewatch

import (
	"slices"
	"time"

	"tocsin/updatewatch/forge"
	"tocsin/updatewatch/version"
)

// A Status is how one project stands.
type Status struct {
	Name string `json:"name"`
	// Deployed is the version that runs here; empty where nobody says.
	Deployed string `json:"deployed,omitempty"`
	// Line is the release line of Deployed.
	Line string `json:"line,omitempty"`
	// NewestInLine and Newest are the newest releases known: of the deployed
	// line, and of all. Empty before the first answer.
	NewestInLine string `json:"newest_in_line,omitempty"`
	Newest       string `json:"newest,omitempty"`
	// Behind is how many releases of the line are newer than Deployed, and
	// BehindSince when the first of them came out.
	Behind      int       `json:"behind"`
	BehindSince time.Time `json:"behind_since,omitzero"`
	// NewerLine: a line above the deployed one has releases.
	NewerLine bool `json:"newer_line,omitempty"`
	// Security: one of the newer releases of the line speaks of security;
	// Advisories are what they name.
	Security   bool     `json:"security,omitempty"`
	Advisories []string `json:"advisories,omitempty"`
	// URL is the page of NewestInLine, or of Newest where nothing is deployed.
	URL string `json:"url,omitempty"`

	Source    string       `json:"source"`
	LastCheck time.Time    `json:"last_check,omitzero"`
	LastOK    time.Time    `json:"last_ok,omitzero"`
	NextCheck time.Time    `json:"next_check,omitzero"`
	Reason    forge.Reason `json:"reason,omitempty"` // why the newest check failed; empty: it did not
	Error     string       `json:"error,omitempty"`
	MovedTo   string       `json:"moved_to,omitempty"`
	Rejected  int          `json:"rejected,omitempty"`
	Overrun   bool         `json:"overrun,omitempty"`

	news *release // the newest release that is worth a message; nil: none
}

// Current tells whether what runs here is the newest of its line; known is
// false where nobody says what runs, or what is released.
func (s *Status) Current() (current, known bool) {
	return s.Behind == 0, s.Deployed != "" && s.Newest != ""
}

// judge compares what is deployed with what is known.
func (w *watched) judge(k *known, deployed string) Status {
	s := Status{Name: w.Name, Source: forge.Addresses(w.source)[0]}
	if k == nil {
		k = &known{}
	}
	s.LastCheck, s.LastOK, s.NextCheck, s.Reason, s.Error = k.LastCheck, k.LastOK, k.NextCheck, k.Reason, k.Error
	s.MovedTo, s.Rejected, s.Overrun = k.MovedTo, k.Rejected, k.Overrun
	runs := w.runs(deployed)
	s.Deployed, s.Line = runs.String(), runs.Line(w.Line)
	exact := slices.ContainsFunc(k.Versions, func(r release) bool { return w.compare(r.Version, s.Deployed) == 0 })
	for i := range k.Versions { // the newest first
		r := &k.Versions[i]
		v, err := w.scheme().Parse(r.Version)
		if err != nil || r.Pre && !w.Prereleases || w.ignored[v.String()] {
			continue
		}
		if s.Newest == "" {
			s.Newest = v.String()
			if runs.IsZero() {
				s.NewestInLine, s.URL = v.String(), r.URL
			}
		}
		if runs.IsZero() {
			if r.News && s.news == nil {
				s.news = r
			}
			continue
		}
		newer := v.Compare(runs) > 0 && (exact || !runs.Coarser(v))
		w.weigh(&s, r, v, newer)
	}
	slices.Sort(s.Advisories)
	s.Advisories = slices.Compact(s.Advisories)
	return s
}

// weigh takes one release into account, the newest ones first.
func (w *watched) weigh(s *Status, r *release, v version.Version, newer bool) {
	if v.Line(w.Line) != s.Line {
		if newer {
			s.NewerLine = true
			if r.First && s.news == nil {
				s.news = r
			}
		}
		return
	}
	if s.NewestInLine == "" {
		s.NewestInLine, s.URL = v.String(), r.URL
	}
	if !newer {
		return
	}
	s.Behind++
	if s.BehindSince.IsZero() || r.at().Before(s.BehindSince) {
		s.BehindSince = r.at()
	}
	s.Security = s.Security || r.Security
	if len(s.Advisories) < 20 {
		s.Advisories = append(s.Advisories, r.Advisories...)
	}
	if r.News && (s.news == nil || s.news.First) {
		s.news = r
	}
}

// runs reads what a deployed program, its package or the site file says.
func (w *watched) runs(text string) version.Version {
	if text == "" {
		return version.Version{}
	}
	if w.scheme() != version.Deb {
		extracted, ok := w.pattern.Deployed(text)
		if !ok {
			return version.Version{}
		}
		text = extracted
	}
	v, err := w.scheme().Parse(text)
	if err != nil {
		return version.Version{}
	}
	return v
}
