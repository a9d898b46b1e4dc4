package mattermost

import (
	"strings"
	"unicode"

	"tocsin/alerts"
)

// brk is put between two characters that must not work together. It takes no
// room on a screen.
const brk = "\u200b"

// plain makes a text from outside harmless where Mattermost reads no
// Markdown, or only some of it: titles, and what telephones show. Nobody is
// called, Slack's <!channel> and HTML lose their meaning, and so do links.
func plain(s string) string {
	var b strings.Builder
	previous := ' '
	for _, r := range alerts.OneLine(s) {
		if r == '(' && previous == ']' {
			b.WriteString(brk)
		}
		b.WriteRune(r)
		// The @ of an address calls nobody, and stays as it is to be copied.
		if r == '<' || r == '@' && !unicode.IsLetter(previous) && !unicode.IsDigit(previous) {
			b.WriteString(brk)
		}
		previous = r
	}
	return b.String()
}

// markdown makes a text from outside harmless inside Markdown: it shows as it
// was written. Addresses in it can be copied, but not clicked: what a label
// holds may be somebody else's.
//
// What stands between two backticks stays code, so that a command of a rule
// can be read and copied. Where the backticks do not pair up, somebody else's
// are among them, and none of them means anything.
func markdown(s string) string {
	parts := strings.Split(plain(s), "`")
	if len(parts)%2 == 0 || strings.Contains(s, "``") {
		return lineStart(prose(plain(s)))
	}
	for i, part := range parts {
		if i%2 == 0 {
			parts[i] = prose(part)
		} else {
			parts[i] = fence(part)
		}
	}
	return lineStart(strings.Join(parts, ""))
}

// prose escapes text that has no code in it.
func prose(s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		if strings.Contains(w, "://") || strings.HasPrefix(strings.ToLower(w), "www.") {
			bare := strings.TrimLeft(w, "(")
			address := strings.TrimRight(bare, ".,;:!?)")
			words[i] = w[:len(w)-len(bare)] + fence(address) + escape(bare[len(address):])
			continue
		}
		words[i] = escape(w)
	}
	return strings.Join(words, " ")
}

// escape puts a backslash before what Markdown would read.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_[]~|#", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// lineStart keeps a line from being read as a list, a quotation or a title.
func lineStart(s string) string {
	if s == "" {
		return s
	}
	if strings.ContainsRune("-+>=", rune(s[0])) {
		return `\` + s
	}
	rest := strings.TrimLeft(s, "0123456789")
	if len(rest) < len(s) && rest != "" && (rest[0] == '.' || rest[0] == ')') {
		return s[:len(s)-len(rest)] + `\` + rest
	}
	return s
}

// code shows a text from outside letter by letter.
func code(s string) string {
	if s = plain(s); s == "" {
		return ""
	}
	return fence(s)
}

// fence makes code of a text that is plain already.
func fence(s string) string { return "`" + strings.ReplaceAll(s, "`", "'") + "`" }

// link writes a link of our own, if it is one.
func link(words, address string) string {
	if !linkable(address) {
		return ""
	}
	address = strings.NewReplacer("(", "%28", ")", "%29", "@", "%40").Replace(address)
	return "[" + words + "](" + address + ")"
}

// linkable tells whether Mattermost takes an address as a link.
func linkable(address string) bool {
	return (strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")) &&
		len(address) <= 2000 && !strings.ContainsFunc(address, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"`\\", r)
	})
}
