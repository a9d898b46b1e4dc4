package config

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

// languages are those that messages exist in.
func languages() []string { return []string{"en", "fr"} }

// validate adds what is wrong in the file itself. It touches nothing outside.
func (s *Site) validate(p problem.List) {
	if len(s.Site) > 64 || strings.ContainsFunc(s.Site, func(r rune) bool { return r < ' ' }) {
		p.At("site").Addf("must be one line of at most 64 bytes; write a short name, as ville")
	}
	s.validateAddresses(p)
	s.validateLanguage(p)
	if !filepath.IsAbs(s.DataDir) {
		p.At("data_dir").Addf("%s is not a full path; write one that begins with /, as %s", quote(s.DataDir), defaultDataDir)
	}
	validateLabels(p.At("labels"), s.Labels)
	for i := range s.Hosts {
		s.Hosts[i].validate(p.At("hosts").Index(i))
	}
	for i := range s.Postgres {
		s.Postgres[i].validate(p.At("postgres").Index(i))
	}
	for i := range s.RabbitMQ {
		s.RabbitMQ[i].validate(p.At("rabbitmq").Index(i))
	}
	for i := range s.Bricks {
		s.Bricks[i].validate(p.At("bricks").Index(i))
	}
	s.Probes.Validate(p.At("probes"))
	for i, text := range s.ProbeAllow {
		if !allowed().MatchString(text) && !isNetwork(text) && !strings.HasPrefix(text, "/") {
			p.At("probe_allow").Index(i).Addf("%s is neither a host's name nor a network; write www.ville.example, *.ville.example or 10.1.0.0/16", quote(text))
		}
	}
	s.Engine.Validate(p.At("engine"))
	s.Web.Validate(p.At("web"))
	s.Host.Validate(p.At("host"))
	s.Intervals.Validate(p.At("intervals"))
	s.Backups.Validate(p.At("backups"))
	s.Addresses.Validate(p.At("addresses"))
	s.Updates.Validate(p.At("updates"))
	s.Alerts.Mattermost.Validate(p.At("alerts").At("mattermost"))
	s.Alerts.Fallback.Validate(p.At("alerts").At("fallback"))
	s.Alerts.Heartbeat.Validate(p.At("alerts").At("heartbeat"))
	for i, name := range s.MetricsFromElsewhere {
		at := p.At("metrics_from_elsewhere").Index(i)
		if _, err := path.Match(name, ""); err != nil || !metricPattern().MatchString(name) {
			at.Addf("%s is no name of a metric; write one, or a pattern as myapp_*", quote(name))
		} else if strings.Trim(name, "*?") == "" {
			at.Addf("matches every metric, so that no slip would be found any more; begin it with the metrics' prefix, as myapp_*")
		}
	}
}

// validateVoices refuses a section that was begun and says nobody to speak to:
// it would silently do nothing.
func (s *Site) validateVoices(p problem.List, at strict.Positions) {
	for _, voice := range []struct {
		key, write string
		zero       bool
	}{
		{"mattermost", "webhook_url_file, or url with token_file and channel", s.Alerts.Mattermost.IsZero()},
		{"fallback", "smtp with host, from and to", s.Alerts.Fallback.IsZero()},
		{"heartbeat", "url_file", s.Alerts.Heartbeat.IsZero()},
	} {
		path := "alerts." + voice.key
		for written := range at {
			if voice.zero && within(written, path) && written != path {
				p.At(path).Addf("says nobody to speak to, so that it would do nothing; write %s, or take it away", voice.write)
				break
			}
		}
	}
}

// allowed is a host's name with stars in it; a star alone would make an open
// proxy.
var allowed = lazy.Regexp(`^(\*\.)?[A-Za-z0-9*_-]*[A-Za-z0-9][A-Za-z0-9.*_-]*$`)

func isNetwork(text string) bool {
	_, err := netip.ParsePrefix(text)
	_, errAddr := netip.ParseAddr(strings.Trim(text, "[]"))
	return err == nil || errAddr == nil
}

var metricPattern = lazy.Regexp(`^[a-zA-Z_:*?\[][a-zA-Z0-9_:*?\[\]-]*$`)

func (s *Site) validateAddresses(p problem.List) {
	if text := badListen(s.Listen); text != "" {
		p.At("listen").Addf("%s; write host:port, as %s, or 0.0.0.0:%s to be reached by others", text, defaultListen, DefaultPort)
	}
	if s.Advertise != "" {
		if text := badAddress(s.Advertise); text != "" {
			p.At("advertise").Addf("%s; write host:port as others reach it, as guet.ville.example:%s", text, DefaultPort)
		}
	}
	u, err := url.Parse(s.ExternalURL)
	at := p.At("external_url")
	switch {
	case s.ExternalURL == "":
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		at.Addf("is no URL of a web page; write one as https://guet.ville.example")
	case u.User != nil:
		at.Addf("has a user or a password in it, and it stands in every post; take them out")
	case u.RawQuery != "" || u.Fragment != "":
		at.Addf("must end with its path; take away what follows ? or #")
	}
}

// badListen says what keeps a text from being an address to listen on.
func badListen(listen string) string {
	if strings.Contains(listen, "://") {
		return "is a URL, not an address"
	}
	hostPart, port, err := net.SplitHostPort(listen)
	switch {
	case err != nil:
		return quote(listen) + " is no host:port"
	case port != "0" && !goodPort(port):
		return quote(port) + " is no port"
	case hostPart != "" && hostPart != "localhost" && net.ParseIP(hostPart) == nil:
		return quote(hostPart) + " is no IP address of this machine"
	}
	return ""
}

func goodPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func (s *Site) validateLanguage(p problem.List) {
	if _, err := time.LoadLocation(s.Timezone); err != nil {
		p.At("timezone").Addf("%s is no time zone; write one as Europe/Paris or UTC", quote(s.Timezone))
	}
	if slices.Contains(languages(), s.Language) {
		return
	}
	hint := strings.Join(languages(), " or ")
	if near := strict.Nearest(s.Language, []string{"english", "french", "francais", "français", "anglais"}); near != "" {
		hint = map[string]string{"english": "en", "anglais": "en"}[near]
		setDefault(&hint, "fr")
	}
	p.At("language").Addf("%s is not spoken; write %s", quote(s.Language), hint)
}

// quote repeats a value in a message, unless it is long or may hold a secret.
func quote(value string) string {
	if len(value) > 64 || strings.ContainsAny(value, "@\n") || strings.Contains(value, "://") {
		return "this"
	}
	return strconv.Quote(value)
}
