package maildns

import (
	"fmt"
	"strings"

	"tocsin/internal/lazy"
)

// maxTags bounds how many tags of a record are looked at.
const maxTags = 100

// tag is one name=value of a record.
type tag struct{ name, value string }

var tagName = lazy.Regexp(`^[A-Za-z][A-Za-z0-9_]*$`)

// tags takes a record of name=value parts apart, as DKIM, DMARC, MTA-STS and
// TLS-RPT have it. What is none is told by the error, and left out. Source: RFC
// 6376, section 3.2.
func tags(text string) ([]tag, error) {
	parts := strings.Split(text, ";")
	if strings.TrimSpace(parts[len(parts)-1]) == "" {
		parts = parts[:len(parts)-1] // the last part may end with a semicolon
	}
	if len(parts) > maxTags {
		return nil, fmt.Errorf("it has %d parts", len(parts))
	}
	var wrong faults
	list := make([]tag, 0, len(parts))
	for _, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if !ok || !tagName().MatchString(name) {
			wrong.addf("%q is not of the form name=value", strings.TrimSpace(part))
			continue
		}
		list = append(list, tag{name, strings.TrimSpace(value)})
	}
	for i, t := range list {
		for _, other := range list[:i] {
			if t.name == other.name {
				wrong.addf("%s= stands in it twice", t.name)
			}
		}
	}
	return list, wrong.err()
}

// find returns the value of a tag; false where it is not there.
func find(list []tag, name string) (string, bool) {
	for _, t := range list {
		if t.name == name {
			return t.value, true
		}
	}
	return "", false
}

// begins tells whether a TXT record is of a kind: version=value comes first,
// to the letter, and is whole.
func begins(text, version string) bool {
	first, _, _ := strings.Cut(text, ";")
	name, value, ok := strings.Cut(first, "=")
	return ok && strings.TrimSpace(name)+"="+strings.TrimSpace(value) == version
}
