package grade

import "strings"

// advices are what to change, by how a result begins; the first that fits
// counts.
var advices = []struct{ result, text string }{
	{"csp-implemented-with-insecure-scheme", "take http: sources out of Content-Security-Policy"},
	{"csp-implemented-with-unsafe-eval", "take 'unsafe-eval' out of Content-Security-Policy"},
	{"csp-implemented-with-unsafe-inline", "name script-src and object-src in Content-Security-Policy, without 'unsafe-inline', data: and broad sources: object-src 'none'; script-src 'self'"},
	{"csp-header-invalid", "mend Content-Security-Policy: no directive twice, 'strict-dynamic' only with a nonce or a hash"},
	{"csp-not-implemented", "add Content-Security-Policy: default-src 'self'; object-src 'none'; frame-ancestors 'self'"},
	{"cookies-anticsrf-without-samesite-flag", "set SameSite=Lax or Strict on the cookie against forged requests"},
	{"cookies-samesite-flag-invalid", "write SameSite of each cookie as Lax, Strict, or None with Secure"},
	{"cookies-session-without-httponly-flag", "set HttpOnly on session cookies"},
	{"cookies-", "set Secure on each cookie"},
	{"coep-", "write Cross-Origin-Embedder-Policy once, as require-corp, or leave it out"},
	{"coop-", "write Cross-Origin-Opener-Policy once, as same-origin, or leave it out"},
	{"corp-", "write Cross-Origin-Resource-Policy once, as same-origin, or leave it out"},
	{"cross-origin-resource-sharing-", "do not allow every origin with credentials: name those that may, or take out Access-Control-Allow-Credentials"},
	{"redirection-invalid-cert", "mend the certificate of each server that http:// redirects over"},
	{"redirection-missing", "redirect http:// to https:// of the same host, with status 301"},
	{"redirection-", "redirect http:// straight to https:// of the same host, before anything else"},
	{"referrer-policy-", "write Referrer-Policy: strict-origin-when-cross-origin"},
	{"hsts-implemented-max-age-less-than-six-months", "raise max-age of Strict-Transport-Security to 31536000"},
	{"hsts-invalid-cert", "mend the certificate: without a good one Strict-Transport-Security counts for nothing"},
	{"hsts-not-implemented-no-https", "serve the site over https://"},
	{"hsts-", "write Strict-Transport-Security: max-age=31536000, once"},
	{"sri-", "serve scripts from the site itself, or over https:// with the attribute integrity"},
	{"html-not-parseable", "mend the page's HTML"},
	{"x-content-type-options-", "write X-Content-Type-Options: nosniff, once"},
	{"x-frame-options-", "write X-Frame-Options: SAMEORIGIN, once, or frame-ancestors in Content-Security-Policy"},
}

// Advice says what to change so that a test no longer costs points; empty for
// a result that costs none.
func Advice(result string) string {
	if outcomes[result].modifier >= 0 {
		return ""
	}
	for _, a := range advices {
		if strings.HasPrefix(result, a.result) {
			return a.text
		}
	}
	return ""
}
