package icmpprobe

import (
	"tocsin/internal/problem"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes:  []protocol.Scheme{{Name: "icmp", Example: "icmp://gw.ville.example", Form: protocol.Host}},
		Families: Families,
	}
}

// MaxPayload is the largest payload that fits into a packet.
const MaxPayload = 65507 - 8

// Config is the section icmp of an entry of the site file.
type Config struct {
	// PayloadSize is how many bytes the request carries; 28 if left out.
	PayloadSize int `yaml:"payload_size,omitempty"`
	// DontFragment asks for the packet to arrive whole or not at all.
	DontFragment bool `yaml:"dont_fragment,omitempty"`
	// TTL is over how many routers the request may go; 64 if left out.
	TTL int `yaml:"ttl,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, _ *protocol.Entry) {
	if c.PayloadSize < 0 || c.PayloadSize > MaxPayload {
		p.At("payload_size").Addf("%d is not between 0 and %d", c.PayloadSize, MaxPayload)
	}
	if c.TTL < 1 || c.TTL > 255 {
		p.At("ttl").Addf("%d is not between 1 and 255; usual is %d", c.TTL, DefaultTTL)
	}
}

// Told implements protocol.Section.
func (c *Config) Told(_ *protocol.Entry) string { return "pinged" }

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	return New(Options{
		Host: e.Host(), Dial: e.Dial, PayloadSize: c.PayloadSize, DontFragment: c.DontFragment, TTL: c.TTL,
	}), nil
}

// Travels implements protocol.Traveller.
func (c *Config) Travels(_ *protocol.Entry) []string { return []string{"ttl", "dont_fragment"} }
