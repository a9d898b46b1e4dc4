package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/lazy"
)

// A sample stands for a result of a query in a template.
type sample struct {
	Labels map[string]string
	Value  any
}

// alertData is what Prometheus offers an alert's template.
//
// Source: Prometheus, "Template reference", alert field templates.
type alertData struct {
	Labels         map[string]string
	ExternalLabels map[string]string
	ExternalURL    string
	Value          any
}

// definitions are the variables that Prometheus defines before the text.
const definitions = `{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}`

// render renders a template as Prometheus would, on made-up data, and returns
// the queries that it asked. It fails for what would fail whatever the data: an
// unknown function or field, a wrong number of arguments, bad syntax.
func render(text string) (queries []string, err error) {
	if !strings.Contains(text, "{{") {
		return nil, nil
	}
	funcs := functions(func(q string) { queries = append(queries, q) })
	t, err := template.New("").Funcs(funcs).Option("missingkey=zero").Parse(definitions + text)
	if err != nil {
		return nil, tidy(err, funcs)
	}
	data := alertData{
		Labels:         sampleLabels(text),
		ExternalLabels: map[string]string{},
		Value:          1.0,
	}
	if err := t.Execute(&bounded{left: maxText}, data); err != nil {
		return nil, tidy(err, funcs)
	}
	return queries, nil
}

// maxText bounds what a template may render; a message takes a tenth of it.
const maxText = 64 << 10

// bounded refuses more than it has left, so that a template that never ends
// fails here and not when it should speak.
type bounded struct{ left int }

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, fmt.Errorf("the text is longer than %d bytes", maxText)
	}
	return len(p), nil
}

// field finds what may be the name of a label.
var field = lazy.Regexp(`\.(\w+)`)

// sampleLabels gives each label that the text may name a value that is good
// in a query too.
func sampleLabels(text string) map[string]string {
	out := map[string]string{}
	for _, m := range field().FindAllStringSubmatch(text, -1) {
		out[m[1]] = "up"
	}
	return out
}

// place is where text/template says that an error is; the name is empty and
// the column is shifted by our definitions, so it says nothing to the reader.
var place = lazy.Regexp(`^template: :(\d+)(:\d+)?: (executing "" at )?`)

var undefined = lazy.Regexp(`^function "(\w+)" not defined$`)

// fieldless finds what a template asked of the alert's data in vain.
var fieldless = lazy.Regexp(`can't evaluate field (\w+) in type rules\.(alertData|\*rules\.sample|sample)`)

// tidy puts an error of text/template in an administrator's words.
func tidy(err error, funcs template.FuncMap) error {
	text := place().ReplaceAllString(err.Error(), "")
	if m := undefined().FindStringSubmatch(text); m != nil {
		return fmt.Errorf("templates have no function %s%s", m[1], hint(m[1], sortedKeys(funcs)))
	}
	if m := fieldless().FindStringSubmatch(text); m != nil {
		fields := []string{"Labels", "ExternalLabels", "ExternalURL", "Value"}
		return fmt.Errorf("templates have no field .%s%s", m[1], hint(m[1], fields))
	}
	return fmt.Errorf("the template fails: %s", text)
}

// functions are those that Prometheus' templates have, with its types, so that
// what passes here passes there. Their results are plausible, no more.
//
// Source: Prometheus, "Template reference", functions.
func functions(asked func(string)) template.FuncMap {
	number := func(any) (string, error) { return "1", nil }
	same := func(s string) string { return s }
	f := template.FuncMap{
		"query": func(q string) []*sample {
			asked(q)
			return []*sample{{Labels: map[string]string{}, Value: 1.0}}
		},
		"first": func(v []*sample) (*sample, error) {
			if len(v) == 0 {
				return nil, errors.New("first: the query has no result")
			}
			return v[0], nil
		},
		"label":       func(name string, s *sample) string { return s.Labels[name] },
		"value":       func(s *sample) any { return s.Value },
		"strvalue":    func(s *sample) string { return s.Labels["__value__"] },
		"sortByLabel": func(_ string, v []*sample) []*sample { return slices.Clone(v) },
		"args": func(args ...any) map[string]any {
			out := map[string]any{}
			for i, a := range args {
				out["arg"+strconv.Itoa(i)] = a
			}
			return out
		},
		"reReplaceAll": func(pattern, replacement, text string) (string, error) {
			re, err := regexp.Compile(pattern)
			if err != nil {
				return "", err
			}
			return re.ReplaceAllString(text, replacement), nil
		},
		"match":         regexp.MatchString,
		"toTime":        func(any) (*time.Time, error) { return &time.Time{}, nil },
		"toDuration":    func(any) (*time.Duration, error) { return new(time.Duration), nil },
		"now":           func() float64 { return 0 },
		"pathPrefix":    func() string { return "" },
		"externalURL":   func() string { return "" },
		"parseDuration": parseDuration,
	}
	for _, name := range []string{"humanize", "humanize1024", "humanizeDuration", "humanizePercentage", "humanizeTimestamp"} {
		f[name] = number
	}
	for _, name := range []string{"safeHtml", "title", "toUpper", "toLower", "stripPort", "stripDomain", "graphLink", "tableLink", "urlQueryEscape"} {
		f[name] = same
	}
	return f
}

func parseDuration(text string) (float64, error) {
	d, err := model.ParseDurationAllowNegative(text)
	return float64(d) / 1e9, err
}
