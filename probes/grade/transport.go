package grade

import (
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// redirection judges the way from http to https.
func redirection(p *page) string {
	switch {
	case len(p.Route) == 0:
		return "redirection-not-needed-no-http"
	case !p.Verified:
		return "redirection-invalid-cert"
	}
	hops := make([]*url.URL, len(p.Route))
	known := true
	for i, h := range p.Route {
		u, err := url.Parse(h.URL)
		if err != nil {
			u = &url.URL{}
		}
		hops[i] = u
		known = known && p.preloaded(u.Hostname())
	}
	switch last := hops[len(hops)-1]; {
	case known:
		return "redirection-all-redirects-preloaded"
	case len(hops) == 1:
		return "redirection-missing"
	case last.Scheme != "https":
		return "redirection-not-to-https"
	case hops[1].Scheme != "https":
		return "redirection-not-to-https-on-initial-redirection"
	case hops[1].Hostname() != hops[0].Hostname():
		return "redirection-off-host-from-http"
	}
	return "redirection-to-https"
}

// integrity judges where scripts come from, and whether they are checked.
func integrity(p *page) string {
	switch {
	case !p.html:
		return "sri-not-implemented-response-not-html"
	case len(p.meta.scripts) == 0:
		return "sri-not-implemented-but-no-scripts-loaded"
	}
	var foreign, ownChecked, unchecked, insecure, bare bool
	for _, s := range p.meta.scripts {
		if s.src == "" {
			continue
		}
		own, secure := p.origin(s.src)
		switch {
		case own:
			ownChecked = ownChecked || s.integrity
			continue
		case s.integrity && !secure:
			insecure = true
		case !s.integrity && secure:
			unchecked = true
		case !s.integrity:
			bare = true
		}
		foreign = true
	}
	switch {
	case bare:
		return "sri-not-implemented-and-external-scripts-not-loaded-securely"
	case unchecked:
		return "sri-not-implemented-but-external-scripts-loaded-securely"
	case insecure:
		return "sri-implemented-but-external-scripts-not-loaded-securely"
	case foreign:
		return "sri-implemented-and-external-scripts-loaded-securely"
	case ownChecked:
		return "sri-implemented-and-all-scripts-loaded-securely"
	}
	return "sri-not-implemented-but-all-scripts-loaded-from-secure-origin"
}

// origin tells whether a script comes from the site itself, and whether it
// comes encrypted. One without a scheme, as //host/a.js, is neither.
func (p *page) origin(src string) (own, secure bool) {
	if strings.HasPrefix(src, "//") {
		return false, false
	}
	u, err := url.Parse(src)
	if err != nil {
		return false, false
	}
	if u.Scheme == "" {
		return true, p.HTTPS
	}
	return (u.Scheme == "http" || u.Scheme == "https") && domain(u.Hostname()) == domain(p.Host), u.Scheme == "https"
}

// domain is the part of a name that somebody registered.
func domain(host string) string {
	host = strings.ToLower(host)
	if d, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return d
	}
	return host
}
