package unixprobe

import (
	"fmt"

	"tocsin/internal/frame"
	"tocsin/internal/problem"
	"tocsin/probes/dialogue"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes:  []protocol.Scheme{{Name: "unix", Example: "unix:///run/postgresql/.s.PGSQL.5432", Form: protocol.Path, TLS: true}},
		Families: func() []*frame.Family { return dialogue.Families(nil) },
	}
}

// Config is the section unix of an entry of the site file.
type Config struct {
	// QueryResponse is a dialogue, step by step, as blackbox_exporter has it.
	QueryResponse []dialogue.Step `yaml:"query_response,omitempty"`
	// UseTLS speaks TLS at once.
	UseTLS bool `yaml:"tls,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	dialogue.Validate(p.At("query_response"), c.QueryResponse)
	if c.UseTLS && e.TLS.ServerName == "" && !e.TLS.InsecureSkipVerify {
		p.At("tls").Addf("needs a name to verify, which a socket has not; write server_name beside target")
	}
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
	return New(Options{Path: e.URL.Path, UseTLS: c.UseTLS, TLS: secure, Steps: c.QueryResponse})
}

// Stays implements protocol.Settled.
func (c *Config) Stays() string { return "a socket is a file of one machine" }
