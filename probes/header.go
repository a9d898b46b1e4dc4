package probes

import "strings"

// isToken tells whether s may be the name of a header or a method.
//
// Source: RFC 9110, section 5.6.2, "Tokens".
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// isHeaderValue tells whether s may be the value of a header.
//
// Source: RFC 9110, section 5.5, "Field Values".
func isHeaderValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
