package probes

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/httpprobe"
)

// Validate adds all that is wrong with the entry. It touches nothing outside.
func (c *Config) Validate(p problem.List) {
	c.validateTarget(p.At("target"))
	c.validateTimes(p)
	c.validateRequest(p)
	c.validateAnswer(p)
	if c.Name != "" && c.Slug() != c.Name {
		p.At("name").Addf("is no name for a page; use small letters, digits, dots, - and _, at most %d, as portail", maxSlug)
	}
	if c.IPVersion != 0 && c.IPVersion != 4 && c.IPVersion != 6 {
		p.At("ip_version").Addf("%d is no IP version; write 4 or 6, or leave it out to use both", c.IPVersion)
	}
	if strings.ContainsAny(c.ServerName, ":/ ") {
		p.At("server_name").Addf("is no host name; write the name alone, as portail.ville.example")
	}
	validateLabels(p.At("labels"), c.Labels)
}

// validateTarget never repeats the target: a password may stand in it.
func (c *Config) validateTarget(p problem.List) {
	scheme, rest, hasScheme := strings.Cut(c.Target, "://")
	authority, _, _ := strings.Cut(rest, "/")
	u, err := url.Parse(c.Target)
	switch {
	case c.Target == "":
		p.Addf("is missing; write the URL to look at, as https://portail.ville.example")
	case strings.Contains(authority, "@"):
		p.Addf("has a user or a password in it; take them out, and write username and password_file beside target")
	case !hasScheme:
		p.Addf("says not how to look; begin it with %s://, as https://portail.ville.example", strings.Join(Schemes(), ":// or "))
	case !slices.Contains(Schemes(), strings.ToLower(scheme)):
		p.Addf("is a %s target, which this version cannot probe; it can probe %s", shownScheme(scheme), strings.Join(Schemes(), " and "))
	case err != nil, u.Hostname() == "":
		p.Addf("is no URL; write one as https://portail.ville.example")
	case strings.ContainsFunc(u.Hostname(), func(r rune) bool { return r > 127 || r <= ' ' }):
		p.Addf("has a host name with letters that the DNS does not know; write it in its xn-- form")
	case u.Port() != "":
		if _, err := dial.SplitPort(u.Port()); err != nil {
			p.Addf("has the port %s; a port is a number from 1 to 65535", u.Port())
		}
	}
}

// shownScheme repeats a scheme if it is one: a password may stand there by a slip.
func shownScheme(s string) string {
	if regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]{0,15}$`).MatchString(s) {
		return strings.ToLower(s) + "://"
	}
	return "strange"
}

func (c *Config) validateTimes(p problem.List) {
	for _, d := range []struct {
		key   string
		value model.Duration
		usual time.Duration
	}{
		{"interval", c.Interval, DefaultInterval},
		{"retry_interval", c.RetryInterval, DefaultRetryInterval},
	} {
		if t := time.Duration(d.value); t < time.Second || t > time.Hour {
			p.At(d.key).Addf("%s is not between 1s and 1h; usual is %s", d.value, d.usual)
		}
	}
	if c.RetryInterval > c.Interval {
		p.At("retry_interval").Addf("%s is longer than interval, %s; after a failure a probe comes sooner, not later", c.RetryInterval, c.Interval)
	}
	switch t := time.Duration(c.Timeout); {
	case t < 100*time.Millisecond:
		p.At("timeout").Addf("%s is too short to look at anything; usual is %s", c.Timeout, DefaultTimeout)
	case c.Timeout > c.Interval:
		p.At("timeout").Addf("%s is longer than interval, %s; write a shorter timeout or a longer interval", c.Timeout, c.Interval)
	}
}

func (c *Config) validateRequest(p problem.List) {
	if !isToken(c.Method) || c.Method != strings.ToUpper(c.Method) || c.Method == http.MethodConnect {
		p.At("method").Addf("is no method that a probe can use; write GET, HEAD, POST or OPTIONS")
	}
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
	c.validateLogin(p)
}

func (c *Config) validateLogin(p problem.List) {
	twins(p, "password", c.Password, c.PasswordFile)
	twins(p, "bearer_token", c.BearerToken, c.BearerTokenFile)
	hasPassword := !c.Password.IsZero() || c.PasswordFile != ""
	hasToken := !c.BearerToken.IsZero() || c.BearerTokenFile != ""
	switch {
	case hasPassword && c.Username == "":
		p.At("username").Addf("a password needs a username; write the name it belongs to")
	case c.Username != "" && hasToken:
		p.At("bearer_token").Addf("cannot go with username: a request has one login; take one of them out")
	case c.Username != "" || hasToken:
		for name := range mergedKeys(c.Headers, c.HeadersFile) {
			if strings.EqualFold(name, "Authorization") {
				p.At("headers").At(name).Addf("cannot go with username or bearer_token: a request has one login; take one of them out")
			}
		}
	}
	if strings.Contains(c.Username, ":") {
		p.At("username").Addf("has a colon in it, which no username can have; write the password into a file, named by password_file")
	}
}

func (c *Config) validateAnswer(p problem.List) {
	for i, s := range c.Status {
		r, err := parseStatus(s)
		if err != nil {
			p.At("status").Index(i).Addf("%v", err)
		} else if c.follows() && r.First == r.Last && isRedirect(r.First) {
			p.At("status").Index(i).Addf("%d can never be the last answer while redirects are followed; write follow_redirects: false", r.First)
		}
	}
	if len(c.Status) == 0 {
		p.At("status").Addf("is an empty list; write the statuses that are good, as [200, 204], or leave it out for 2xx")
	}
	body := p.At("body")
	for _, re := range []struct{ key, text string }{{"matches", c.Body.Matches}, {"not_matches", c.Body.NotMatches}} {
		if _, err := regexp.Compile(re.text); err != nil {
			body.At(re.key).Addf("is no regular expression: %s; write one in RE2's syntax, as (?i)welcome", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
	const most = 1 << 30
	if c.Body.MaxBytes < 0 || c.Body.MaxBytes > most {
		body.At("max_bytes").Addf("%d is not between 1 and %d; usual is %d", c.Body.MaxBytes, most, httpprobe.DefaultMaxBody)
	}
	if c.Method == http.MethodHead && (c.Body.Contains != "" || c.Body.Matches != "") {
		body.Addf("cannot be checked with method HEAD, whose answers have none; write method: GET")
	}
}

func isRedirect(status int) bool {
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308
}

func (c *Config) follows() bool { return c.FollowRedirects == nil || *c.FollowRedirects }

// parseStatus reads 200, 2xx or 200-204.
func parseStatus(s string) (httpprobe.StatusRange, error) {
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
		return httpprobe.StatusRange{}, fmt.Errorf(`is no status; write one as 200, a range as 200-204, or a class as "2xx"`)
	}
	return httpprobe.StatusRange{First: a, Last: b}, nil
}

func twins(p problem.List, key string, value secret.Text, file string) {
	if !value.IsZero() && file != "" {
		p.At(key).Addf("stands in %s and in %s_file; keep one of them", key, key)
	}
}

func validateLabels(p problem.List, labels map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		switch {
		case !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__"):
			p.At(name).Addf("is no name of a label; use letters, digits and _, as level")
		case name == "job" || name == "instance" || name == "host":
			key := map[string]string{"job": "job", "instance": "instance", "host": "on"}[name]
			p.At(name).Addf("is a label of Tocsin's own; write %s beside target", key)
		}
	}
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
