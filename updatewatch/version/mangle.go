package version

import (
	"strings"

	"tocsin/internal/lazy"
)

// mangle writes a version so that dpkg's order is the one that its author
// means: cut at the first space, without a leading v, in small letters, with a
// tilde before a pre-release word that ends it. Debian's own watch files do
// the same, by hand, for each package.
func mangle(text string) string {
	text, _, _ = strings.Cut(text, " ")
	text = strings.ToLower(dropV(text))
	if at := word().FindStringSubmatchIndex(text); at != nil {
		return text[:at[2]] + "~" + text[at[4]:]
	}
	return text
}

// word finds the pre-release word that ends a version: the separator before it
// (first group) and the word with its number (second group). The single
// letters count only directly before a last number: 1.1.1a is a release.
var word = lazy.Regexp(`[0-9]([-._+~]?)((?:(?:alpha|beta|release-candidate|rc|preview|pre|development-snapshot|snapshot|dev|milestone|nightly|ea|dr)(?:[-._]?[0-9]+)*|[abm][0-9]+))$`)

func dropV(text string) string {
	if len(text) > 1 && (text[0] == 'v' || text[0] == 'V') && isDigit(text[1]) {
		return text[1:]
	}
	return text
}
