package oidccheck

import (
	"net/url"
	"strings"

	"tocsin/internal/problem"
)

// wellKnown is where the discovery document is, below the issuer (section 4).
const wellKnown = "/.well-known/openid-configuration"

// Config is the key oidc of an entry. Its target is the issuer, or the address
// of its discovery document.
type Config struct {
	// Issuer is what the provider must call itself, to the letter; the target
	// if left out.
	Issuer string `yaml:"issuer,omitempty"`
}

// Validate adds what is wrong.
func (c *Config) Validate(p problem.List, target *url.URL) {
	if target.Scheme != "https" {
		p.Addf("is for https:// targets: a provider without TLS is none; write the target with https://")
	}
	if target.RawQuery != "" || target.Fragment != "" {
		p.Addf("is for an issuer, which has no query; write the target as https://connexion.ville.example")
	}
	if u, err := url.Parse(c.Issuer); c.Issuer != "" && (err != nil || u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.User != nil) {
		p.At("issuer").Addf("is no issuer; write it as https://connexion.ville.example")
	}
}

// Document returns the address of the discovery document of a target.
func Document(target *url.URL) *url.URL {
	u := *target
	if path := strings.TrimSuffix(u.Path, "/"); !strings.HasSuffix(path, wellKnown) {
		u.Path, u.RawPath = path+wellKnown, ""
	}
	return &u
}

// issuer is what the provider must call itself. Since issuers are compared to
// the letter, a target that is the issuer is taken as it was written.
func (c *Config) issuer(target *url.URL) string {
	if c.Issuer != "" {
		return c.Issuer
	}
	return strings.TrimSuffix(target.String(), wellKnown)
}
