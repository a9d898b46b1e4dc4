package httpprobe

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/secret"
	"tocsin/probes/celcheck"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	scheme := func(name string, port uint16) protocol.Scheme {
		return protocol.Scheme{
			Name: name, Example: name + "://portail.ville.example", Form: protocol.URL, Port: port, TLS: true, Login: true,
		}
	}
	return protocol.Protocol{Schemes: []protocol.Scheme{scheme("https", 443), scheme("http", 80)}, Families: Families}
}

// Config is the keys of an entry of the site file that are HTTP's own.
type Config struct {
	// Method is the HTTP method.
	Method string `yaml:"method,omitempty"`
	// Headers are of the request, by their names; values are secret, and sent
	// to the target only.
	Headers map[string]secret.Text `yaml:"headers,omitempty"`
	// HeadersFile is the same with each value in a file.
	HeadersFile map[string]string `yaml:"headers_file,omitempty"`
	// BearerToken is sent to the target only, in place of a username.
	BearerToken     secret.Text `yaml:"bearer_token,omitempty"`
	BearerTokenFile string      `yaml:"bearer_token_file,omitempty"`
	// RequestBody is sent with the request, as for method POST; a secret, for
	// it may hold one.
	RequestBody     secret.Text `yaml:"request_body,omitempty"`
	RequestBodyFile string      `yaml:"request_body_file,omitempty"`
	// HTTP2 is on unless set to false: HTTP/2 is spoken where the server does.
	HTTP2 *bool `yaml:"http2,omitempty"`
	// ProxyURL is a proxy that is asked to connect in our place: http://,
	// https:// or socks5://.
	ProxyURL string `yaml:"proxy_url,omitempty"`

	// Status is the statuses that are good: numbers, ranges (200-204) and
	// classes (2xx).
	Status Statuses `yaml:"status,omitempty"`
	// Versions are the versions of HTTP that are good, as HTTP/2.0; all if left out.
	Versions []string `yaml:"http_versions,omitempty"`
	// AnswerHeaders is what headers of the answer must be.
	AnswerHeaders []AnswerHeader `yaml:"answer_headers,omitempty"`
	// Compression is how the content must be packed: gzip, deflate or br.
	Compression string `yaml:"compression,omitempty"`
	// Body is what the answer's content must be.
	Body Body `yaml:"body,omitempty"`
	// FollowRedirects, on unless set to false, looks at where the target
	// redirects to, up to ten times.
	FollowRedirects *bool `yaml:"follow_redirects,omitempty"`
}

// Body is what the answer's content must be. All that is set must hold.
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
	// MaxBytes is how much of the content is read; more is a failure.
	MaxBytes int64 `yaml:"max_bytes,omitempty"`
}

// AnswerHeader is what one header of the answer must be.
type AnswerHeader struct {
	// Name is the header's name.
	Name string `yaml:"name"`
	// Matches is a regular expression (RE2) that one of its values must match.
	Matches string `yaml:"matches,omitempty"`
	// NotMatches is a regular expression (RE2) that none of them may match.
	NotMatches string `yaml:"not_matches,omitempty"`
	// AllowMissing takes an answer without the header for good.
	AllowMissing bool `yaml:"allow_missing,omitempty"`
}

// Statuses is a list of statuses; one may be written without brackets.
type Statuses []string

// Shape lets one status be written without brackets.
func (s *Statuses) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		*s = Statuses{scalar}
		return nil, nil //nolint:nilnil // the scalar has told everything
	case yaml.SequenceNode:
		return (*[]string)(s), nil
	}
	return nil, errors.New(`must be a status or a list of them, as [200, 204] or ["2xx", 401]`)
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {
	if c.Method == "" {
		c.Method = "GET"
	}
	if c.Status == nil {
		c.Status = Statuses{"2xx"}
	}
	if c.FollowRedirects == nil {
		c.FollowRedirects = new(true)
	}
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	told := c.Method + " as a user would"
	if e.Login.Username != "" {
		told += ", as user " + e.Login.Username + " with the password"
	}
	if !c.BearerToken.IsZero() || c.BearerTokenFile != "" {
		told += ", with the bearer token"
	}
	if names := slices.Collect(mergedKeys(c.Headers, c.HeadersFile)); len(names) > 0 {
		told += ", with the headers " + strings.Join(names, ", ")
	}
	if !c.RequestBody.IsZero() || c.RequestBodyFile != "" {
		told += ", with a body"
	}
	if c.ProxyURL != "" {
		told += ", by the proxy " + hostIn(c.ProxyURL)
	}
	if c.follows() {
		told += "; then a plain GET to wherever it redirects"
	}
	return told
}

