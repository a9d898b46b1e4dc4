package version

import (
	"fmt"
	"regexp"
	"strings"

	"tocsin/internal/debian"
	"tocsin/internal/lazy"
)

// A Pattern finds the version in a tag: a regular expression (RE2) for the
// whole tag whose groups, joined by dots, are the version. Without groups the
// whole tag is.
type Pattern struct {
	whole    *regexp.Regexp
	deployed *regexp.Regexp // the same, followed by what packagers add
}

// anyTag is for projects without a pattern of their own: numbers with dots, a
// v before and words after them allowed. LMDB_1.0.1 and server/public/v0.1.2
// belong to something else in the same repository.
const anyTag = `v?([0-9]+(?:\.[0-9]+)*(?:[-._+~]?[0-9A-Za-z]+)*)`

// NewPattern reads a pattern; an empty one accepts what looks like a version
// and nothing else.
func NewPattern(text string) (Pattern, error) {
	if text == "" {
		text = anyTag
	}
	whole, err := regexp.Compile(`^(?:` + text + `)$`)
	if err != nil {
		return Pattern{}, fmt.Errorf("pattern: %w", err)
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(text, "^"), "$")
	deployed, err := regexp.Compile(`^(?:` + inner + `)(?:[^0-9A-Za-z.].*)?$`)
	if err != nil { // a ^ or $ that was no anchor
		deployed = whole
	}
	return Pattern{whole: whole, deployed: deployed}, nil
}

// Extract returns the version in a tag, and whether the tag is a release's.
func (p Pattern) Extract(tag string) (string, bool) { return joined(p.whole, tag) }

func joined(re *regexp.Regexp, text string) (string, bool) {
	m := re.FindStringSubmatch(text)
	switch {
	case m == nil:
		return "", false
	case len(m) == 1:
		return m[0], true
	}
	var parts []string
	for _, group := range m[1:] {
		if group != "" {
			parts = append(parts, group)
		}
	}
	return strings.Join(parts, "."), len(parts) > 0
}

// Deployed returns the version in what a deployed program, or its package,
// says of itself: by the pattern, where it fits the text or its beginning,
// else the first number with a dot in it. 15.13 (Debian 15.13-0+deb12u1),
// pve-manager/9.0.3/025864202ebb6109 and 0.9.1.0-p1a2b3c4d all have one.
func (p Pattern) Deployed(text string) (string, bool) {
	text = strings.TrimSpace(text)
	first, _, _ := strings.Cut(text, " ")
	if v, ok := joined(p.whole, first); ok {
		return v, true
	}
	if v, ok := joined(p.deployed, first); ok {
		return v, true
	}
	v := firstNumber().FindString(text)
	return v, v != ""
}

var firstNumber = lazy.Regexp(`[0-9]+(?:\.[0-9]+)+`)

// Upstream takes from a Debian package's version what Debian added: the epoch,
// the revision, and marks of repacking. 1:2.5.3+dfsg-1 is upstream's 2.5.3.
func Upstream(text string) string {
	_, upstream, _ := debian.Split(text)
	return repacked().ReplaceAllString(upstream, "")
}

var repacked = lazy.Regexp(`[+~.](?:dfsg|ds|debian|really)[0-9.]*$`)
