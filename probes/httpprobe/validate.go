package httpprobe

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/probes/celcheck"
	"tocsin/probes/protocol"
	"tocsin/probes/visit"
)

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	if !isToken(c.Method) || c.Method != strings.ToUpper(c.Method) || c.Method == http.MethodConnect {
		p.At("method").Addf("is no method that a probe can use; write GET, HEAD, POST or OPTIONS")
	}
	c.validateHeaders(p)
	c.validateLogin(p, e.Login)
	c.validateRequest(p)
	c.validateHTTP3(p, e)
	switch {
	case !c.RedirectsToHTTPS:
	case e.Scheme.Name != "http":
		p.At("redirects_to_https").Addf("is for http:// targets; write the target as http://%s", e.Host())
	case !c.follows():
		p.At("redirects_to_https").Addf("means nothing where redirects are not followed; take out follow_redirects: false")
	}
	c.validateStatus(p.At("status"))
	c.validateAnswer(p)
	c.validateBody(p.At("body"))
	c.validateChecks(p, e)
}

func (c *Config) validateHeaders(p problem.List) {
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		at := p.At("headers").At(name)
		switch {
		case !isToken(name):
			at.Addf("is no name of a header; write one as Accept-Language")
		case !isHeaderValue(c.Headers[name].Reveal()):
			at.Addf("has a value that no header can have; take out line ends and control characters")
		case c.HeadersFile[name] != "":
			at.Addf("stands in headers and in headers_file; keep one of them")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.HeadersFile)) {
		if at := p.At("headers_file").At(name); !isToken(name) {
			at.Addf("is no name of a header; write one as X-Api-Key")
		} else if c.HeadersFile[name] == "" {
			at.Addf("names no file; write the path of the file that has the value")
		}
	}
}

func (c *Config) validateLogin(p problem.List, login *protocol.Login) {
	protocol.Twins(p, "bearer_token", c.BearerToken, c.BearerTokenFile)
	hasToken := !c.BearerToken.IsZero() || c.BearerTokenFile != ""
	switch {
	case login.Username != "" && hasToken:
		p.At("bearer_token").Addf("cannot go with username: a request has one login; take one of them out")
	case login.Username != "" || hasToken:
		for name := range mergedKeys(c.Headers, c.HeadersFile) {
			if strings.EqualFold(name, "Authorization") {
				p.At("headers").At(name).Addf("cannot go with username or bearer_token: a request has one login; take one of them out")
			}
		}
	}
	if strings.Contains(login.Username, ":") {
		p.At("username").Addf("has a colon in it, which no username can have; write the password into a file, named by password_file")
	}
}

func (c *Config) validateRequest(p problem.List) {
	protocol.Twins(p, "request_body", c.RequestBody, c.RequestBodyFile)
	if (c.Method == http.MethodGet || c.Method == http.MethodHead) && (!c.RequestBody.IsZero() || c.RequestBodyFile != "") {
		p.At("method").Addf("%s sends no body; write method: POST beside request_body", c.Method)
	}
	if c.ProxyURL != "" {
		ValidateProxy(p.At("proxy_url"), c.ProxyURL)
	}
}

func (c *Config) validateHTTP3(p problem.List, e *protocol.Entry) {
	for i, v := range c.Versions {
		at := p.At("http_versions").Index(i)
		switch {
		case !slices.Contains([]string{"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"}, v):
			at.Addf("is no version of HTTP that is spoken here; write HTTP/1.0, HTTP/1.1, HTTP/2.0 or HTTP/3.0")
		case c.HTTP3 != (v == "HTTP/3.0"):
			at.Addf("is never spoken: http3: true speaks HTTP/3.0 and nothing else, and without it all others are; take one of them out")
		}
	}
	switch {
	case !c.HTTP3:
	case e.Scheme.Name != "https":
		p.At("http3").Addf("is for https:// targets: HTTP/3 is never without TLS")
	case c.ProxyURL != "":
		p.At("http3").Addf("cannot go with proxy_url: a proxy passes on no UDP; take one of them out")
	}
}

// ValidateProxy looks at a proxy's URL, which is not repeated: it may have a
// password in it.
func ValidateProxy(p problem.List, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		p.Addf("is no URL of a proxy; write one as http://proxy.ville.example:3128")
	}
}

// validateAnswer looks at what is demanded of the answer before its content.
func (c *Config) validateAnswer(p problem.List) {
	if c.Compression != "" && !slices.Contains(compressions(), c.Compression) {
		p.At("compression").Addf("is no way to pack that is known here; write one of %s", strings.Join(compressions(), ", "))
	}
	for i, h := range c.AnswerHeaders {
		at := p.At("answer_headers").Index(i)
		switch {
		case h.Name == "":
			at.At("name").Addf("is missing; write the header's name, as Content-Type")
		case !isToken(h.Name):
			at.At("name").Addf("is no name of a header; write one as Content-Type")
		case h.Matches == "" && h.NotMatches == "" && h.AllowMissing:
			at.Addf("demands nothing; write matches or not_matches, or take out allow_missing")
		}
		validateExpression(at.At("matches"), h.Matches)
		validateExpression(at.At("not_matches"), h.NotMatches)
	}
}

func validateExpression(p problem.List, text string) {
	if _, err := regexp.Compile(text); err != nil {
		p.Addf("is no regular expression: %s; write one in RE2's syntax, as (?i)welcome", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
}

func (c *Config) validateStatus(p problem.List) {
	for i, s := range c.Status {
		r, err := visit.ParseStatus(s)
		if err != nil {
			p.Index(i).Addf("%v", err)
		} else if c.follows() && r.First == r.Last && isRedirect(r.First) {
			p.Index(i).Addf("%d can never be the last answer while redirects are followed; write follow_redirects: false", r.First)
		}
	}
	if len(c.Status) == 0 {
		p.Addf("is an empty list; write the statuses that are good, as [200, 204], or leave it out for 2xx")
	}
}

func (c *Config) validateBody(p problem.List) {
	validateExpression(p.At("matches"), c.Body.Matches)
	validateExpression(p.At("not_matches"), c.Body.NotMatches)
	if c.Body.JSON != "" {
		if _, err := celcheck.Compile(c.Body.JSON); err != nil {
			p.At("json").Addf("is no expression that can be judged: %v; write one as body.status == \"pass\"", err)
		}
	}
	const most = 1 << 30
	if c.Body.MaxBytes < 0 || c.Body.MaxBytes > most {
		p.At("max_bytes").Addf("%d is not between 1 and %d; usual is %d", c.Body.MaxBytes, most, DefaultMaxBody)
	}
	if c.Method == http.MethodHead && (c.Body.Contains != "" || c.Body.Matches != "" || c.Body.JSON != "") {
		p.Addf("cannot be checked with method HEAD, whose answers have none; write method: GET")
	}
}

func isRedirect(status int) bool {
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308
}

// isToken tells whether s may be the name of a header or a method.
//
// Source: RFC 9110, section 5.6.2, "Tokens".
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// isHeaderValue tells whether s may be the value of a header.
//
// Source: RFC 9110, section 5.5, "Field Values".
func isHeaderValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
