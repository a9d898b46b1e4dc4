package grade

import (
	"regexp"
	"slices"
	"strings"
)

func embedderPolicy(p *page) string {
	return item(p, "Cross-Origin-Embedder-Policy", "coep", "require-corp", "credentialless", "unsafe-none")
}

func openerPolicy(p *page) string {
	return item(p, "Cross-Origin-Opener-Policy", "coop", "same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none")
}

// structured is an item of RFC 8941 that is a token: parameters may follow it,
// and are not looked at; nothing else may.
var structured = regexp.MustCompile(`^ *([A-Za-z*][!#$%&'*+.^_|~0-9A-Za-z:/` + "`" + `-]*)((?:; *[a-z*][a-z0-9_.*-]*(?:=(?:"[^"\\]*"|[^;," ]+))?)*) *$`)

// item judges a header that is one of some words, case and all.
func item(p *page, header, short string, words ...string) string {
	if !p.has(header) {
		return short + "-not-implemented"
	}
	if m := structured.FindStringSubmatch(p.header(header)); m != nil && slices.Contains(words, m[1]) {
		return short + "-implemented-with-" + m[1]
	}
	return short + "-header-invalid"
}

func resourcePolicy(p *page) string {
	if !p.has("Cross-Origin-Resource-Policy") {
		return "corp-not-implemented"
	}
	word := strings.ToLower(strings.TrimSpace(p.header("Cross-Origin-Resource-Policy")))
	if slices.Contains([]string{"same-origin", "same-site", "cross-origin"}, word) {
		return "corp-implemented-with-" + word
	}
	return "corp-header-invalid"
}

func resourceSharing(p *page) string {
	allowed := strings.TrimSpace(p.CORS.Get("Access-Control-Allow-Origin"))
	switch {
	case allowed == "":
		return "cross-origin-resource-sharing-not-implemented"
	case allowed == "*":
		return "cross-origin-resource-sharing-implemented-with-public-access"
	case p.Origin != "" && strings.EqualFold(allowed, p.Origin) &&
		strings.EqualFold(strings.TrimSpace(p.CORS.Get("Access-Control-Allow-Credentials")), "true"):
		return "cross-origin-resource-sharing-implemented-with-universal-access"
	}
	return "cross-origin-resource-sharing-implemented-with-restricted-access"
}
