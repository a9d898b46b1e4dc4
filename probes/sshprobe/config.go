package sshprobe

import (
	"encoding/base64"
	"strings"
	"time"

	"tocsin/internal/problem"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// every is how often a server is looked at: each key type takes a connection,
// and the server writes a line about each.
const every = 5 * time.Minute

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes:  []protocol.Scheme{{Name: "ssh", Example: "ssh://db1.ville.example", Form: protocol.HostPort, Port: 22, Every: every}},
		Families: Families,
	}
}

// Config is the section ssh of an entry of the site file.
type Config struct {
	// Fingerprints are those of the server's host keys, as `ssh-keyscan HOST |
	// ssh-keygen -lf -` prints them: SHA256:…, one for each type of key. A key
	// that is none of them is a failure.
	Fingerprints []string `yaml:"fingerprints,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, _ *protocol.Entry) {
	for i, f := range c.Fingerprints {
		if !isFingerprint(f) {
			p.At("fingerprints").Index(i).Addf("is no fingerprint; write one as SHA256: and 43 characters, as ssh-keyscan HOST | ssh-keygen -lf - prints them")
		}
	}
}

func isFingerprint(text string) bool {
	sum, ok := strings.CutPrefix(text, "SHA256:")
	b, err := base64.RawStdEncoding.Strict().DecodeString(sum)
	return ok && err == nil && len(b) == 32
}

// Told implements protocol.Section.
func (c *Config) Told(_ *protocol.Entry) string {
	return "a connection is made for each type of host key, keys are exchanged, and nobody logs in"
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	return New(Options{Target: e.Shown(), Host: e.Host(), Port: e.Port(), Dial: e.Dial, Fingerprints: c.Fingerprints}), nil
}

// Travels implements protocol.Traveller.
func (c *Config) Travels(_ *protocol.Entry) []string { return []string{"fingerprints"} }
