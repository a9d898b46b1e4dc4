package updatewatch

import (
	"slices"
	"strings"
	"time"

	"tocsin/updatewatch/forge"
	"tocsin/updatewatch/version"
)

// A Status is how one project stands.
type Status struct {
	Name string `json:"name"`
	// Newest is the newest release known, of all lines; empty before the first
	// answer.
	Newest string `json:"newest,omitempty"`
	// Deployments are what runs here, in the order of deployed_from. There
	// always is one.
	Deployments []Deployment `json:"deployments"`

	Source    string       `json:"source"`
	LastCheck time.Time    `json:"last_check,omitzero"`
	LastOK    time.Time    `json:"last_ok,omitzero"`
	NextCheck time.Time    `json:"next_check,omitzero"`
	Reason    forge.Reason `json:"reason,omitempty"` // why the newest check failed; empty: it did not
	Error     string       `json:"error,omitempty"`
	MovedTo   string       `json:"moved_to,omitempty"`
	Rejected  int          `json:"rejected,omitempty"`
	Overrun   bool         `json:"overrun,omitempty"`
}

// A Deployment is one installation of a project, against what is released.
type Deployment struct {
	// From is who tells its version, as deployed_from writes it; empty where
	// the site file does, or nobody.
	From string `json:"from,omitempty"`
	// Version is what runs; empty where that is not known.
	Version string `json:"version,omitempty"`
	// Unknown is why Version is not known, or was not heard anew.
	Unknown string `json:"unknown,omitempty"`
	// Line is the release line of Version, NewestInLine its newest release: of
	// all releases, where it is not known what runs.
	Line         string `json:"line,omitempty"`
	NewestInLine string `json:"newest_in_line,omitempty"`
	// Behind is how many releases of the line are newer than Version, and
	// BehindSince when the first of them came out.
	Behind      int       `json:"behind"`
	BehindSince time.Time `json:"behind_since,omitzero"`
	// SecuritySince is when the first of them came out that speaks of security;
	// zero: none does. Advisories are what they name.
	SecuritySince time.Time `json:"security_since,omitzero"`
	Advisories    []string  `json:"advisories,omitempty"`
	// NewerLine: a line above this one has releases.
	NewerLine bool `json:"newer_line,omitempty"`
	// Current: it is known that Version is the newest of its line.
	Current bool `json:"current,omitempty"`

	news *release // the newest release that is worth a message; nil: none
	out  *release // the one to be told of: the line's newest if Behind, else news

	place int // of out among all releases; the newest has 0
}

// Known tells whether what runs here could be compared with what is released.
func (d *Deployment) Known() bool { return d.Current || d.Behind > 0 }

// Link is the page of the release to be told of; empty where there is none.
func (d *Deployment) Link() string {
	if d.out == nil {
		return ""
	}
	return d.out.URL
}

// Security tells whether a newer release of the line speaks of security.
func (d *Deployment) Security() bool { return !d.SecuritySince.IsZero() }

// Waiting tells whether an update waits for any of the project's deployments.
func (s *Status) Waiting() bool {
	return slices.ContainsFunc(s.Deployments, func(d Deployment) bool { return d.Behind > 0 })
}

// news tells whether there is a release that is worth a message.
func (s *Status) news() bool {
	return slices.ContainsFunc(s.Deployments, func(d Deployment) bool { return d.news != nil })
}

// security tells whether what is to be told of speaks of security.
func (s *Status) security() bool {
	return slices.ContainsFunc(s.Deployments, func(d Deployment) bool { return d.Security() || d.news != nil && d.news.Security })
}

// upstream is one release that is known, with its version.
type upstream struct {
	*release
	version version.Version
}

