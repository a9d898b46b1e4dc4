package httpprobe

import (
	"net/http"
	"slices"

	"tocsin/internal/problem"
	"tocsin/probes/journey"
	"tocsin/probes/protocol"
)

// checks sets what is looked at further than one page.
func (c *Config) checks(o *Options) error {
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
	if c.Journey == nil {
		return
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
