package dnsprobe

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"tocsin/internal/problem"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
	"tocsin/probes/tlscheck"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{{
			Name: "dns", Example: "dns://9.9.9.9/ville.example", Form: protocol.URL, Port: 53, TLS: true,
		}},
		Families: Families,
	}
}

// Config is the section dns of an entry of the site file.
type Config struct {
	// Name is the name to ask for; it may stand in the target instead.
	Name string `yaml:"name,omitempty"`
	// Type is the type of records to ask for: A, AAAA, MX, SOA, ...
	Type string `yaml:"type,omitempty"`
	// Class is nearly always IN.
	Class string `yaml:"class,omitempty"`
	// Transport is udp, tcp or tls.
	Transport string `yaml:"transport,omitempty"`
	// Recursion lets the server ask others, on unless set to false.
	Recursion *bool `yaml:"recursion,omitempty"`
	// ValidRcodes are the response codes that are good, as NXDOMAIN; NOERROR
	// alone if left out.
	ValidRcodes []string `yaml:"valid_rcodes,omitempty"`
	// Answer is what the records of the answer must be, as dig writes them.
	Answer Records `yaml:"validate_answer_rrs,omitempty"`
	// Authority is what the records about authority must be.
	Authority Records `yaml:"validate_authority_rrs,omitempty"`
	// Additional is what the additional records must be.
	Additional Records `yaml:"validate_additional_rrs,omitempty"`
}

// Records is what the records of one part of an answer must be, by regular
// expressions (RE2) over lines as dig writes them.
type Records struct {
	// FailIfMatches fails when any record matches any of these.
	FailIfMatches []string `yaml:"fail_if_matches_regexp,omitempty"`
	// FailIfAllMatch fails when all records match all of these.
	FailIfAllMatch []string `yaml:"fail_if_all_match_regexp,omitempty"`
	// FailIfNotMatches fails when any record does not match one of these, or
	// there is no record.
	FailIfNotMatches []string `yaml:"fail_if_not_matches_regexp,omitempty"`
	// FailIfNoneMatches fails when no record matches any of these.
	FailIfNoneMatches []string `yaml:"fail_if_none_matches_regexp,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {
	c.Type = cmp.Or(c.Type, "A")
	c.Class = cmp.Or(c.Class, "IN")
	c.Transport = cmp.Or(c.Transport, UDP)
	if c.Recursion == nil {
		c.Recursion = new(true)
	}
	if c.ValidRcodes == nil {
		c.ValidRcodes = []string{"NOERROR"}
	}
}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	inTarget := strings.Trim(e.URL.Path, "/")
	switch {
	case c.Name == "" && inTarget == "":
		p.At("name").Addf("is missing; write the name to ask for, here or in the target, as %s", e.Scheme.Example)
	case c.Name != "" && inTarget != "":
		p.At("name").Addf("stands in the target, too; keep one of them")
	case strings.Contains(inTarget, "/") || e.URL.RawQuery != "":
		p.At("name").Addf("cannot be read from the target; write that as %s", e.Scheme.Example)
	}
	if name := cmp.Or(c.Name, inTarget); name != "" {
		if _, ok := dns.IsDomainName(name); !ok {
			p.At("name").Addf("is no name that the DNS could have")
		}
	}
	ValidateQuestion(p, c.Type, c.Class, c.ValidRcodes, [3]string{"type", "class", "valid_rcodes"})
	switch {
	case c.Transport != UDP && c.Transport != TCP && c.Transport != TLS:
		p.At("transport").Addf("is no way to ask; write udp, tcp or tls")
	case c.Transport != TLS && *e.TLS != (tlscheck.Config{}):
		p.At("transport").Addf("%s has no TLS, and keys of TLS stand beside target; write transport: tls, or take them out", c.Transport)
	}
	c.Answer.Validate(p.At("validate_answer_rrs"))
	c.Authority.Validate(p.At("validate_authority_rrs"))
	c.Additional.Validate(p.At("validate_additional_rrs"))
}

// ValidateQuestion looks at the type, class and response codes, which stand
// under these keys.
func ValidateQuestion(p problem.List, typ, class string, rcodes []string, keys [3]string) {
	if _, ok := dns.StringToType[typ]; !ok {
		p.At(keys[0]).Addf("is no type of records; write one in capitals, as A, AAAA, MX or SOA")
	}
	if _, ok := dns.StringToClass[class]; !ok {
		p.At(keys[1]).Addf("is no class; write IN, or %s", strings.Join(slices.Sorted(maps.Keys(dns.StringToClass)), ", "))
	}
	for i, code := range rcodes {
		if _, ok := dns.StringToRcode[code]; !ok {
			p.At(keys[2]).Index(i).Addf("is no response code; write one in capitals, as NOERROR or NXDOMAIN")
		}
	}
}

// Validate adds what is wrong with the expressions.
func (r *Records) Validate(p problem.List) {
	for _, l := range r.lists() {
		for i, text := range l.texts {
			if _, err := regexp.Compile(text); err != nil {
				p.At(l.key).Index(i).Addf("is no regular expression: %s; write one in RE2's syntax, as \\sIN\\sA\\s192\\.0\\.2\\.", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
			}
		}
	}
}

type expressions struct {
	key   string
	texts []string
}

func (r *Records) lists() [4]expressions {
	return [4]expressions{
		{"fail_if_matches_regexp", r.FailIfMatches},
		{"fail_if_all_match_regexp", r.FailIfAllMatch},
		{"fail_if_not_matches_regexp", r.FailIfNotMatches},
		{"fail_if_none_matches_regexp", r.FailIfNoneMatches},
	}
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	return "asked for the " + c.Type + " records of " + cmp.Or(c.Name, strings.Trim(e.URL.Path, "/"))
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	port := e.Port()
	if c.Transport == TLS && e.URL.Port() == "" {
		port = 853
	}
	o := Options{
		Host: e.Host(), Port: port, Transport: c.Transport, Dial: e.Dial, TLS: secure,
		Name: cmp.Or(c.Name, strings.Trim(e.URL.Path, "/")), Type: c.Type, Class: c.Class, Recursion: *c.Recursion,
		Rcodes: c.ValidRcodes, Answer: c.Answer, Authority: c.Authority, Additional: c.Additional,
	}
	return New(o)
}

// Travels implements protocol.Traveller.
func (c *Config) Travels(_ *protocol.Entry) []string {
	return []string{
		"name", "type", "class", "transport", "recursion", "valid_rcodes",
		"validate_answer_rrs", "validate_authority_rrs", "validate_additional_rrs",
	}
}
