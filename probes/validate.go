package probes

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/probes/dial"
	"tocsin/probes/protocol"
)

// Validate adds all that is wrong with the entry. It touches nothing outside.
func (c *Config) Validate(p problem.List) {
	c.validateTarget(p.At("target"))
	c.validateTimes(p)
	c.Login.Validate(p)
	c.validateProtocol(p)
	c.validatePlaces(p.At("from"))
	if c.Name != "" && c.Slug() != c.Name {
		p.At("name").Addf("is no name for a page; use small letters, digits, dots, - and _, at most %d, as portail", maxSlug)
	}
	c.validateVersion(p.At("ip_version"))
	c.TLS.Validate(p)
	validateLabels(p.At("labels"), c.Labels)
}

// validateTarget never repeats the target: a password may stand in it.
func (c *Config) validateTarget(p problem.List) {
	name, rest, hasScheme := strings.Cut(c.Target, "://")
	authority, _, _ := strings.Cut(rest, "/")
	u, err := url.Parse(c.Target)
	_, scheme := schemeOf(c.Target)
	switch {
	case c.Target == "":
		p.Addf("is missing; write the URL to look at, as https://portail.ville.example")
	case strings.Contains(authority, "@"):
		p.Addf("has a user or a password in it; take them out, and write username and password_file beside target")
	case !hasScheme:
		p.Addf("says not how to look; begin it with %s, as https://portail.ville.example", listed(Schemes(), "://", "or"))
	case scheme == nil:
		p.Addf("is a %s target, which this version cannot probe; it can probe %s", shownScheme(name), listed(Schemes(), "", "and"))
	case err != nil, scheme.Form != protocol.Path && u.Hostname() == "":
		p.Addf("is no URL; write one as %s", scheme.Example)
	case strings.ContainsFunc(u.Hostname(), func(r rune) bool { return r > 127 || r <= ' ' }):
		p.Addf("has a host name with letters that the DNS does not know; write it in its xn-- form")
	default:
		if wrong := faultOfName(u.Hostname()); wrong != "" {
			p.Addf("names a host that there cannot be: %s; write it as %s", wrong, scheme.Example)
			return
		}
		validateForm(p, scheme, u)
	}
}

// The longest label and name, in octets, of the DNS (RFC 1035, section 2.3.4);
// one written with dots has two less.
const (
	maxLabelOctets = 63
	maxNameOctets  = 253
)

// faultOfName says why a host's name is none; nothing of an address.
func faultOfName(host string) string {
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return ""
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > maxNameOctets {
		return fmt.Sprintf("its name has %d characters, and at most %d may be", len(name), maxNameOctets)
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "between two dots, or before the first, nothing stands"
		case len(label) > maxLabelOctets:
			return fmt.Sprintf("%s… has %d characters up to its dot, and at most %d may be", label[:8], len(label), maxLabelOctets)
		case strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}):
			return "letters, digits, - and _ stand between its dots, and nothing else"
		}
	}
	return ""
}

// validateForm looks at what follows the scheme.
func validateForm(p problem.List, scheme *protocol.Scheme, u *url.URL) {
	bare := (u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == ""
	switch {
	case scheme.Form == protocol.Path && (u.Host != "" || !filepath.IsAbs(u.Path) || u.RawQuery != ""):
		p.Addf("is no full path of a file; write it with three slashes, as %s", scheme.Example)
	case scheme.Form == protocol.Path:
	case scheme.Form == protocol.Host && (u.Port() != "" || !bare):
		p.Addf("has more than a host in it; write it as %s", scheme.Example)
	case scheme.Form == protocol.HostPort && !bare:
		p.Addf("has more than a host and a port in it; write it as %s", scheme.Example)
	case u.Port() != "":
		if _, err := dial.SplitPort(u.Port()); err != nil {
			p.Addf("has the port %s; a port is a number from 1 to 65535", u.Port())
		}
	case scheme.Form != protocol.Host && scheme.Port == 0:
		p.Addf("has no port; write it as %s", scheme.Example)
	}
}

// listed writes schemes as a sentence does.
func listed(schemes []string, after, last string) string {
	n := len(schemes) - 1
	return strings.Join(schemes[:n], after+", ") + after + " " + last + " " + schemes[n] + after
}

// shownScheme repeats a scheme if it is one: a password may stand there by a slip.
func shownScheme(s string) string {
	if regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]{0,15}$`).MatchString(s) {
		return strings.ToLower(s) + "://"
	}
	return "strange"
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
