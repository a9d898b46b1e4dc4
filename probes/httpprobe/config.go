package httpprobe

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"tocsin/internal/secret"
	"tocsin/probes/celcheck"
	"tocsin/probes/gradecheck"
	"tocsin/probes/journey"
	"tocsin/probes/oidccheck"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
	"tocsin/probes/samlcheck"
	"tocsin/probes/visit"
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
	// HTTP3 speaks HTTP/3 (QUIC, over UDP) and nothing else: a server that
	// speaks it beside HTTP/2 has a probe for each.
	HTTP3 bool `yaml:"http3,omitempty"`
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
	// RedirectsToHTTPS is for http:// targets: redirects must lead to https://,
	// so that nobody stays without TLS.
	RedirectsToHTTPS bool `yaml:"redirects_to_https,omitempty"`

	// Journey is pages that are gone through in place of looking at the target
	// alone, with cookies and redirects, up to a login form. It is made every
	// five minutes unless interval says otherwise.
	Journey []journey.Step `yaml:"journey,omitempty"`
	// OIDC looks at the target as at an OpenID provider: its discovery document
	// and its keys. The target is the issuer.
	OIDC *oidccheck.Config `yaml:"oidc,omitempty"`
	// SAMLMetadata looks at the target as at the metadata of a SAML service or
	// identity provider: until when it is valid, its certificates, its
	// addresses.
	SAMLMetadata *samlcheck.Config `yaml:"saml_metadata,omitempty"`
	// HeaderGrade has the site's security headers graded as Mozilla's HTTP
	// Observatory does: the grade that is promised, as B, or told.
	HeaderGrade *gradecheck.Config `yaml:"header_grade,omitempty"`
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
type Statuses = visit.Statuses

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
	for i := range c.Journey {
		c.Journey[i].SetDefaults()
	}
	if c.HeaderGrade != nil {
		c.HeaderGrade.SetDefaults()
	}
}

// Every implements protocol.Dear: a journey costs more than a page.
func (c *Config) Every() time.Duration {
	if len(c.Journey) > 0 {
		return journey.DefaultEvery
	}
	return 0
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	told := c.Method + " as a user would"
	if n := len(c.Journey); n > 0 {
		told = fmt.Sprintf("a journey of %d steps as a user would make it, without logging in", n)
	}
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
	if c.follows() && len(c.Journey) == 0 {
		told += "; then a plain GET to wherever it redirects"
	}
	if c.OIDC != nil {
		told += "; then the keys that its discovery document names"
	}
	if c.HeaderGrade != nil {
		told += fmt.Sprintf("; every %s a GET over https and http and an OPTIONS, to grade its headers", c.HeaderGrade.Every)
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
		HTTP3:           c.HTTP3,
		FollowRedirects: c.follows(),
		MaxBody:         c.Body.MaxBytes,
		Dial:            e.Dial,
		TLS:             secure,
		Now:             e.Now,
	}
	if c.RedirectsToHTTPS {
		options.Encryption = WithTLS
	}
	for name := range mergedKeys(c.Headers, c.HeadersFile) {
		options.Headers = append(options.Headers, c.header(name))
	}
	for _, s := range c.Status {
		r, err := visit.ParseStatus(s)
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
	if options.Proxy, err = c.proxy(); err != nil {
		return nil, err
	}
	if err := c.checks(&options, e); err != nil {
		return nil, err
	}
	return New(options)
}

func (c *Config) header(name string) Header {
	return Header{Name: name, Value: secret.Source{Value: c.Headers[name], File: c.HeadersFile[name]}}
}

// proxy is nil for none.
func (c *Config) proxy() (*Proxy, error) {
	if c.ProxyURL == "" {
		return nil, nil //nolint:nilnil // no proxy, and nothing wrong
	}
	u, err := url.Parse(c.ProxyURL)
	if err != nil {
		return nil, errors.New("proxy_url is no URL")
	}
	return &Proxy{URL: u, SkipResolve: true}, nil
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

// Travels implements protocol.Traveller: another instance is asked to read
// pages, never to send anything, and no other host than where pages lead.
func (c *Config) Travels(e *protocol.Entry) []string {
	keys := []string{
		"http2", "http3", "status", "http_versions", "answer_headers", "compression", "body",
		"follow_redirects", "redirects_to_https", "oidc", "saml_metadata",
	}
	if c.Method == http.MethodGet || c.Method == http.MethodHead {
		keys = append(keys, "method")
	}
	if journey.OnlyReads(c.Journey, e.Host()) {
		keys = append(keys, "journey")
	}
	return keys
}
