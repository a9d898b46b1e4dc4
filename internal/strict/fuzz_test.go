package strict

import (
	"strings"
	"testing"
)

// FuzzDecode: no text makes the reader panic, hang, or report a place that the
// file does not have, and what it reports fits on one line.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "site: a\n", "hosts: [a, {address: b, port: 1}]\n", "rules: {A: {threshold: 1}, B: [{}]}\n",
		"a: &a [*a]\n", "<<: {site: a}\n", "deep:\n\tchannel: x\n", "token: \"x\n", "? [a]\n: b\n", "--- a\n--- b\n", "\xff",
		"hosts:\n  - &h {address: a, port: 1}\n  - {<<: [*h, *h], address: b}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s sample
		at, faults := Decode([]byte(text), &s)
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") +
			strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + 1
		for _, fault := range faults {
			if fault.Text == "" || fault.Line < 0 || fault.Line > lines {
				t.Errorf("fault %+v in a text of %d lines", fault, lines)
			}
			if message := (&Error{File: "f", Faults: []Fault{fault}}).Error(); strings.Contains(message, "\n") {
				t.Errorf("two lines: %q", message)
			}
		}
		for path, pos := range at {
			if pos.Line > lines {
				t.Errorf("%s at line %d of %d", path, pos.Line, lines)
			}
		}
	})
}
