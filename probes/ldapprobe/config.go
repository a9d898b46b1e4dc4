package ldapprobe

import (
	"time"

	"github.com/go-ldap/ldap/v3"

	"tocsin/internal/problem"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{
			{Name: "ldap", Example: "ldap://annuaire.ville.example", Form: protocol.HostPort, Port: 389, TLS: true, StartTLS: true, Login: true, LoginEvery: time.Minute},
			{Name: "ldaps", Example: "ldaps://annuaire.ville.example", Form: protocol.HostPort, Port: 636, TLS: true, Login: true, LoginEvery: time.Minute},
		},
		Families: Families,
	}
}

// Config is the section ldap of an entry of the site file. Who binds stands in
// `username` (a DN) and `password_file` beside it, or in the certificate of
// `cert_file` (SASL EXTERNAL); without either the bind is anonymous.
type Config struct {
	// Base is where to search, as dc=ville,dc=example; left out, nothing is
	// searched but what the server tells of itself.
	Base string `yaml:"base,omitempty"`
	// Filter is what to search for; (objectClass=*) if left out.
	Filter string `yaml:"filter,omitempty"`
	// Scope is how deep to search: base, one or sub, which is usual.
	Scope string `yaml:"scope,omitempty"`
	// Entries is how many entries must be found, at least; 1 if left out: to
	// who may see nothing a server answers with success, and nothing.
	Entries int `yaml:"entries,omitempty"`
	// PlaintextBind is what must become of a password that is sent without
	// TLS: `refused`. It is tried with a made-up name and password.
	PlaintextBind string `yaml:"plaintext_bind,omitempty"`
}

// refused is the one value of plaintext_bind.
const refused = "refused"

// maxEntries bounds what may be asked for.
const maxEntries = 1000

// scopes are those of RFC 4511, section 4.5.1.2, as ldapsearch calls them.
func scopes() map[string]int {
	return map[string]int{"base": ldap.ScopeBaseObject, "one": ldap.ScopeSingleLevel, "sub": ldap.ScopeWholeSubtree}
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {
	if c.Base == "" {
		return
	}
	if c.Filter == "" {
		c.Filter = "(objectClass=*)"
	}
	if c.Scope == "" {
		c.Scope = "sub"
	}
	if c.Entries == 0 {
		c.Entries = 1
	}
}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	c.validateSearch(p)
	if e.Login.Username != "" && e.Login.Secret().IsZero() {
		p.Addf("binds as a username without a password, whom a server takes for nobody and lets in; write password_file beside username")
	}
	switch {
	case c.PlaintextBind == "":
	case c.PlaintextBind != refused:
		p.At("plaintext_bind").Addf("is not to be %q; write refused, or leave it out", c.PlaintextBind)
	case e.Scheme.Name == "ldaps":
		p.At("plaintext_bind").Addf("is tried on the port that begins without TLS; write it on an ldap:// target with starttls: true")
	case !e.StartTLS && !e.Login.IsZero():
		p.At("plaintext_bind").Addf("is to be refused, and username sends its own password without TLS; write starttls: true beside it")
	}
}

func (c *Config) validateSearch(p problem.List) {
	if c.Base == "" {
		for _, k := range []struct {
			key     string
			written bool
		}{{"filter", c.Filter != ""}, {"scope", c.Scope != ""}, {"entries", c.Entries != 0}} {
			if k.written {
				p.At(k.key).Addf("says how to search, and base, where, is missing; write it as dc=ville,dc=example")
			}
		}
		return
	}
	if _, err := ldap.ParseDN(c.Base); err != nil {
		p.At("base").Addf("is no distinguished name; write one as dc=ville,dc=example")
	}
	if _, err := ldap.CompileFilter(c.Filter); err != nil {
		p.At("filter").Addf("is no filter of LDAP; write one as (uid=moni), with its brackets")
	}
	if _, ok := scopes()[c.Scope]; !ok {
		p.At("scope").Addf("is not how deep one can search; write base, one or sub")
	}
	if c.Entries < 1 || c.Entries > maxEntries {
		p.At("entries").Addf("%d is not between 1 and %d", c.Entries, maxEntries)
	}
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	told := "asked what it tells of itself, by nobody"
	switch {
	case e.Login.Username != "":
		told = "logged in to as " + e.Login.Username + ", and asked what it tells of itself"
	case e.TLS.CertFile != "":
		told = "logged in to by certificate, and asked what it tells of itself"
	}
	if c.Base != "" {
		told += "; " + c.Base + " is searched for " + c.Filter
	}
	if c.PlaintextBind != "" {
		told += "; a made-up password is sent without TLS"
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
		Target: e.Shown(), Host: e.Host(), Port: e.Port(), Dial: e.Dial,
		UseTLS: e.Scheme.Name == "ldaps", StartTLS: e.StartTLS, TLS: secure,
		Username: e.Login.Username, Password: e.Login.Secret(),
		Base: c.Base, Filter: c.Filter, Scope: scopes()[c.Scope], Entries: c.Entries,
		PlaintextRefused: c.PlaintextBind == refused,
	}), nil
}

// Travels implements protocol.Traveller: what nobody may see. The
// password of plaintext_bind is a made-up one, and the very question for who
// is outside.
func (c *Config) Travels(_ *protocol.Entry) []string {
	return []string{"base", "filter", "scope", "entries", "plaintext_bind"}
}
