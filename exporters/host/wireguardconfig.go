package host

import (
	"encoding/base64"
	"maps"
	"slices"

	"tocsin/internal/problem"
)

// WireGuard says who is behind the keys of this machine's WireGuard
// interfaces, and who of them must be heard from.
type WireGuard struct {
	// Peers are names for peers, by their public keys. A peer without one is
	// called by the first eight characters of its key.
	Peers map[string]string `yaml:"peers"`
	// Expected are the names of peers that must be heard from: a rule rings for
	// one that has shaken no hands for five minutes. WireGuard does so every two
	// minutes while anything is sent; set PersistentKeepalive, or the tunnel
	// rests and is taken for dead.
	Expected []string `yaml:"expected"`
}

const (
	wireguardKey  = 32 // bytes
	wireguardName = 60 // characters
)

func (c WireGuard) validate(p problem.List) {
	names := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(c.Peers)) {
		// Whoever took the wrong file has a private key here: it is not repeated.
		raw, err := base64.StdEncoding.DecodeString(key)
		name := c.Peers[key]
		switch {
		case err != nil || len(raw) != wireguardKey:
			p.At("peers").Addf("the key of %.60q is none; write the peer's public key, 44 characters, as `wg show` has it", name)
		case name == "" || len(name) > wireguardName:
			p.At("peers").Addf("the name of the peer %s is empty or longer than %d bytes; write who it is, as office", shortKey(key), wireguardName)
		case names[name]:
			p.At("peers").Addf("two peers are called %q; write names that tell them apart", name)
		}
		names[name] = true
	}
	for i, name := range c.Expected {
		switch here := p.At("expected").Index(i); {
		case !names[name]:
			here.Addf("%.60q is no name of a peer; write it below peers, with its public key", name)
		case slices.Contains(c.Expected[:i], name):
			here.Addf("%q is there twice; strike one", name)
		}
	}
}

// shortKey is how a peer without a name is called.
func shortKey(key string) string { return key[:min(len(key), 8)] }
