package maildns

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/probes/nameserver"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// The records, as the label has them.
const (
	MX     = "mx"
	SPF    = "spf"
	DKIM   = "dkim"
	DMARC  = "dmarc"
	MTASTS = "mta_sts"
	TLSRPT = "tls_rpt"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{{
			Name: "maildns", Example: "maildns://ville.example", Form: protocol.Host, Once: true, Every: time.Hour,
		}},
		Families: Families,
	}
}

// Config is the section maildns of an entry of the site file.
type Config struct {
	// Resolvers are the name servers to ask, as 9.9.9.9 or 127.0.0.1:5353; left
	// out, this machine's own are asked.
	Resolvers []string `yaml:"resolvers,omitempty"`
	// Selectors are the names of the keys (DKIM) that messages of the domain
	// are signed with: what stands behind s= in the header DKIM-Signature.
	Selectors []string `yaml:"selectors,omitempty"`
	// Require is what the domain must have: mx, spf and dmarc if left out;
	// mta_sts and tls_rpt may be added. A record that is there and wrong is
	// told whether or not it is required.
	Require []string `yaml:"require,omitempty"`
}

// maxSelectors bounds how many keys are looked at.
const maxSelectors = 20

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {
	if c.Require == nil {
		c.Require = []string{MX, SPF, DMARC}
	}
}

var selector = lazy.Regexp(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9_])?$`)

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	nameserver.Validate(p.At("resolvers"), c.Resolvers)
	if _, err := netip.ParseAddr(e.Host()); err == nil || !strings.Contains(e.Host(), ".") {
		p.Addf("looks at domains, and %s is none; write the target as %s", e.Host(), e.Scheme.Example)
	}
	if len(c.Selectors) > maxSelectors {
		p.At("selectors").Addf("has %d names; at most %d are looked at", len(c.Selectors), maxSelectors)
	}
	for i, s := range c.Selectors {
		if !selector().MatchString(s) {
			p.At("selectors").Index(i).Addf("is no selector; write what stands behind s= in the header DKIM-Signature of a message, as mail2026")
		} else if slices.Contains(c.Selectors[:i], s) {
			p.At("selectors").Index(i).Addf("%s stands there twice", s)
		}
	}
	for i, r := range c.Require {
		switch {
		case r == DKIM:
			p.At("require").Index(i).Addf("cannot be found without its names; write selectors: [...], each of which is required")
		case !slices.Contains([]string{MX, SPF, DMARC, MTASTS, TLSRPT}, r):
			p.At("require").Index(i).Addf("is none of the records; write mx, spf, dmarc, mta_sts or tls_rpt")
		}
	}
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	whom := "this machine's name servers"
	if len(c.Resolvers) > 0 {
		whom = strings.Join(c.Resolvers, ", ")
	}
	return whom + " are asked for the MX and TXT records of " + e.Host() + " and of what these name"
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	return New(Options{Domain: e.Host(), Dial: e.Dial, Config: *c}), nil
}

// Travels implements protocol.Traveller: each instance asks its own
// resolvers, and nobody chooses whom it asks.
func (c *Config) Travels(_ *protocol.Entry) []string { return []string{"selectors", "require"} }
