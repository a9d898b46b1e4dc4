// Package problem gathers what is wrong with a configuration. Rooms validate
// their own part and name the place by its path in the file; internal/config
// knows on which line that path stands.
package problem

import (
	"fmt"
	"strconv"
)

// A Problem is one thing that is wrong, in an administrator's words: what is
// wrong, and what to write instead.
type Problem struct {
	Path string // as alerts.mattermost.url, probes[2].target
	Text string
}

// A List is a place in the configuration together with the problems found so
// far. Copies made by At and Index add to the same list.
type List struct {
	path  string
	found *[]Problem
}

// New returns an empty list, standing at the root.
func New() List { return List{found: new([]Problem)} }

// At returns the list standing at a key below.
func (l List) At(key string) List {
	if l.path != "" {
		key = l.path + "." + key
	}
	return List{path: key, found: l.found}
}

// Index returns the list standing at an element below.
func (l List) Index(i int) List {
	return List{path: l.path + "[" + strconv.Itoa(i) + "]", found: l.found}
}

// Path is the place.
func (l List) Path() string { return l.path }

// Addf adds a problem at this place.
func (l List) Addf(format string, args ...any) {
	*l.found = append(*l.found, Problem{Path: l.path, Text: fmt.Sprintf(format, args...)})
}

// All returns the problems found so far, in the order in which they were.
func (l List) All() []Problem { return *l.found }
