package tcpprobe

import (
	"fmt"

	"tocsin/internal/problem"
	"tocsin/probes/dialogue"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{
			{Name: "tcp", Example: "tcp://db1.ville.example:5432", Form: protocol.HostPort, TLS: true},
			{Name: "tls", Example: "tls://ldap.ville.example:636", Form: protocol.HostPort, TLS: true},
		},
		Families: Families,
	}
}

// Config is the section tcp of an entry of the site file.
type Config struct {
	// QueryResponse is a dialogue, step by step, as blackbox_exporter has it.
	QueryResponse []dialogue.Step `yaml:"query_response,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, _ *protocol.Entry) {
	dialogue.Validate(p.At("query_response"), c.QueryResponse)
}

// Told implements protocol.Section.
func (c *Config) Told(_ *protocol.Entry) string {
	if n := len(c.QueryResponse); n > 0 {
		return fmt.Sprintf("a connection is made, and the %d steps of query_response are gone through", n)
	}
	return "a connection is made, and nothing said"
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	return New(Options{
		Target: e.Shown(), Host: e.Host(), Port: e.Port(), Dial: e.Dial,
		UseTLS: e.Scheme.Name == "tls", TLS: secure, Steps: c.QueryResponse,
	})
}
