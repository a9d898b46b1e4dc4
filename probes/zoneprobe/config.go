package zoneprobe

import (
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"tocsin/internal/problem"
	"tocsin/probes/nameserver"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{{
			Name: "zone", Example: "zone://asso.example", Form: protocol.HostPort, Port: 53, Once: true, Every: 5 * time.Minute,
		}},
		Families: Families,
	}
}

// Config is the section zone of an entry of the site file.
type Config struct {
	// Resolvers find the parent, and the addresses of name servers; those of
	// this machine if left out. They must answer this machine's questions
	// about any name.
	Resolvers []string `yaml:"resolvers,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	if _, err := netip.ParseAddr(e.Host()); err == nil {
		p.Addf("cannot be looked at by an address; write the zone's name in the target, as %s", e.Scheme.Example)
	}
	nameserver.Validate(p.At("resolvers"), c.Resolvers)
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	return "the name servers of " + e.Host() + " and of the zone above it are asked about it, at most 32 addresses"
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	return New(Options{
		Zone: strings.ToLower(dns.Fqdn(e.Host())), Port: e.Port(), Dial: e.Dial, Now: e.Now,
		Resolvers: nameserver.Servers(c.Resolvers),
	}), nil
}

// Travels implements protocol.Traveller: each instance asks its own
// resolvers, which answer no other machine, and nobody chooses whom it asks.
func (c *Config) Travels(_ *protocol.Entry) []string { return nil }
