package host

import (
	"log/slog"
	"regexp"
	"sync"
)

// maxDecisions bounds how many names a filter remembers. Containers come and
// go, each with an interface of its own name.
const maxDecisions = 4096

// filter decides which names are watched, and remembers what it decided: the
// same names come back at every scrape. Safe for several goroutines.
type filter struct {
	include, exclude *regexp.Regexp // nil: not set

	mu      sync.Mutex // guards decided
	decided map[string]bool
}

// newFilter compiles a filter that Validate has accepted. An expression that
// it would have refused excludes nothing: better too much than not watched.
func newFilter(f Filter, log *slog.Logger) *filter {
	compile := func(text string) *regexp.Regexp {
		if text == "" {
			return nil
		}
		re, err := regexp.Compile(text)
		if err != nil {
			log.Error("filter was left out", "err", err)
			return nil
		}
		return re
	}
	return &filter{include: compile(f.Include), exclude: compile(f.Exclude), decided: map[string]bool{}}
}

// watches tells whether the name is watched. It does not keep the bytes.
func (f *filter) watches(name []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	watched, known := f.decided[string(name)]
	if known {
		return watched
	}
	watched = (f.include == nil || f.include.Match(name)) && (f.exclude == nil || !f.exclude.Match(name))
	if len(f.decided) >= maxDecisions {
		clear(f.decided)
	}
	f.decided[string(name)] = watched
	return watched
}
