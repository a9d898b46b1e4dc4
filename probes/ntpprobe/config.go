package ntpprobe

import (
	"tocsin/internal/problem"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes:  []protocol.Scheme{{Name: "ntp", Example: "ntp://ntp.ville.example", Form: protocol.HostPort, Port: 123}},
		Families: Families,
	}
}

// Config is the section ntp of an entry of the site file.
type Config struct {
	// Version is the version of NTP to ask with, 3 or 4; 4 if left out.
	Version int `yaml:"version,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {
	if c.Version == 0 {
		c.Version = 4
	}
}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, _ *protocol.Entry) {
	if c.Version != 3 && c.Version != 4 {
		p.At("version").Addf("%d is no version of NTP that time servers speak; write 3 or 4, or leave it out", c.Version)
	}
}

// Told implements protocol.Section.
func (c *Config) Told(_ *protocol.Entry) string { return "asked for the time" }

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	return New(Options{Target: e.Shown(), Host: e.Host(), Port: e.Port(), Version: c.Version, Dial: e.Dial}), nil
}

// Travels implements protocol.Traveller.
func (c *Config) Travels(_ *protocol.Entry) []string { return []string{"version"} }