func hostIn(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return "(none)"
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	options := Options{
		URL: e.URL, Method: c.Method,
		Username:        e.Login.Username,
		Password:        e.Login.Secret(),
		BearerToken:     secret.Source{Value: c.BearerToken, File: c.BearerTokenFile},
		RequestBody:     c.RequestBody,
		RequestBodyFile: c.RequestBodyFile,
		Versions:        c.Versions,
		Compression:     c.Compression,
		DisableHTTP2:    c.HTTP2 != nil && !*c.HTTP2,
		FollowRedirects: c.follows(),
		MaxBody:         c.Body.MaxBytes,
		Dial:            e.Dial,
		TLS:             secure,
		Now:             e.Now,
	}
	for name := range mergedKeys(c.Headers, c.HeadersFile) {
		options.Headers = append(options.Headers, Header{
			Name: name, Value: secret.Source{Value: c.Headers[name], File: c.HeadersFile[name]},
		})
	}
	for _, s := range c.Status {
		r, err := parseStatus(s)
		if err != nil {
			return nil, fmt.Errorf("status %q %w", s, err)
		}
		options.Status = append(options.Status, r)
	}
	options.Body.Contains = c.Body.Contains
	if options.Body.Matches, err = compile(c.Body.Matches); err != nil {
		return nil, fmt.Errorf("body.matches: %w", err)
	}
	if options.Body.NotMatches, err = compile(c.Body.NotMatches); err != nil {
		return nil, fmt.Errorf("body.not_matches: %w", err)
	}
	if c.Body.JSON != "" {
		if options.Body.JSON, err = celcheck.Compile(c.Body.JSON); err != nil {
			return nil, fmt.Errorf("body.json: %w", err)
		}
	}
	for i, h := range c.AnswerHeaders {
		rule, err := h.rule()
		if err != nil {
			return nil, fmt.Errorf("answer_headers[%d]: %w", i, err)
		}
		options.AnswerHeaders = append(options.AnswerHeaders, rule)
	}
	if c.ProxyURL != "" {
		u, err := url.Parse(c.ProxyURL)
		if err != nil {
			return nil, errors.New("proxy_url is no URL")
		}
		options.Proxy = &Proxy{URL: u, SkipResolve: true}
	}
	return New(options)
}

// compile returns an expression as a list; none for the empty text.
func compile(text string) ([]*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	re, err := regexp.Compile(text)
	return []*regexp.Regexp{re}, err
}

func (h *AnswerHeader) rule() (HeaderRule, error) {
	rule := HeaderRule{Name: h.Name, AllowMissing: h.AllowMissing}
	var err error
	if h.Matches != "" {
		if rule.Matches, err = regexp.Compile(h.Matches); err != nil {
			return rule, err
		}
	}
	if h.NotMatches != "" {
		rule.NotMatches, err = regexp.Compile(h.NotMatches)
	}
	return rule, err
}

// mergedKeys yields the names of both maps, each once, sorted.
func mergedKeys(a map[string]secret.Text, b map[string]string) iter.Seq[string] {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Values(slices.Compact(names))
}

func (c *Config) follows() bool { return c.FollowRedirects == nil || *c.FollowRedirects }

// parseStatus reads 200, 2xx or 200-204.
func parseStatus(s string) (StatusRange, error) {
	first, last, isRange := strings.Cut(strings.TrimSpace(s), "-")
	if !isRange {
		last = first
	}
	if len(first) == 3 && strings.EqualFold(first[1:], "xx") && !isRange {
		first, last = first[:1]+"00", first[:1]+"99"
	}
	a, errA := strconv.Atoi(strings.TrimSpace(first))
	b, errB := strconv.Atoi(strings.TrimSpace(last))
	if errA != nil || errB != nil || a < 100 || b > 599 || a > b {
		return StatusRange{}, fmt.Errorf(`is no status; write one as 200, a range as 200-204, or a class as "2xx"`)
	}
	return StatusRange{First: a, Last: b}, nil
}

// Travels implements protocol.Traveller: another instance is asked to read a
// page, never to send anything.
func (c *Config) Travels(_ *protocol.Entry) []string {
	keys := []string{"http2", "status", "http_versions", "answer_headers", "compression", "body", "follow_redirects"}
	if c.Method == "GET" || c.Method == "HEAD" {
		keys = append(keys, "method")
	}
	return keys
}
