package logs

import (
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
)

// A Source is a machine or a service whose log arrives here.
type Source struct {
	Name string `yaml:"name"` // what it is called in alerts: web1
	// Files is a pattern of the files that its lines are written to, as
	// /var/log/remote/web1/*.log or /var/log/journal/remote/remote-web1*.journal.
	Files string `yaml:"files"`
	// Longest is how long it may be silent: 2h if left out.
	Longest model.Duration `yaml:"longest"`
}

// Sources are all that should be heard.
type Sources []Source

const (
	defaultLongest  = model.Duration(2 * time.Hour)
	shortestLongest = model.Duration(time.Minute)
	longestLongest  = model.Duration(31 * 24 * time.Hour)
	maxSources      = 1000
	maxName         = 60 // bytes
)

// SetDefaults fills what is not set.
func (l Sources) SetDefaults() {
	for i := range l {
		if l[i].Longest == 0 {
			l[i].Longest = defaultLongest
		}
	}
}

// Validate adds what is wrong to p.
func (l Sources) Validate(p problem.List) {
	if len(l) > maxSources {
		p.Addf("are %d; there is room for %d", len(l), maxSources)
	}
	for i, s := range l {
		here := p.Index(i)
		switch {
		case s.Name == "" || len(s.Name) > maxName:
			here.At("name").Addf("is missing or longer than %d bytes; write which machine or service it is, as web1", maxName)
		case slices.ContainsFunc(l[:i], func(o Source) bool { return o.Name == s.Name }):
			here.At("name").Addf("%q is there twice; write names that tell them apart", s.Name)
		}
		if _, err := filepath.Match(s.Files, ""); err != nil || !filepath.IsAbs(s.Files) {
			here.At("files").Addf("%.80q is no absolute pattern; write one as /var/log/remote/web1/*.log", s.Files)
		}
		if s.Longest < shortestLongest || s.Longest > longestLongest {
			here.At("longest").Addf("%s is not between %s and %s", s.Longest, shortestLongest, longestLongest)
		}
	}
}
