package dialogue

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/probes/probe"
)

// spoken are words of the protocols that people write dialogues in: they are
// no secrets, and what a server says could not be understood without them.
func spoken() []string {
	return []string{
		"auth", "login", "plain", "pass", "password", "user", "nick", "identify", "select", "info", "ping", "pong",
		"ehlo", "helo", "mail", "rcpt", "data", "noop", "quit", "exit", "starttls", "capability", "logout",
		"http/1.0", "http/1.1", "host:", "head", "post", "options", "connection:", "close",
	}
}

// newRedactor knows what the steps send, as a whole and word by word, since a
// server may repeat a part of it. What the configuration shows elsewhere, as
// in what it waits for, is no secret.
func newRedactor(steps []ready) *probe.Redactor {
	var shown strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&shown, "%s\n%s\n", strings.ToLower(s.Expect), strings.ToLower(s.ExpectBytes))
		for _, l := range s.Labels {
			fmt.Fprintf(&shown, "%s\n", strings.ToLower(l.Value))
		}
	}
	var hidden []string
	for _, s := range steps {
		text := strings.TrimSpace(s.own())
		for _, part := range append(strings.Fields(text), text) {
			known := strings.ToLower(part)
			if !slices.Contains(spoken(), known) && !strings.Contains(shown.String(), known) {
				hidden = append(hidden, part)
			}
		}
	}
	return probe.NewRedactor(hidden...)
}

// own is what a step sends without what it quotes: that is the server's.
func (s *ready) own() string {
	text := s.Send.Reveal()
	if s.expect == nil {
		return text
	}
	groups := slices.Repeat([]int{0, 1}, s.expect.NumSubexp()+1) // each is a space
	return string(s.expect.ExpandString(nil, text, " ", groups))
}

// said quotes what the server said, without what it was sent.
func (t *talk) said(text []byte) string { return t.clean.Text(fmt.Sprintf("%q", text)) }
