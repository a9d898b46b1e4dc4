package probes

import (
	"slices"

	"tocsin/internal/problem"
	"tocsin/probes/protocol"
)

// closed is the one value of expect.
const closed = "closed"

// MustBeClosed tells whether the target is a port that must not answer.
func (c *Config) MustBeClosed() bool { return c.Expect == closed }

// validateExpect looks at the key expect, and refuses beside it what needs an
// answer.
func (c *Config) validateExpect(p problem.List, scheme *protocol.Scheme, own protocol.Section) {
	switch {
	case c.Expect == "":
		return
	case c.Expect != closed:
		p.At("expect").Addf("is not to be %q; write closed for a port that must not answer from here, or leave it out", c.Expect)
		return
	case !scheme.Closed:
		p.At("expect").Addf("is about a port, whatever is spoken there; write the target as tcp://db1.ville.example:5432")
		return
	}
	for _, key := range slices.Concat(c.written(own), c.written(&c.TLS)) {
		p.At(key).Addf("needs an answer, and expect: closed wants none; take one of them out")
	}
}