// judge compares what is deployed with what is known.
func (w *watched) judge(k *known) Status {
	s := Status{
		Name: w.Name, Source: forge.Addresses(w.source)[0],
		LastCheck: k.LastCheck, LastOK: k.LastOK, NextCheck: k.NextCheck, Reason: k.Reason, Error: k.Error,
		MovedTo: k.MovedTo, Rejected: k.Rejected, Overrun: k.Overrun,
	}
	var all []upstream // the newest first
	for i := range k.Versions {
		if v, err := w.scheme().Parse(k.Versions[i].Version); err == nil {
			all = append(all, upstream{&k.Versions[i], v})
		}
	}
	if i := slices.IndexFunc(all, w.follows); i >= 0 {
		s.Newest = all[i].version.String()
	}
	known := false
	for _, from := range w.told() {
		d := w.stand(from, k.Runs[from], all)
		known = known || d.Version != ""
		s.Deployments = append(s.Deployments, d)
	}
	for i := range s.Deployments {
		if d := &s.Deployments[i]; known && d.Version == "" {
			d.news, d.out = nil, nil // the others tell
		}
	}
	return s
}

// follows tells whether a release is one that the site wants to hear of.
func (w *watched) follows(u upstream) bool {
	return (!u.Pre || w.Prereleases) && !w.ignored[u.version.String()]
}

// stand compares one deployment with the releases, the newest first.
func (w *watched) stand(from string, said running, all []upstream) Deployment {
	if from == "" {
		said.Version = w.Deployed
	}
	runs := w.runs(from, said.Version)
	d := Deployment{From: from, Version: runs.String(), Unknown: said.Error, Line: runs.Line(w.Line)}
	if said.Version != "" && runs.IsZero() {
		d.Unknown = "what it says of itself is no version"
	}
	// A service does not know the revision that Debian gave it.
	unrevised := w.scheme() == version.Deb && !strings.Contains(d.Version, "-")
	exact := slices.ContainsFunc(all, func(u upstream) bool { return u.version.Compare(runs) == 0 })
	for _, u := range all {
		switch {
		case !w.follows(u):
		case runs.IsZero():
			d.unknown(u)
		default:
			v := u.version
			if unrevised {
				v = w.parse(version.Upstream(u.Version))
			}
			d.weigh(u.release, v.Line(w.Line) == d.Line, v.Compare(runs) > 0 && (exact || !runs.Coarser(v)))
		}
	}
	d.Current = !runs.IsZero() && d.Behind == 0 && slices.ContainsFunc(all, w.follows)
	if d.Behind == 0 {
		d.out = d.news
	}
	d.place = slices.IndexFunc(all, func(u upstream) bool { return u.release == d.out })
	slices.Sort(d.Advisories)
	d.Advisories = slices.Compact(d.Advisories)
	return d
}

// unknown takes one release into account where it is not known what runs.
func (d *Deployment) unknown(u upstream) {
	if d.NewestInLine == "" {
		d.NewestInLine = u.Version
	}
	if u.News && d.news == nil {
		d.news = u.release
	}
}

// weigh takes one release into account, the newest ones first.
func (d *Deployment) weigh(r *release, own, newer bool) {
	if !own {
		if newer {
			d.NewerLine = true
			if r.First && d.news == nil {
				d.news = r
			}
		}
		return
	}
	if d.NewestInLine == "" {
		d.NewestInLine, d.out = r.Version, r
	}
	if !newer {
		return
	}
	d.Behind++
	d.BehindSince = earlier(d.BehindSince, r.at())
	if r.Security {
		d.SecuritySince = earlier(d.SecuritySince, r.at())
	}
	if len(d.Advisories) < 20 {
		d.Advisories = append(d.Advisories, r.Advisories...)
	}
	if r.News && (d.news == nil || d.news.First) {
		d.news = r
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// runs reads what a deployed program, its package or the site file says.
func (w *watched) runs(from, text string) version.Version {
	if w.scheme() != version.Deb {
		if strings.HasPrefix(from, "package/") {
			text = version.Upstream(text)
		}
		text, _ = w.pattern.Deployed(text)
	}
	return w.parse(text)
}

// parse reads a version; none where it is none.
func (w *watched) parse(text string) version.Version {
	v, err := w.scheme().Parse(text)
	if err != nil {
		return version.Version{}
	}
	return v
}
