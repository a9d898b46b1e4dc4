package probe

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/secret"
)

// maxText bounds a text of a result: it may quote what a server sent.
const maxText = 500

// minSecret is the length from which a configured secret is looked for in
// texts: shorter ones would blot out ordinary words.
const minSecret = 4

// A Redactor cleans the texts of a result: it takes out the secrets that the
// probe was given, whoever wrote them there, and control characters, and
// bounds the length. The zero value, and nil, know no secret.
type Redactor struct{ secrets []string }

// NewRedactor returns a redactor that knows these secrets, as they are, as a
// URL's query would write them, and as %q does.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(strconv.Quote(s), `"`)} {
			if len(form) >= minSecret && !slices.Contains(r.secrets, form) {
				r.secrets = append(r.secrets, form)
			}
		}
	}
	// The longest first, so that one secret inside another leaves no rest.
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	return r
}

// With returns a redactor that knows these secrets, too.
func (r *Redactor) With(secrets ...string) *Redactor {
	if r != nil {
		secrets = append(slices.Clip(secrets), r.secrets...)
	}
	return NewRedactor(secrets...)
}

// Hide returns s without the secrets, and else as it is.
func (r *Redactor) Hide(s string) string {
	if r != nil {
		for _, hidden := range r.secrets {
			s = replaceFold(s, hidden)
		}
	}
	return s
}

// Text returns s, fit to be shown.
func (r *Redactor) Text(s string) string {
	s = r.Hide(s)
	if clean(s) {
		return s
	}
	s = strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return '·'
		}
		return c
	}, strings.ToValidUTF8(s, "·"))
	if len(s) > maxText {
		cut := maxText
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}

// replaceFold blots out hidden in s in whatever case it was echoed: a host
// name in a redirect is lower case.
func replaceFold(s, hidden string) string {
	var b strings.Builder
	from := 0
	for i := 0; i+len(hidden) <= len(s); {
		if !strings.EqualFold(s[i:i+len(hidden)], hidden) {
			i++
			continue
		}
		b.WriteString(s[from:i])
		b.WriteString(secret.Redacted)
		i += len(hidden)
		from = i
	}
	if from == 0 {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

func clean(s string) bool {
	if len(s) > maxText {
		return false
	}
	for _, c := range s {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}

// DisplayURL returns a URL as it may be shown: without credentials, and with
// the query, which may hold a session or a token, left out.
func DisplayURL(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if u.RawQuery != "" {
		return shown.String() + "?…"
	}
	return shown.String()
}
