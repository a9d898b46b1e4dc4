package httpprobe

import (
	"net/http"
	"slices"

	"tocsin/internal/problem"
	"tocsin/probes/journey"
	"tocsin/probes/oidccheck"
	"tocsin/probes/protocol"
	"tocsin/probes/samlcheck"
)

// checks sets what is looked at further than one page.
func (c *Config) checks(o *Options, e *protocol.Entry) error {
	if c.OIDC != nil {
		o.URL, o.Check = oidccheck.Document(e.URL), oidccheck.New(c.OIDC, e.URL)
	}
	if c.SAMLMetadata != nil {
		o.Check = samlcheck.New(c.SAMLMetadata, e.Now)
	}
	if len(c.Journey) > 0 {
		j, err := journey.New(c.Journey, o.URL)
		if err != nil {
			return err
		}
		o.Instead = j
	}
	return nil
}

// validateChecks looks at the keys of what is looked at further than one page.
func (c *Config) validateChecks(p problem.List, e *protocol.Entry) {
	if c.HeaderGrade != nil {
		c.HeaderGrade.Validate(p.At("header_grade"), e.URL.Scheme == "https")
	}
	if c.OIDC != nil {
		c.OIDC.Validate(p.At("oidc"), e.URL)
	}
	if c.SAMLMetadata != nil {
		c.SAMLMetadata.Validate(p.At("saml_metadata"))
		if c.OIDC != nil {
			p.At("saml_metadata").Addf("cannot go with oidc: each has a document of its own; make two probes of them")
		}
	}
	if c.Journey == nil {
		return
	}
	for key, written := range map[string]bool{"oidc": c.OIDC != nil, "saml_metadata": c.SAMLMetadata != nil} {
		if written {
			p.At(key).Addf("cannot go with journey: one looks at a document, the other at pages; make two probes of them")
		}
	}
	journey.Validate(p.At("journey"), c.Journey)
	if len(c.Journey) == 0 {
		p.At("journey").Addf("has no step; write one as {step: login, url: /login/, fields: [username]}")
	}
	// What is asked of the target alone would be taken for asked of a page.
	for _, k := range []struct {
		key     string
		written bool
	}{
		{"method", c.Method != http.MethodGet},
		{"request_body", !c.RequestBody.IsZero()},
		{"request_body_file", c.RequestBodyFile != ""},
		{"status", !slices.Equal(c.Status, Statuses{"2xx"})},
		{"http_versions", c.Versions != nil},
		{"answer_headers", c.AnswerHeaders != nil},
		{"compression", c.Compression != ""},
		{"body", c.Body != Body{}},
		{"follow_redirects", !c.follows()},
	} {
		if k.written {
			p.At(k.key).Addf("says nothing of a journey, whose pages are its steps; write it in a step, or take it out")
		}
	}
}
