package maildns

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/probes/dial"
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
			Name: "maildns", Example: "maildns://ville.example", Form: protocol.Host, Every: time.Hour,
		}},
		Families: Families,
	}
}

// Config is the section maildns of an entry of the site file.
type Config struct {
	// Resolver is the name server to ask, as 9.9.9.9 or 127.0.0.1:5353; left
	// out, this machine's own are asked.
	Resolver string `yaml:"resolver,omitempty"`
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
	if c.Resolver != "" {
		if _, err := resolverOf(c.Resolver); err != nil {
			p.At("resolver").Addf("is no address of a name server; write one as 9.9.9.9 or 127.0.0.1:5353")
		}
	}
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

// resolverOf reads an address with or without a port.
func resolverOf(text string) (server, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return server{a.String(), 53}, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return server{}, err
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return server{}, err
	}
	n, err := dial.SplitPort(port)
	return server{host, n}, err
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	whom := "this machine's name servers"
	if c.Resolver != "" {
		whom = c.Resolver
	}
	return whom + " are asked for the MX and TXT records of " + e.Host() + " and of what these name"
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	return New(Options{Domain: e.Host(), Dial: e.Dial, Config: *c})
}
