package grade

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func contentTypeOptions(p *page) string {
	switch value := strings.ToLower(strings.TrimSpace(p.header("X-Content-Type-Options"))); {
	case !p.has("X-Content-Type-Options"):
		return "x-content-type-options-not-implemented"
	case value == "nosniff":
		return "x-content-type-options-nosniff"
	}
	return "x-content-type-options-header-invalid"
}

func frameOptions(p *page) string {
	if p.policy != nil {
		if _, ok := p.policy.directives["frame-ancestors"]; ok && (p.policy.headers > 0 || p.policy.enforces()) {
			return "x-frame-options-implemented-via-csp"
		}
	}
	switch value := strings.ToLower(strings.TrimSpace(p.header("X-Frame-Options"))); {
	case !p.has("X-Frame-Options"):
		return "x-frame-options-not-implemented"
	case value == "deny", value == "sameorigin":
		return "x-frame-options-sameorigin-or-deny"
	case strings.HasPrefix(value, "allow-from"):
		return "x-frame-options-allow-from-origin"
	}
	return "x-frame-options-header-invalid"
}

// sixMonths is the limit in the reference's code: 180 days, in seconds.
const sixMonths = 15_552_000

func strictTransport(p *page) string {
	switch {
	case !p.HTTPS:
		return "hsts-not-implemented-no-https"
	case p.preloaded(p.Host): // whatever the header says, and the certificate
		return "hsts-preloaded"
	case !p.Verified:
		return "hsts-invalid-cert"
	case !p.has("Strict-Transport-Security"):
		return "hsts-not-implemented"
	}
	header := p.header("Strict-Transport-Security")
	age, ok := maxAge(header)
	switch {
	case strings.Contains(header, ","), !ok:
		return "hsts-header-invalid"
	case age < sixMonths:
		return "hsts-implemented-max-age-less-than-six-months"
	}
	return "hsts-implemented-max-age-at-least-six-months"
}

var leadingDigits = regexp.MustCompile(`^[+-]?\d+`)

// maxAge reads the directive. One that is no number passes for a long time, as
// it does in the reference, for which it is not less than anything.
func maxAge(header string) (seconds float64, ok bool) {
	for part := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "max-age") {
			continue
		}
		digits := leadingDigits.FindString(strings.Trim(strings.TrimSpace(value), `"`))
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			n = sixMonths
		}
		return n, true
	}
	return 0, false
}

var (
	goodReferrers = []string{"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
	badReferrers  = []string{"origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"}
)

// referrerPolicy takes the last word that is known, as browsers do.
func referrerPolicy(p *page) string {
	text := p.header("Referrer-Policy")
	if p.meta.hasReferrer {
		text += "," + p.meta.referrer
	} else if !p.has("Referrer-Policy") {
		return "referrer-policy-not-implemented"
	}
	words := strings.Split(strings.ToLower(text), ",")
	for _, word := range slices.Backward(words) {
		word = strings.TrimSpace(word)
		switch {
		case slices.Contains(goodReferrers, word):
			return "referrer-policy-private"
		case slices.Contains(badReferrers, word):
			return "referrer-policy-unsafe"
		}
	}
	return "referrer-policy-header-invalid"
}
