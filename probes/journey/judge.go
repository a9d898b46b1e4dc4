package journey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tocsin/probes/celcheck"
	"tocsin/probes/probe"
	"tocsin/probes/visit"
)

// expected is what the last answer of a step must be, and what is taken out of
// it.
type expected struct {
	status              []visit.StatusRange
	endsAt              *url.URL // nil: anywhere
	contains            string
	matches, notMatches *regexp.Regexp
	json                *celcheck.Expression
	fields              []string
	extract             []extractor
}

// extractor finds one value.
type extractor struct {
	name, field, header string
	matches             *regexp.Regexp
	json                *celcheck.Expression
}

// maxValue bounds what is taken out of a page.
const maxValue = 64 << 10

// newExpected compiles what a step expects.
func newExpected(s *Step) (expected, error) {
	e := expected{contains: s.Body.Contains, fields: s.Fields}
	for _, text := range s.Status {
		r, err := visit.ParseStatus(text)
		if err != nil {
			return e, fmt.Errorf("status: %w", err)
		}
		e.status = append(e.status, r)
	}
	var errs [5]error
	if s.EndsAt != "" {
		e.endsAt, errs[0] = url.Parse(s.EndsAt)
	}
	e.matches, errs[1] = compiled(s.Body.Matches)
	e.notMatches, errs[2] = compiled(s.Body.NotMatches)
	if s.Body.JSON != "" {
		e.json, errs[3] = celcheck.Compile(s.Body.JSON)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Extract)) {
		from := s.Extract[name]
		x := extractor{name: name, field: from.Field, header: from.Header}
		var err error
		if x.matches, err = compiled(from.Matches); err == nil && from.JSON != "" {
			x.json, err = celcheck.CompileText(from.JSON)
		}
		errs[4] = errors.Join(errs[4], err)
		e.extract = append(e.extract, x)
	}
	return e, errors.Join(errs[:]...)
}

func compiled(text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nothing is asked
	}
	return regexp.Compile(text)
}

// judge says what is wrong with the page that a step came to.
func (e *expected) judge(ctx context.Context, page *visit.Answer, forms []form) error {
	if !visit.GoodStatus(e.status, page.Status) {
		return probe.Fail(probe.Status, probe.PhaseProcessing, fmt.Errorf("%w, at %s", visit.WrongStatus(e.status, page.Status), probe.DisplayURL(page.URL)))
	}
	if e.endsAt != nil && !begins(page.URL, e.endsAt) {
		return probe.Fail(probe.Redirect, probe.PhaseProcessing, fmt.Errorf("the way ended at %s, not at %s", probe.DisplayURL(page.URL), e.endsAt))
	}
	wrong := func(format string, args ...any) error {
		return probe.Fail(probe.Body, probe.PhaseTransfer, fmt.Errorf("the page at %s %s", probe.DisplayURL(page.URL), fmt.Sprintf(format, args...)))
	}
	switch {
	case e.contains != "" && !bytes.Contains(page.Body, []byte(e.contains)):
		return wrong("does not contain %q", e.contains)
	case e.matches != nil && !e.matches.Match(page.Body):
		return wrong("does not match %q", e.matches)
	case e.notMatches != nil && e.notMatches.Match(page.Body):
		return wrong("matches %q, and must not", e.notMatches)
	}
	if e.json != nil {
		is, err := e.json.Match(ctx, page.Body)
		if ended := probe.Ended(ctx, probe.PhaseTransfer, "judging the page"); err != nil && ended != nil {
			return ended
		}
		if err != nil {
			return wrong("is not as expected: %v", err)
		}
		if !is {
			return wrong("is not as expected: %q is false of it", e.json)
		}
	}
	if len(e.fields) > 0 && !slices.ContainsFunc(forms, e.hasFields) {
		return wrong("has no form with the fields %s; %s", strings.Join(e.fields, ", "), shown(forms))
	}
	return nil
}

func (e *expected) hasFields(f form) bool {
	return !slices.ContainsFunc(e.fields, func(name string) bool { return !f.has(name) })
}

// shown says which forms a page has.
func shown(forms []form) string {
	if len(forms) == 0 {
		return "it has no form"
	}
	const most = 5
	var all []string
	for i := range forms[:min(len(forms), most)] {
		names := forms[i].names()
		all = append(all, "("+strings.Join(names[:min(len(names), most)], ", ")+")")
	}
	return "it has forms with " + strings.Join(all, ", ")
}

// begins tells whether an address begins as wanted: same scheme, same host, and
// the path's beginning.
func begins(u, wanted *url.URL) bool {
	return u.Scheme == wanted.Scheme && strings.EqualFold(u.Host, wanted.Host) && strings.HasPrefix(u.Path, wanted.Path)
}

// take finds the values of a step in its page.
func (e *expected) take(ctx context.Context, page *visit.Answer, forms []form, into map[string]string) error {
	for i := range e.extract {
		x := &e.extract[i]
		value, err := x.find(ctx, page, forms)
		if ended := probe.Ended(ctx, probe.PhaseTransfer, "reading the page"); err != nil && ended != nil {
			return ended
		}
		if err == nil && len(value) > maxValue {
			err = fmt.Errorf("it is longer than %d bytes", maxValue)
		}
		if err != nil {
			return probe.Fail(probe.Body, probe.PhaseTransfer, fmt.Errorf("%s is not found in the answer of %s: %w", x.name, probe.DisplayURL(page.URL), err))
		}
		into[x.name] = value
	}
	return nil
}

func (x *extractor) find(ctx context.Context, page *visit.Answer, forms []form) (string, error) {
	switch {
	case x.field != "":
		for i := range forms {
			if value, ok := forms[i].value(x.field); ok {
				return value, nil
			}
		}
		return "", fmt.Errorf("no form has the field %s; %s", x.field, shown(forms))
	case x.header != "":
		if value := page.Header.Get(x.header); value != "" {
			return value, nil
		}
		return "", fmt.Errorf("it has no header %s", x.header)
	case x.matches != nil:
		m := x.matches.FindSubmatch(page.Body)
		if m == nil {
			return "", fmt.Errorf("%q matches nothing", x.matches)
		}
		return string(m[min(1, len(m)-1)]), nil
	default:
		return x.json.Text(ctx, page.Body)
	}
}
