package grade

import (
	"slices"
	"strings"
)

// broad are sources that allow nearly anybody.
var broad = []string{"ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"}

func contentSecurityPolicy(p *page) string {
	c := p.policy
	switch {
	case c == nil, c.headers == 0 && !c.invalid && !c.enforces():
		if p.has("Content-Security-Policy-Report-Only") {
			return "csp-not-implemented-but-reporting-enabled"
		}
		return "csp-not-implemented"
	case c.invalid:
		return "csp-header-invalid"
	}
	result := c.judge(p.HTTPS)
	if c.duplicate && outcomes[result].pass {
		return "csp-implemented-but-duplicate-directives"
	}
	return result
}

// enforces tells whether policies of meta elements say anything that counts
// there: browsers ignore these three in them.
func (p *policy) enforces() bool {
	for name := range p.directives {
		if name != "frame-ancestors" && name != "report-uri" && name != "sandbox" {
			return true
		}
	}
	return false
}

func (p *policy) judge(https bool) string {
	script := p.sources("script-src")
	if slices.Contains(script, strictDynamic) && !slices.ContainsFunc(script, isNonceOrHash) {
		return "csp-header-invalid"
	}
	for _, directive := range []string{"script-src", "style-src"} {
		if slices.ContainsFunc(p.sources(directive), isNonceOrHash) {
			p.remove(directive, func(s string) bool { return s == unsafeInline })
		}
	}
	if slices.Contains(script, strictDynamic) {
		p.remove("script-src", func(s string) bool {
			return s == "'self'" || s == unsafeInline || hasAnyPrefix(s, "ftp:", "http:", "https:", "*")
		})
	}
	script, style, object := p.sources("script-src"), p.sources("style-src"), p.sources("object-src")
	switch {
	case anyOf(script, broad...), anyOf(script, unsafeInline, "data:"), anyOf(object, broad...):
		return "csp-implemented-with-unsafe-inline"
	case https && p.insecure(func(name string) bool { return name != "img-src" && name != "media-src" }):
		return "csp-implemented-with-insecure-scheme"
	case anyOf(script, unsafeEval), anyOf(style, unsafeEval):
		return "csp-implemented-with-unsafe-eval"
	case https && (slices.ContainsFunc(p.sources("img-src"), isInsecure) || slices.ContainsFunc(p.sources("media-src"), isInsecure)):
		return "csp-implemented-with-insecure-scheme-in-passive-content-only"
	case anyOf(style, broad...), anyOf(style, unsafeInline, "data:"):
		return "csp-implemented-with-unsafe-inline-in-style-src-only"
	case slices.Equal(p.directives["default-src"], []string{none}):
		return "csp-implemented-with-no-unsafe-default-src-none"
	}
	return "csp-implemented-with-no-unsafe"
}

// insecure tells whether a directive has a source that is not encrypted.
func (p *policy) insecure(which func(directive string) bool) bool {
	for name, sources := range p.directives {
		if which(name) && slices.ContainsFunc(sources, isInsecure) {
			return true
		}
	}
	return false
}

func isInsecure(source string) bool { return hasAnyPrefix(source, "http:", "ftp:") }

func isNonceOrHash(source string) bool {
	return hasAnyPrefix(source, "'nonce-", "'sha256-", "'sha384-", "'sha512-")
}

func anyOf(sources []string, wanted ...string) bool {
	return slices.ContainsFunc(sources, func(s string) bool { return slices.Contains(wanted, s) })
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
