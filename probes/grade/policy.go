package grade

import (
	"net/url"
	"slices"
	"strings"
)

const (
	none          = "'none'"
	unsafeInline  = "'unsafe-inline'"
	unsafeEval    = "'unsafe-eval'"
	strictDynamic = "'strict-dynamic'"
)

// A policy is what all the Content-Security-Policies of a page allow together.
type policy struct {
	directives map[string][]string
	invalid    bool
	duplicate  bool // a directive that only reports came twice, which does no harm
	headers    int  // how many of the policies came in headers
}

const (
	// shortest is how long a policy must be.
	shortest = 6
	// maxSources is how many a directive may have: intersecting two compares
	// each with each. The reference knows no limit; nobody writes so many.
	maxSources = 500
)

// readPolicy parses the policies of headers, then those of meta elements. It
// returns nil where there is none.
func readPolicy(headers, metas []string) *policy {
	p := &policy{}
	all := separate(headers)
	p.headers = len(all)
	all = append(all, separate(metas)...)
	if len(all) == 0 {
		return nil
	}
	for _, text := range all {
		if len(text) < shortest {
			p.invalid = true
			return p
		}
		one := p.parse(text)
		if p.invalid {
			return p
		}
		if p.directives == nil {
			p.directives = one
		} else {
			p.directives = intersect(p.directives, one)
		}
	}
	return p
}

// separate splits texts at commas: each part is a policy.
func separate(texts []string) []string {
	var all []string
	for _, t := range texts {
		for part := range strings.SplitSeq(t, ",") {
			all = append(all, strings.TrimSpace(part))
		}
	}
	return all
}

// parse reads one policy.
func (p *policy) parse(text string) map[string][]string {
	directives := map[string][]string{}
	for part := range strings.SplitSeq(text, ";") {
		words := strings.Fields(strings.ToLower(part))
		if len(words) == 0 {
			continue
		}
		name, sources := words[0], words[1:]
		if _, ok := directives[name]; ok {
			if name != "report-uri" && name != "report-to" {
				p.invalid = true
				return nil
			}
			p.duplicate = true
			continue
		}
		if len(sources) > maxSources {
			p.invalid = true
			return nil
		}
		if len(sources) == 0 && strings.HasSuffix(name, "-src") {
			sources = []string{none}
		}
		directives[name] = needed(sources)
	}
	return directives
}

// needed drops each source that begins with another one, which allows it
// anyway; sorted, the other one comes before it.
func needed(sources []string) []string {
	slices.Sort(sources)
	kept := sources[:0]
	for _, s := range sources {
		if n := len(kept); n > 0 && strings.HasPrefix(s, kept[n-1]) {
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// intersect allows what both allow. A directive of one of them alone stays.
func intersect(a, b map[string][]string) map[string][]string {
	both := map[string][]string{}
	for name, sources := range a {
		other, ok := b[name]
		if !ok {
			both[name] = sources
			continue
		}
		var kept []string
		for _, s := range sources {
			if slices.ContainsFunc(other, func(o string) bool { return within(s, o) }) {
				kept = append(kept, s)
			}
		}
		for _, o := range other {
			if !slices.Contains(kept, o) && slices.ContainsFunc(sources, func(s string) bool { return within(o, s) }) {
				kept = append(kept, o)
			}
		}
		if len(kept) == 0 {
			kept = []string{none}
		}
		both[name] = kept
	}
	for name, sources := range b {
		if _, ok := a[name]; !ok {
			both[name] = sources
		}
	}
	return both
}

// within tells whether a source is allowed by another one: piece by piece of
// their paths, where a / at the other's end allows all below.
func within(source, other string) bool {
	if source == other {
		return true
	}
	a, b := strings.Split(source, "/"), strings.Split(other, "/")
	below := b[len(b)-1] == ""
	if below {
		b = b[:len(b)-1]
	}
	if len(a) < len(b) || !below && len(a) != len(b) {
		return false
	}
	for i := range b {
		if decoded(a[i]) != decoded(b[i]) {
			return false
		}
	}
	return true
}

func decoded(piece string) string {
	if text, err := url.PathUnescape(piece); err == nil {
		return text
	}
	return piece
}

// sources returns those of a directive, or of default-src in its place, or *.
func (p *policy) sources(directive string) []string {
	if s, ok := p.directives[directive]; ok {
		return s
	}
	if s, ok := p.directives["default-src"]; ok {
		return s
	}
	return []string{"*"}
}

// remove takes sources out of a directive: where it is absent, out of
// default-src, from where others have theirs too.
func (p *policy) remove(directive string, which func(string) bool) {
	if _, ok := p.directives[directive]; !ok {
		directive = "default-src"
	}
	if s, ok := p.directives[directive]; ok {
		p.directives[directive] = slices.DeleteFunc(slices.Clone(s), which)
	}
}
