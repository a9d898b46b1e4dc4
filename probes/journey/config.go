package journey

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tocsin/internal/secret"
	"tocsin/probes/visit"
)

// DefaultEvery is how often a journey is made: it costs the site a session and
// several pages.
const DefaultEvery = 5 * time.Minute

// A Step is one page of a journey.
type Step struct {
	// Name is what the step is called in messages and in the label step.
	Name string `yaml:"step"`
	// URL is what to ask for: a path of the target, as /login/, or a whole
	// address. ${name} puts in what an earlier step found.
	URL string `yaml:"url"`
	// Method is the HTTP method: GET, or POST where the step sends something.
	Method string `yaml:"method,omitempty"`
	// Headers are of the request, by their names; values are secret, and sent
	// to this step's host only.
	Headers map[string]secret.Text `yaml:"headers,omitempty"`
	// HeadersFile is the same with each value in a file.
	HeadersFile map[string]string `yaml:"headers_file,omitempty"`
	// Form is the fields that are sent as a form's; values are secret, and
	// sent to this step's host only.
	Form map[string]secret.Text `yaml:"form,omitempty"`
	// FormFile is the same with each value in a file.
	FormFile map[string]string `yaml:"form_file,omitempty"`
	// RequestBody is sent with the request, in place of a form.
	RequestBody     secret.Text `yaml:"request_body,omitempty"`
	RequestBodyFile string      `yaml:"request_body_file,omitempty"`
	// FollowRedirects, on unless set to false, goes on to where the answer
	// redirects, and sends the forms that send themselves, as a browser does.
	FollowRedirects *bool `yaml:"follow_redirects,omitempty"`

	// Status is the statuses of the last answer that are good; 2xx if left out.
	Status visit.Statuses `yaml:"status,omitempty"`
	// EndsAt is where the redirects must have led: the beginning of an address,
	// as https://connexion.ville.example/.
	EndsAt string `yaml:"ends_at,omitempty"`
	// Fields are what one form of the page must have, as [username, password].
	Fields []string `yaml:"fields,omitempty"`
	// Body is what the page's content must be.
	Body Body `yaml:"body,omitempty"`
	// Extract is what is taken out of the page, by the name that later steps
	// know it by.
	Extract map[string]Extract `yaml:"extract,omitempty"`
}

// Body is what a page's content must be. All that is set must hold.
type Body struct {
	// Contains is a text that it must have.
	Contains string `yaml:"contains,omitempty"`
	// Matches is a regular expression (RE2) that must match it.
	Matches string `yaml:"matches,omitempty"`
	// NotMatches is a regular expression (RE2) that must not match it.
	NotMatches string `yaml:"not_matches,omitempty"`
	// JSON is an expression (CEL) that must be true of it, read as JSON and
	// called body: body.status == "pass".
	JSON string `yaml:"json,omitempty"`
}

// Extract is how a value is found: by exactly one of its keys.
type Extract struct {
	// Field is the name of a form's field, whose value it is.
	Field string `yaml:"field,omitempty"`
	// Matches is a regular expression (RE2); the value is what its first group
	// matched, or the whole.
	Matches string `yaml:"matches,omitempty"`
	// JSON is an expression (CEL) whose result is the value, of the page read
	// as JSON and called body: body.items[0].id.
	JSON string `yaml:"json,omitempty"`
	// Header is the name of a header of the answer.
	Header string `yaml:"header,omitempty"`
}

// SetDefaults fills what the site file left out.
func (s *Step) SetDefaults() {
	if s.Method == "" {
		s.Method = "GET"
		if s.sends() {
			s.Method = "POST"
		}
	}
	if s.FollowRedirects == nil {
		s.FollowRedirects = new(true)
	}
}

// sends tells whether the step sends a body.
func (s *Step) sends() bool {
	return len(s.Form)+len(s.FormFile) > 0 || !s.RequestBody.IsZero() || s.RequestBodyFile != ""
}

// OnlyReads tells whether the steps do no more than read pages of a host, and
// of whatever these lead to; they have their defaults. A page that sends itself
// on, as the way to a login does, is not the steps' doing.
func OnlyReads(steps []Step, host string) bool {
	return !slices.ContainsFunc(steps, func(s Step) bool {
		return s.Method != http.MethodGet && s.Method != http.MethodHead || s.sends() ||
			len(s.Headers)+len(s.HeadersFile) > 0 || !s.stays(host)
	})
}

// stays tells whether the step asks a host, or one that a page has named.
func (s *Step) stays(host string) bool {
	if isValue(s.URL) || strings.HasPrefix(s.URL, "/") && !strings.HasPrefix(s.URL, "//") {
		return true
	}
	u, err := url.Parse(fillURL(s.URL, nil))
	return err == nil && strings.EqualFold(u.Hostname(), host)
}
