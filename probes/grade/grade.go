package grade

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// The versions of the algorithm: what a site gets changes with them.
const (
	Oldest = 5
	Newest = 6
)

// A Site is what a web site answered.
type Site struct {
	// Host is the name that was asked.
	Host string
	// Status, Header and Body are the last answer's over https, or over http
	// where there is none over https. Body may be cut off; scripts after the
	// cut are not seen.
	Status int
	Header http.Header
	Body   []byte
	// Cookies are the values of Set-Cookie of all answers on the way to it.
	Cookies []string
	// HTTPS tells whether there was an answer over https, Verified whether all
	// certificates on the way were good.
	HTTPS    bool
	Verified bool
	// Route is the way from http://Host/, empty where nothing answers there.
	Route []Hop
	// CORS is the header of the answer to OPTIONS with the header Origin.
	CORS   http.Header
	Origin string
	// Preloaded tells whether browsers know by themselves that a host is asked
	// over https alone; nil says no of all.
	Preloaded func(host string) bool
}

// A Hop is one answer on the way.
type Hop struct {
	URL    string
	Status int
}

// A Test is what came of one of the tests.
type Test struct {
	Name     string // content-security-policy
	Result   string // csp-not-implemented
	Modifier int    // of the score
	Pass     bool
}

// A Report is a site's grade and what it is made of.
type Report struct {
	Version int
	Score   int    // 0 to 165
	Grade   string // A+ to F
	Tests   []Test // in the order of the reference
}

// ErrRefused is returned for an answer that has no grade: an error of the
// server, or no page at all.
var ErrRefused = errors.New("a page with this status has no grade")

// tests are all there are; each returns the name of its result.
var tests = []struct {
	name  string
	since int // version
	judge func(*page) string
}{
	{"content-security-policy", Oldest, contentSecurityPolicy},
	{"cookies", Oldest, cookies},
	{"cross-origin-embedder-policy", 6, embedderPolicy},
	{"cross-origin-opener-policy", 6, openerPolicy},
	{"cross-origin-resource-sharing", Oldest, resourceSharing},
	{"redirection", Oldest, redirection},
	{"referrer-policy", Oldest, referrerPolicy},
	{"strict-transport-security", Oldest, strictTransport},
	{"subresource-integrity", Oldest, integrity},
	{"x-content-type-options", Oldest, contentTypeOptions},
	{"x-frame-options", Oldest, frameOptions},
	{"cross-origin-resource-policy", Oldest, resourcePolicy},
}

// Of grades a site by a version of the algorithm, Oldest to Newest.
func Of(s *Site, version int) (Report, error) {
	if s.Status < 200 || s.Status >= 400 && s.Status != http.StatusUnauthorized && s.Status != http.StatusForbidden {
		return Report{}, ErrRefused
	}
	p := newPage(s)
	r := Report{Version: version}
	uncurved, total := 100, 100
	for _, t := range tests {
		if t.since > version {
			continue
		}
		result := t.judge(p)
		o := outcomes[result]
		r.Tests = append(r.Tests, Test{t.name, result, o.modifier, o.pass})
		total += o.modifier
		uncurved += min(o.modifier, 0)
	}
	// What is better than it must be counts only for a site that is good anyway.
	r.Score = max(uncurved, 0)
	if uncurved >= 90 {
		r.Score = total
	}
	r.Grade = letter(r.Score)
	return r, nil
}

// letters are the grades of 100, 95, 90 and so on.
var letters = []string{"A+", "A", "A", "A-", "B+", "B", "B", "B-", "C+", "C", "C", "C-", "D+", "D", "D", "D-", "F"}

func letter(score int) string {
	return letters[min((100-min(score-score%5, 100))/5, len(letters)-1)]
}

// Grades lists the grades, the best first.
func Grades() []string { return slices.Compact(slices.Clone(letters)) }

// Rank returns a grade as a number, the better the higher: F is 0, A+ is 12. It
// is -1 for what is no grade.
func Rank(grade string) int {
	all := Grades()
	if i := slices.Index(all, grade); i >= 0 {
		return len(all) - 1 - i
	}
	return -1
}

// page is a site with what several tests read in it.
type page struct {
	*Site
	html   bool
	meta   metas
	policy *policy
}

func newPage(s *Site) *page {
	p := &page{Site: s}
	mime, _, _ := strings.Cut(p.header("Content-Type"), ";")
	mime = strings.ToLower(strings.TrimSpace(mime))
	p.html = mime == "text/html" || mime == "application/xhtml+xml"
	if p.html {
		p.meta = readMetas(s.Body)
	}
	p.policy = readPolicy(p.Header.Values("Content-Security-Policy"), p.meta.policies)
	return p
}

// header is the text of a header. Where it was sent more than once the values
// are joined, as Node does for the reference; of Content-Type the first counts.
func (p *page) header(name string) string {
	values := p.Header.Values(name)
	if name == "Content-Type" && len(values) > 1 {
		values = values[:1]
	}
	return strings.Join(values, ", ")
}

func (p *page) has(name string) bool { return len(p.Header.Values(name)) > 0 }

func (p *page) preloaded(host string) bool { return p.Preloaded != nil && p.Preloaded(host) }
