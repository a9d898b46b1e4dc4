package grpcprobe

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{
			{Name: "grpc", Example: "grpc://app1.ville.example:50051", Form: protocol.HostPort, Port: 80},
			{Name: "grpcs", Example: "grpcs://api.ville.example", Form: protocol.HostPort, Port: 443, TLS: true},
		},
		Families: Families,
	}
}

// Config is the section grpc of an entry of the site file.
type Config struct {
	// Service is the service whose health is asked for; the whole server's if
	// left out.
	Service string `yaml:"service,omitempty"`
	// Metadata is sent with the question, by its keys; values are secret.
	Metadata map[string][]secret.Text `yaml:"metadata,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, _ *protocol.Entry) {
	if strings.ContainsFunc(c.Service, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		p.At("service").Addf("is no name of a service; write one as package.Service")
	}
	ValidateMetadata(p.At("metadata"), c.Metadata)
}

// ValidateMetadata adds what is wrong with the keys and values.
//
// Source: gRPC over HTTP2, "Custom-Metadata".
func ValidateMetadata(p problem.List, metadata map[string][]secret.Text) {
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		bad := strings.ContainsFunc(key, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.", r)
		})
		if key == "" || bad || strings.HasPrefix(key, "grpc-") {
			p.At(key).Addf("is no key of metadata; write one in small letters, as x-api-key")
		}
		for i, v := range metadata[key] {
			if strings.ContainsFunc(v.Reveal(), func(r rune) bool { return r < ' ' || r > '~' }) && !strings.HasSuffix(key, "-bin") {
				p.At(key).Index(i).Addf("has a value that metadata cannot have; take out line ends and letters beyond ASCII")
			}
		}
	}
}

// Told implements protocol.Section.
func (c *Config) Told(_ *protocol.Entry) string {
	told := "asked for its health"
	if c.Service != "" {
		told = "asked for the health of " + c.Service
	}
	if len(c.Metadata) > 0 {
		told += ", with the metadata " + strings.Join(slices.Sorted(maps.Keys(c.Metadata)), ", ")
	}
	return told
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	return New(Options{
		Target: e.Shown(), Host: e.Host(), Port: e.Port(), Dial: e.Dial, UseTLS: e.Scheme.TLS, TLS: secure,
		Service: c.Service, Metadata: c.Metadata,
	}), nil
}

// Travels implements protocol.Traveller.
func (c *Config) Travels(_ *protocol.Entry) []string { return []string{"service"} }
