package grade

import (
	"slices"
	"strings"
)

// cookies returns the worst of what is wrong with the cookies.
func cookies(p *page) string {
	hsts := outcomes[strictTransport(p)].pass
	found, sameSite := false, true
	// From the least to the worst.
	order := []string{
		"cookies-without-secure-flag-but-protected-by-hsts", "cookies-without-secure-flag",
		"cookies-session-without-secure-flag-but-protected-by-hsts", "cookies-samesite-flag-invalid",
		"cookies-anticsrf-without-samesite-flag", "cookies-session-without-httponly-flag", "cookies-session-without-secure-flag",
	}
	worst := -1
	note := func(result string) { worst = max(worst, slices.Index(order, result)) }
	for _, text := range p.Cookies {
		c := readCookie(text)
		if c.name == "heroku-session-affinity" {
			continue
		}
		found = true
		sameSite = sameSite && c.sameSite != nil
		session, csrf := contains(c.name, "login", "sess"), contains(c.name, "csrf")
		switch {
		case c.secure:
		case session && hsts:
			note("cookies-session-without-secure-flag-but-protected-by-hsts")
		case session:
			note("cookies-session-without-secure-flag")
		case hsts:
			note("cookies-without-secure-flag-but-protected-by-hsts")
		default:
			note("cookies-without-secure-flag")
		}
		if session && !c.httpOnly {
			note("cookies-session-without-httponly-flag")
		}
		switch {
		case c.sameSite == nil && csrf:
			note("cookies-anticsrf-without-samesite-flag")
		case c.sameSite == nil:
		case !slices.Contains([]string{"lax", "strict", "none"}, *c.sameSite), *c.sameSite == "none" && !c.secure:
			note("cookies-samesite-flag-invalid")
		}
	}
	switch {
	case !found:
		return "cookies-not-found"
	case worst >= 0:
		return order[worst]
	case sameSite:
		return "cookies-secure-with-httponly-sessions-and-samesite"
	}
	return "cookies-secure-with-httponly-sessions"
}

// A cookie is what counts of the text of Set-Cookie. net/http's own parser
// drops a SameSite that it does not know.
type cookie struct {
	name             string // in small letters
	secure, httpOnly bool
	sameSite         *string // nil: not there
}

func readCookie(text string) cookie {
	pair, rest, _ := strings.Cut(text, ";")
	name, _, _ := strings.Cut(pair, "=")
	c := cookie{name: strings.ToLower(strings.TrimSpace(name))}
	for part := range strings.SplitSeq(rest, ";") {
		key, value, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "secure":
			c.secure = true
		case "httponly":
			c.httpOnly = true
		case "samesite":
			c.sameSite = new(strings.ToLower(strings.TrimSpace(value)))
		}
	}
	return c
}

func contains(name string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
}
