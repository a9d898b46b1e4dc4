package tcpprobe

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/probes/closedprobe"
	"tocsin/probes/dialogue"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
	"tocsin/probes/starttls"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{
			{Name: "tcp", Example: "tcp://db1.ville.example:5432", Form: protocol.HostPort, TLS: true, Closed: true},
			{Name: "tls", Example: "tls://ldap.ville.example:636", Form: protocol.HostPort, TLS: true},
		},
		Families: Families,
	}
}

// Config is the section tcp of an entry of the site file.
type Config struct {
	// StartTLS names the protocol in whose words the server is asked to turn
	// to TLS, as ldap; the dialogue comes after it. In xmpp and xmpp-server the
	// server is asked for the domain of server_name, the target's name if left
	// out.
	StartTLS string `yaml:"starttls,omitempty"`
	// QueryResponse is a dialogue, step by step, as blackbox_exporter has it.
	QueryResponse []dialogue.Step `yaml:"query_response,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	switch {
	case c.StartTLS == "":
	case e.Scheme.Name == "tls":
		p.At("starttls").Addf("cannot go with tls://, which speaks TLS at once; write the target with tcp://")
	case !slices.Contains(starttls.Protocols(), c.StartTLS):
		p.At("starttls").Addf("is no protocol that can be asked for TLS; write one of %s", strings.Join(starttls.Protocols(), ", "))
	}
	dialogue.Validate(p.At("query_response"), c.QueryResponse)
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	if e.Closed {
		return "a connection is tried, and must not come about"
	}
	if n := len(c.QueryResponse); n > 0 {
		return fmt.Sprintf("a connection is made, and the %d steps of query_response are gone through", n)
	}
	if c.StartTLS != "" {
		return "asked for TLS, in the words of " + c.StartTLS
	}
	return "a connection is made, and nothing said"
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	if e.Closed {
		return closedprobe.New(closedprobe.Options{Target: e.Shown(), Host: e.Host(), Port: e.Port(), Dial: e.Dial}), nil
	}
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	return New(Options{
		Target: e.Shown(), Host: e.Host(), Port: e.Port(), Dial: e.Dial,
		UseTLS: e.Scheme.Name == "tls", StartTLS: c.StartTLS, TLS: secure, Steps: c.QueryResponse,
	})
}

// Travels implements protocol.Traveller: another instance is asked to listen,
// never to speak.
func (c *Config) Travels(_ *protocol.Entry) []string {
	keys := []string{"starttls"}
	if !slices.ContainsFunc(c.QueryResponse, func(s dialogue.Step) bool { return s.Send != "" }) {
		keys = append(keys, "query_response")
	}
	return keys
}
