package domainprobe

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/problem"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{{
			Name: "domain", Example: "domain://asso.example", Form: protocol.Host, TLS: true, Once: true, Every: 6 * time.Hour,
		}},
		Families: Families,
	}
}

// IANA is the list of the registries' servers (RFC 9224, section 3).
const IANA = "https://data.iana.org/rdap/dns.json"

// Config is the section domain of an entry of the site file.
type Config struct {
	// Bootstrap is the list of the registries' servers; IANA's if left out.
	Bootstrap string `yaml:"bootstrap,omitempty"`
	// Server is the RDAP server to ask, where the list has none for the
	// domain's end, or another one is wanted.
	Server string `yaml:"server,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {
	if c.Bootstrap == "" && c.Server == "" {
		c.Bootstrap = IANA
	}
}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	for _, u := range []struct{ key, value, example string }{
		{"bootstrap", c.Bootstrap, IANA},
		{"server", c.Server, "https://rdap.nic.fr/"},
	} {
		if _, ok := webAddress(u.value); !ok && u.value != "" {
			p.At(u.key).Addf("is no address of a web server; write one as %s", u.example)
		}
	}
	if c.Bootstrap != "" && c.Server != "" {
		p.At("bootstrap").Addf("finds the server, and server names it already; keep one of them")
	}
	host := strings.Trim(e.Host(), ".")
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") {
		p.Addf("cannot be asked about %s, which was registered by nobody; write the target as %s", host, e.Scheme.Example)
	}
}

// webAddress reads a URL without credentials and query.
func webAddress(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	ok := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
	return u, ok
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	if c.Server != "" {
		return "its RDAP server is asked about " + e.Host()
	}
	return "its registry is asked about " + e.Host() + ", and once a day IANA for the list of registries"
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	return New(Options{
		Domain: strings.ToLower(strings.Trim(e.Host(), ".")), Bootstrap: c.Bootstrap, Server: c.Server,
		Dial: e.Dial, TLS: secure, Now: e.Now,
	}), nil
}

// Travels implements protocol.Traveller: the list of registries is IANA's
// or none, for nobody chooses which web servers another instance asks.
func (c *Config) Travels(_ *protocol.Entry) []string {
	if c.Bootstrap == IANA {
		return []string{"bootstrap"}
	}
	return nil
}
