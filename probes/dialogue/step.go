package dialogue

import (
	"regexp"
	"strings"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// Step is one step of a dialogue as the site file writes it. What is set is
// done in the order of the keys.
type Step struct {
	// Expect is a regular expression (RE2) that a line of the server must
	// match; lines before it are passed over.
	Expect string `yaml:"expect,omitempty"`
	// ExpectBytes is what the server must send next, to the byte.
	ExpectBytes string `yaml:"expect_bytes,omitempty"`
	// Labels are put on the metric probe_expect_info; their values may quote
	// the groups of expect, as ${1}.
	Labels []Label `yaml:"labels,omitempty"`
	// Send is sent with a line end; it may quote the groups of expect, as ${1}.
	// It may hold a password: it is not shown.
	Send secret.Text `yaml:"send,omitempty"`
	// StartTLS turns to TLS.
	StartTLS bool `yaml:"starttls,omitempty"`
}

// Label is a label of probe_expect_info.
type Label struct {
	// Name is the label's name.
	Name string `yaml:"name"`
	// Value is its value.
	Value string `yaml:"value"`
}

// Bounds of a dialogue.
const (
	maxSteps = 64
	maxLine  = 64 << 10 // bytes of one line, as blackbox_exporter takes
	maxRead  = 1 << 20  // bytes read while waiting for one line
	maxBytes = 64 << 10 // bytes that expect_bytes may have
)

// Validate adds what is wrong with the steps.
func Validate(p problem.List, steps []Step) {
	if len(steps) > maxSteps {
		p.Addf("has %d steps; at most %d are made", len(steps), maxSteps)
	}
	for i, s := range steps {
		at := p.Index(i)
		if _, err := regexp.Compile(s.Expect); err != nil {
			at.At("expect").Addf("is no regular expression: %s; write one in RE2's syntax, as ^220 ", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		if len(s.ExpectBytes) > maxBytes {
			at.At("expect_bytes").Addf("is longer than %d bytes", maxBytes)
		}
		if s.Expect == "" && s.ExpectBytes == "" && s.Send.IsZero() && !s.StartTLS {
			at.Addf("says nothing to do; write expect, expect_bytes, send or starttls")
		}
		if len(s.Labels) > 0 && s.Expect == "" {
			at.At("labels").Addf("have nothing to quote; write expect beside them")
		}
		for j, l := range s.Labels {
			if !model.LegacyValidation.IsValidLabelName(l.Name) || strings.HasPrefix(l.Name, "__") {
				at.At("labels").Index(j).At("name").Addf("is no name of a label; use letters, digits and _, as banner")
			}
		}
	}
}
