package mumbleprobe

import (
	"tocsin/internal/problem"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes:  []protocol.Scheme{{Name: "mumble", Example: "mumble://voix.ville.example", Form: protocol.HostPort, Port: 64738}},
		Families: Families,
	}
}

// Config is the section of an entry that is Mumble's own. It has no keys.
type Config struct{}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(problem.List, *protocol.Entry) {}

// Told implements protocol.Section.
func (c *Config) Told(*protocol.Entry) string { return "asked how many users it has" }

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	return New(Options{Target: e.Shown(), Host: e.Host(), Port: e.Port(), Dial: e.Dial}), nil
}

// Travels implements protocol.Traveller.
func (c *Config) Travels(*protocol.Entry) []string { return nil }
