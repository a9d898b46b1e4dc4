package dnsblprobe

import (
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
			Name: "dnsbl", Example: "dnsbl://mail.asso.example", Form: protocol.Host, Once: true, Every: time.Hour,
		}},
		Families: Families,
	}
}

// maxLists bounds how many lists one entry may name.
const maxLists = 20

// Config is the section dnsbl of an entry of the site file.
type Config struct {
	// Blocklists are the lists to ask, as zen.spamhaus.org.
	Blocklists []string `yaml:"blocklists,omitempty"`
	// Resolvers ask the lists; those of this machine if left out. Big public
	// ones are refused by some lists.
	Resolvers []string `yaml:"resolvers,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, _ *protocol.Entry) {
	lists := p.At("blocklists")
	switch {
	case len(c.Blocklists) == 0:
		lists.Addf("is missing; write the lists to ask, as [zen.spamhaus.org, bl.spamcop.net], after reading who may ask them")
	case len(c.Blocklists) > maxLists:
		lists.Addf("names more than %d lists; keep those that mail servers use", maxLists)
	}
	seen := map[string]int{}
	for i, list := range c.Blocklists {
		name := canonical(list)
		if _, ok := dns.IsDomainName(list); !ok || !strings.Contains(strings.Trim(list, "."), ".") || strings.ContainsAny(list, "/: @") {
			lists.Index(i).Addf("is no name of a list; write one as zen.spamhaus.org")
		} else if first, ok := seen[name]; ok {
			lists.Index(i).Addf("stands in blocklists[%d], too; keep one of them", first)
		} else {
			seen[name] = i
		}
	}
	nameserver.Validate(p.At("resolvers"), c.Resolvers)
}

func canonical(list string) string { return strings.ToLower(strings.TrimSuffix(list, ".")) }

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	return "the blocklists " + strings.Join(c.Blocklists, ", ") + " are asked about " + e.Host()
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	o := Options{Host: e.Host(), Dial: e.Dial, Resolvers: nameserver.Servers(c.Resolvers)}
	for _, list := range c.Blocklists {
		o.Lists = append(o.Lists, canonical(list))
	}
	return New(o), nil
}

// Travels implements protocol.Traveller: each instance asks its own
// resolvers, and nobody chooses whom it asks.
func (c *Config) Travels(_ *protocol.Entry) []string { return []string{"blocklists"} }
