package journey

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// reference is a place where a value is put in: ${name}.
var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// valueName is what a value may be called.
var valueName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// references lists the names that a text refers to.
func references(text string) []string {
	var names []string
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// fill puts values in as they are. All names are known: it was validated.
func fill(text string, values map[string]string) string {
	return reference.ReplaceAllStringFunc(text, func(m string) string { return values[m[2:len(m)-1]] })
}

// fillURL puts values into an address: escaped as the place needs it, so that
// no value changes host, path or parameter; an address that is nothing but a
// value is taken as it is.
func fillURL(text string, values map[string]string) string {
	if isValue(text) {
		return fill(text, values)
	}
	path, query, hasQuery := strings.Cut(text, "?")
	escaped := func(part string, escape func(string) string) string {
		return reference.ReplaceAllStringFunc(part, func(m string) string { return escape(values[m[2:len(m)-1]]) })
	}
	out := escaped(path, url.PathEscape)
	if hasQuery {
		out += "?" + escaped(query, url.QueryEscape)
	}
	return out
}

// isValue tells whether a text is one value and nothing else.
func isValue(text string) bool {
	return reference.FindString(text) == text && text != ""
}
