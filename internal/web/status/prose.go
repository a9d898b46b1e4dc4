package status

import (
	"html/template"
	"strings"
	"unicode"
)

// maxUnbroken is how long a word of code may be that a line must not break.
const maxUnbroken = 32

// prose makes a text of a rule fit to be shown: what stands between backticks is
// code, and all else is set as its language wants it.
func (p *pen) prose(s string, most int) template.HTML {
	var b strings.Builder
	parts := strings.Split(p.w.clean(s, most), "`")
	for i, part := range parts {
		switch {
		case i%2 == 0:
			b.WriteString(template.HTMLEscapeString(p.w.typeset(part)))
		case i == len(parts)-1: // the text was cut within, or has one mark too many
			b.WriteString("`" + template.HTMLEscapeString(part))
		default:
			b.WriteString(code(part))
		}
	}
	return template.HTML(b.String()) //nolint:gosec // each part was escaped
}

// code marks a command. A short one stays on its line, as each word of a longer
// one does: an option that is broken is another option.
func code(s string) string {
	words := []string{s}
	if len(s) > maxUnbroken {
		words = strings.Split(s, " ")
	}
	for i, word := range words {
		words[i] = template.HTMLEscapeString(word)
		if len(word) <= maxUnbroken && word != "" {
			words[i] = "<span>" + words[i] + "</span>"
		}
	}
	return "<code>" + strings.Join(words, " ") + "</code>"
}

// typeset gives a text in French the spaces that no line may break at, and the
// apostrophes of print; the files of the rules have those of the keyboard.
func (w words) typeset(s string) string {
	if w.Lang != "fr" {
		return s
	}
	for _, mark := range []string{":", ";", "!", "?", "»"} {
		s = strings.ReplaceAll(s, " "+mark, "\u00a0"+mark)
	}
	runes := []rune(strings.ReplaceAll(s, "« ", "«\u00a0"))
	for i, r := range runes {
		if r == '\'' && i > 0 && i < len(runes)-1 && unicode.IsLetter(runes[i-1]) && unicode.IsLetter(runes[i+1]) {
			runes[i] = '’'
		}
	}
	return string(runes)
}
