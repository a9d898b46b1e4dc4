package grade

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vector is a site with what the reference says of it (mdn-http-observatory,
// version 6, on Node 24).
type vector struct {
	Name  string
	Input struct {
		Host, Body string
		Headers    map[string]string
		Cookies    []string
		Status     int
		HTTPS      bool
		Verified   bool
		Route      json.RawMessage
		CORS       map[string]string
		CORSOrigin string
	}
	Score   int
	Grade   string
	Tests   map[string][3]any
	Refused bool
}

func (v *vector) site(t *testing.T) *Site {
	t.Helper()
	in := v.Input
	s := &Site{
		Host: in.Host, Status: in.Status, Body: []byte(in.Body), Header: header(in.Headers), Cookies: in.Cookies,
		HTTPS: in.HTTPS, Verified: in.Verified, CORS: header(in.CORS), Origin: in.CORSOrigin,
		Preloaded: func(host string) bool {
			return host == "preloaded.example" || strings.HasSuffix(host, ".preloaded.example")
		},
	}
	if s.Header.Get("Content-Type") == "" {
		s.Header.Set("Content-Type", "text/html; charset=utf-8")
	}
	if string(in.Route) == `"nohttp"` {
		return s
	}
	var hops [][2]any
	if err := json.Unmarshal(in.Route, &hops); err != nil {
		t.Fatal(err)
	}
	for _, h := range hops {
		s.Route = append(s.Route, Hop{URL: h[0].(string), Status: int(h[1].(float64))})
	}
	return s
}

func header(values map[string]string) http.Header {
	h := http.Header{}
	for name, value := range values {
		h.Set(name, value)
	}
	return h
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors-v6.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOf_asTheReference(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			got, err := Of(v.site(t), 6)
			if v.Refused {
				if !errors.Is(err, ErrRefused) {
					t.Fatalf("%v, want a refusal", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Score != v.Score || got.Grade != v.Grade {
				t.Errorf("%d %s, want %d %s", got.Score, got.Grade, v.Score, v.Grade)
			}
			found := map[string][3]any{}
			for _, test := range got.Tests {
				found[test.Name] = [3]any{test.Result, float64(test.Modifier), test.Pass}
				seen[test.Result] = true
			}
			if diff := cmp.Diff(v.Tests, found); diff != "" {
				t.Error(diff)
			}
		})
	}
	for result := range outcomes {
		// golang.org/x/net/html reads whatever it is given.
		if !seen[result] && result != "html-not-parseable" {
			t.Errorf("no vector has %s", result)
		}
	}
}

func TestOf_version5(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Name != "perfect" {
			continue
		}
		got, err := Of(v.site(t), 5)
		if err != nil {
			t.Fatal(err)
		}
		// Without +10 for each of the two policies that version 6 added.
		if got.Score != v.Score-20 || got.Grade != "A+" || len(got.Tests) != len(v.Tests)-2 {
			t.Errorf("%+v", got)
		}
	}
}

func TestLetter(t *testing.T) {
	for score, want := range map[int]string{
		165: "A+", 100: "A+", 99: "A", 90: "A", 89: "A-", 85: "A-", 80: "B+", 75: "B", 70: "B", 65: "B-", 60: "C+", 55: "C", 50: "C",
		45: "C-", 40: "D+", 35: "D", 30: "D", 25: "D-", 20: "F", 4: "F", 0: "F",
	} {
		if got := letter(score); got != want {
			t.Errorf("%d is %s, want %s", score, got, want)
		}
	}
}

func TestRank(t *testing.T) {
	for grade, want := range map[string]int{"F": 0, "B-": 7, "B": 8, "A": 11, "A+": 12, "Z": -1, "": -1, "b": -1} {
		if got := Rank(grade); got != want {
			t.Errorf("%s is %d, want %d", grade, got, want)
		}
	}
}

// Each result that costs points has words on what to change.
func TestAdvice(t *testing.T) {
	for result, o := range outcomes {
		if advice := Advice(result); (advice == "") == (o.modifier < 0) {
			t.Errorf("%s costs %d points, and the advice is %q", result, -o.modifier, advice)
		}
	}
}

// Headers that were sent twice are judged as the reference judges them, which
// sees them joined.
func TestOf_repeatedHeaders(t *testing.T) {
	s := &Site{
		Host: "example.org", Status: 200, HTTPS: true, Verified: true,
		Header: http.Header{
			"Content-Type":              {"text/html", "text/plain"},
			"X-Frame-Options":           {"DENY", "DENY"},
			"Strict-Transport-Security": {"max-age=31536000", "max-age=31536000"},
			"Content-Security-Policy":   {"default-src 'self'", "default-src 'none'"},
		},
		Body: []byte(`<script src="/a.js"></script>`),
	}
	got, err := Of(s, Newest)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"x-frame-options": "x-frame-options-header-invalid", "strict-transport-security": "hsts-header-invalid",
		"content-security-policy": "csp-implemented-with-no-unsafe-default-src-none",
		"subresource-integrity":   "sri-not-implemented-but-all-scripts-loaded-from-secure-origin",
	}
	for _, test := range got.Tests {
		if w := want[test.Name]; w != "" && w != test.Result {
			t.Errorf("%s, want %s", test.Result, w)
		}
	}
}

// FuzzOf: whatever a site answers has a grade, each result of it is a known one.
func FuzzOf(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Input.Headers["content-security-policy"], v.Input.Headers["strict-transport-security"],
			strings.Join(v.Input.Cookies, "\n"), v.Input.Headers["cross-origin-opener-policy"], v.Input.Body)
	}
	f.Fuzz(func(t *testing.T, policy, transport, cookies, opener, body string) {
		got, err := Of(&Site{
			Host: "example.org", Status: 200, HTTPS: true, Verified: true, Body: []byte(body), Cookies: strings.Split(cookies, "\n"),
			Header: http.Header{
				"Content-Type": {"text/html"}, "Content-Security-Policy": {policy}, "Strict-Transport-Security": {transport},
				"Cross-Origin-Opener-Policy": {opener}, "Referrer-Policy": {opener}, "X-Frame-Options": {transport},
			},
		}, Newest)
		if err != nil || got.Score < 0 || got.Score > 165 {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, test := range got.Tests {
			if _, ok := outcomes[test.Result]; !ok {
				t.Errorf("%s is no result", test.Result)
			}
		}
	})
}
