package journey

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/probes/celcheck"
	"tocsin/probes/visit"
)

// maxSteps bounds a journey, and what one step takes out of a page.
const (
	maxSteps    = 20
	maxExtracts = 20
)

var stepName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// Validate adds all that is wrong with a journey's steps.
func Validate(p problem.List, steps []Step) {
	if len(steps) > maxSteps {
		p.Addf("has %d steps; %d are the most: make two probes of it", len(steps), maxSteps)
	}
	known, names := map[string]bool{}, map[string]bool{}
	for i := range steps {
		s, at := &steps[i], p.Index(i)
		switch {
		case s.Name == "":
			at.At("step").Addf("is missing; write a short name, as login")
		case !stepName.MatchString(s.Name):
			at.At("step").Addf("is no name of a step; use small letters, digits, - and _, at most 40, as login")
		case names[s.Name]:
			at.At("step").Addf("%s is the name of an earlier step, too; give one of them another", s.Name)
		}
		names[s.Name] = true
		s.validateURL(at.At("url"))
		s.validateRequest(at)
		s.validateReferences(at, known)
		s.validateAnswer(at)
		for _, name := range slices.Sorted(maps.Keys(s.Extract)) {
			s.validateExtract(at.At("extract").At(name), name, known)
			known[name] = true
		}
		if len(s.Extract) > maxExtracts {
			at.At("extract").Addf("takes %d values out of one page; %d are the most", len(s.Extract), maxExtracts)
		}
	}
}

func (s *Step) validateURL(p problem.List) {
	if isValue(s.URL) {
		if s.sends() || len(s.Headers)+len(s.HeadersFile) > 0 {
			p.Addf("is chosen by a page, and what the step sends would go wherever that says; write the address, as https://connexion.ville.example/x?id=${id}")
		}
		return
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(s.URL, "https://"), "http://"), "/")
	u, err := url.Parse(fillURL(s.URL, nil))
	switch {
	case s.URL == "":
		p.Addf("is missing; write a path of the target, as /login/, or a whole address")
	case strings.HasPrefix(s.URL, "//"), err != nil, !strings.HasPrefix(s.URL, "/") && (u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == ""):
		p.Addf("is neither a path nor an address; write it as /login/ or https://connexion.ville.example/login/")
	case u.User != nil:
		p.Addf("has a user or a password in it; take them out")
	case !strings.HasPrefix(s.URL, "/") && reference.MatchString(host):
		p.Addf("has a value of a page in its host; write the host itself, or the value alone")
	}
}

func (s *Step) validateRequest(p problem.List) {
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, s.Method) {
		p.At("method").Addf("is no method that a journey can use; write GET or POST")
	}
	if s.sends() && (s.Method == "GET" || s.Method == "HEAD") {
		p.At("method").Addf("%s sends nothing; write method: POST beside form or request_body", s.Method)
	}
	hasBody := !s.RequestBody.IsZero() || s.RequestBodyFile != ""
	if hasBody && len(s.Form)+len(s.FormFile) > 0 {
		p.At("request_body").Addf("cannot go with form: a request has one body; take one of them out")
	}
	if !s.RequestBody.IsZero() && s.RequestBodyFile != "" {
		p.At("request_body").Addf("stands in request_body and in request_body_file; keep one of them")
	}
	twins(p, "headers", s.Headers, s.HeadersFile)
	twins(p, "form", s.Form, s.FormFile)
	for name, value := range s.Headers {
		if strings.ContainsFunc(value.Reveal(), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			p.At("headers").At(name).Addf("has a value that no header can have; take out line ends and control characters")
		}
	}
	for _, names := range [][]string{slices.Sorted(maps.Keys(s.Headers)), slices.Sorted(maps.Keys(s.HeadersFile))} {
		for _, name := range names {
			if !headerName.MatchString(name) {
				p.At("headers").At(name).Addf("is no name of a header; write one as Accept-Language")
			}
		}
	}
}

// Source: RFC 9110, section 5.6.2, "Tokens".
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func twins(p problem.List, key string, values map[string]secret.Text, files map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if _, ok := values[name]; ok {
			p.At(key).At(name).Addf("stands in %s and in %s_file; keep one of them", key, key)
		}
		if files[name] == "" {
			p.At(key + "_file").At(name).Addf("names no file; write the path of the file that has the value")
		}
	}
}

// validateReferences looks for values that no earlier step has found.
func (s *Step) validateReferences(p problem.List, known map[string]bool) {
	check := func(at problem.List, text string) {
		for _, name := range references(text) {
			switch {
			case known[name]:
			case valueName.MatchString(name):
				at.Addf("puts in ${%s}, which no earlier step extracts; extract it before", name)
			default:
				at.Addf("has a ${ that begins no name of a value; write one as ${token}")
			}
		}
	}
	check(p.At("url"), s.URL)
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		check(p.At("headers").At(name), s.Headers[name].Reveal())
	}
	for _, name := range slices.Sorted(maps.Keys(s.Form)) {
		check(p.At("form").At(name), s.Form[name].Reveal())
	}
	check(p.At("request_body"), s.RequestBody.Reveal())
}

func (s *Step) validateAnswer(p problem.List) {
	for i, text := range s.Status {
		if _, err := visit.ParseStatus(text); err != nil {
			p.At("status").Index(i).Addf("%v", err)
		}
	}
	if s.EndsAt != "" {
		if u, err := url.Parse(s.EndsAt); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.RawQuery != "" {
			p.At("ends_at").Addf("is no beginning of an address; write it as https://connexion.ville.example/login")
		}
	}
	for i, name := range s.Fields {
		if name == "" {
			p.At("fields").Index(i).Addf("names no field; write one as username")
		}
	}
	expression(p.At("body").At("matches"), s.Body.Matches)
	expression(p.At("body").At("not_matches"), s.Body.NotMatches)
	if s.Body.JSON != "" {
		if _, err := celcheck.Compile(s.Body.JSON); err != nil {
			p.At("body").At("json").Addf("is no expression that can be judged: %v; write one as body.status == \"pass\"", err)
		}
	}
}

func (s *Step) validateExtract(p problem.List, name string, known map[string]bool) {
	e := s.Extract[name]
	if !valueName.MatchString(name) {
		p.Addf("is no name of a value; use small letters, digits and _, as token")
	}
	if known[name] {
		p.Addf("is the name of an earlier value, too; give one of them another")
	}
	ways := 0
	for _, text := range []string{e.Field, e.Matches, e.JSON, e.Header} {
		if text != "" {
			ways++
		}
	}
	if ways != 1 {
		p.Addf("must be found in one way; write one of field, matches, json and header")
	}
	expression(p.At("matches"), e.Matches)
	if e.JSON != "" {
		if _, err := celcheck.CompileText(e.JSON); err != nil {
			p.At("json").Addf("is no expression that gives a value: %v; write one as body.items[0].id", err)
		}
	}
}

func expression(p problem.List, text string) {
	if _, err := regexp.Compile(text); err != nil {
		p.Addf("is no regular expression: %s; write one in RE2's syntax, as (?i)welcome", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
}
