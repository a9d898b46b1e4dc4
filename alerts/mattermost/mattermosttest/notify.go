package mattermosttest

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// code is what no mention is read in.
var code = regexp.MustCompile("`[^`\n]*`")

// notify counts whom a new post calls. Edits call nobody, and do not come
// here. The caller holds mu.
func (s *Server) notify(p *Post) {
	texts := []string{p.Message}
	for _, a := range p.Attachments {
		texts = append(texts, a.Pretext, a.Text)
		for _, f := range a.Fields {
			if v, ok := f.Value.(string); ok && s.settings.Version != "9.9" {
				texts = append(texts, v)
			}
		}
	}
	words := mentions(strings.Join(texts, "\n"))
	all := slices.ContainsFunc(words, func(w string) bool {
		return w == "@channel" || w == "@all" || w == "@here"
	})
	for _, user := range s.users {
		if all || slices.Contains(words, "@"+user) {
			s.notified[user]++
		}
	}
}

// mentions returns the words that begin with @.
func mentions(text string) []string {
	text = code.ReplaceAllString(text, " ")
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("@._-", r)
	})
	var found []string
	for _, w := range words {
		w = strings.TrimLeft(w, "._-")
		if strings.HasPrefix(w, "@") {
			found = append(found, strings.ToLower(strings.TrimRight(w, "._-")))
		}
	}
	return found
}
