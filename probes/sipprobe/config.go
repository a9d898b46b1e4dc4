package sipprobe

import (
	"strings"

	"tocsin/internal/problem"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{
			{Name: "sip", Example: "sip://pabx.ville.example", Form: protocol.HostPort, Port: 5060},
			{Name: "sips", Example: "sips://pabx.ville.example", Form: protocol.HostPort, Port: 5061, TLS: true},
		},
		Families: Families,
	}
}

// The ways to a server.
const (
	udp = "udp"
	tcp = "tcp"
)

// Config is the section sip of an entry of the site file.
type Config struct {
	// Transport is udp, which is usual, or tcp. sips:// has TLS over TCP.
	Transport string `yaml:"transport,omitempty"`
	// User is who is asked about, as 100; the server itself if left out.
	User string `yaml:"user,omitempty"`
	// Status lists the answers that are good. Left out, all are but those by
	// which a server says that it does not serve: 403, 408, and 500 to 599 but
	// 501.
	Status []int `yaml:"status,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	switch {
	case c.Transport != "" && c.Transport != udp && c.Transport != tcp:
		p.At("transport").Addf("is not how SIP is carried here; write udp or tcp, or the target with sips://")
	case c.Transport == udp && e.Scheme.TLS:
		p.At("transport").Addf("is not udp with sips://, which has TLS over TCP; take it out")
	}
	if strings.ContainsFunc(c.User, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`@<>"[]{}\^|`+"`#%:", r)
	}) {
		p.At("user").Addf("is no name of a user in SIP; write the part before the @ alone, as 100")
	}
	for i, s := range c.Status {
		if s < 200 || s > 699 {
			p.At("status").Index(i).Addf("%d is no last answer of SIP; write a number from 200 to 699", s)
		}
	}
}

// Told implements protocol.Section.
func (c *Config) Told(_ *protocol.Entry) string { return "asked for its options" }

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	return New(Options{
		Target: e.Shown(), Host: e.Host(), Port: e.Port(), Dial: e.Dial,
		UseTLS: e.Scheme.TLS, TLS: secure, UDP: !e.Scheme.TLS && c.Transport != tcp,
		User: c.User, Status: c.Status,
	}), nil
}

// Travels implements protocol.Traveller.
func (c *Config) Travels(_ *protocol.Entry) []string { return []string{"transport", "user", "status"} }
