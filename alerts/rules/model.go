package rules

import (
	"github.com/prometheus/common/model"
)

// A File is one rule file as read.
type File struct {
	// Name is the file's name for engines and exports: host.yml. It is part of
	// each group's identity there, so it never depends on folders.
	Name string
	// Source is how problems call the file: its path as the site knows it.
	Source string
	// Own tells that the file is the site's, not shipped.
	Own    bool
	Groups []Group
	text   []byte
}

// Text returns the file as it was read. The caller must not change it.
func (f File) Text() []byte { return f.text }

// A Group is a list of rules that are evaluated one after the other, at one
// instant.
type Group struct {
	Name     string
	Interval model.Duration // 0: the engine's
	Rules    []Rule
}

// A Rule is an alerting rule (Alert is set) or a recording rule (Record is).
type Rule struct {
	Alert, Record string
	Expr          string
	For           model.Duration
	KeepFiringFor model.Duration
	Labels        map[string]string
	Annotations   map[string]string

	// Threshold is the number of the outermost comparison; nil where the
	// expression is not of that form.
	Threshold *Threshold
	// Metrics are the names that the expression selects, sorted, each once.
	Metrics []string
	// TextMetrics are the names that queries in the rule's templates select.
	TextMetrics []string

	Group string
	Line  int // in its file
	// Comment is what stands above the rule in its file.
	Comment string
}

// Name returns the alert's name, or the recorded metric's.
func (r Rule) Name() string {
	if r.Alert != "" {
		return r.Alert
	}
	return r.Record
}

// Severity returns the label severity, as it is written.
func (r Rule) Severity() string { return r.Labels["severity"] }

// A Threshold is the one number that a rule compares with.
type Threshold struct {
	Op    string // >, >=, <, <=, == or !=
	Value float64
}

// Adjustable tells whether another number makes sense: a rule that asks
// whether something is so (up == 0) has none.
func (t *Threshold) Adjustable() bool { return t != nil && t.Op != "==" && t.Op != "!=" }

// Alerts returns all alerting rules of files, in their order.
func Alerts(files []File) []Rule {
	var out []Rule
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Alert != "" {
					out = append(out, r)
				}
			}
		}
	}
	return out
}

// Find returns the alerting rule of that name. Where several share the name it
// is the first.
func Find(files []File, name string) (Rule, bool) {
	for _, r := range Alerts(files) {
		if r.Alert == name {
			return r, true
		}
	}
	return Rule{}, false
}
