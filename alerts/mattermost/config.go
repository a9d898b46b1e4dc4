package mattermost

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/alerts"
	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// A Config is the section alerts.mattermost of the site file: either a
// webhook, or a server with a bot's token and a channel.
//
// A url with http is accepted, for networks that are trusted; New warns when
// the token would leave this machine in clear.
type Config struct {
	WebhookURL     secret.Text `yaml:"webhook_url"`
	WebhookURLFile string      `yaml:"webhook_url_file"`

	URL       string      `yaml:"url"`
	Token     secret.Text `yaml:"token"`
	TokenFile string      `yaml:"token_file"`
	Channel   string      `yaml:"channel"` // team/channel, as in the channel's address

	Username string `yaml:"username"` // of a webhook's posts, where the server allows it
	IconURL  string `yaml:"icon_url"` // likewise

	// Mentions says whom to call, by severity: {critical: "@channel"}.
	Mentions map[string]string `yaml:"mentions"`
	CAFile   string            `yaml:"ca_file"` // certificates to trust besides the system's
	Timeout  model.Duration    `yaml:"timeout"` // of one request; default 10s
	// ReopenWithin is how long after its end a group that fires again goes on
	// in its old post; default 10m.
	ReopenWithin model.Duration `yaml:"reopen_within"`
}

// IsZero tells whether the section is absent or empty: then the console
// speaks instead.
func (c *Config) IsZero() bool {
	return !c.wantsHook() && !c.wantsBot() && c.Username == "" && c.IconURL == "" &&
		len(c.Mentions) == 0 && c.CAFile == ""
}

func (c *Config) wantsHook() bool { return !c.hook().IsZero() }
func (c *Config) wantsBot() bool {
	return c.URL != "" || !c.token().IsZero() || c.Channel != ""
}

func (c *Config) hook() secret.Source {
	return secret.Source{Value: c.WebhookURL, File: c.WebhookURLFile}
}
func (c *Config) token() secret.Source { return secret.Source{Value: c.Token, File: c.TokenFile} }

// SetDefaults fills what was left out.
func (c *Config) SetDefaults() {
	if c.Timeout == 0 {
		c.Timeout = model.Duration(10 * time.Second)
	}
	if c.ReopenWithin == 0 {
		c.ReopenWithin = model.Duration(10 * time.Minute)
	}
}

// Validate adds what is wrong to p. It never repeats an address, which may
// hold a secret.
func (c *Config) Validate(p problem.List) {
	if c.IsZero() {
		return
	}
	if !c.WebhookURL.IsZero() && c.WebhookURLFile != "" {
		p.At("webhook_url_file").Addf("webhook_url is given too: keep one of the two")
	}
	if !c.Token.IsZero() && c.TokenFile != "" {
		p.At("token_file").Addf("token is given too: keep one of the two")
	}
	switch {
	case c.wantsHook() && c.wantsBot():
		p.Addf("a webhook and a bot are both given: keep webhook_url, or url with token_file and channel " +
			"(the bot can edit its posts, the webhook can't)")
	case c.wantsHook():
		c.validateHook(p)
	case c.wantsBot():
		c.validateBot(p)
	default:
		p.Addf("where to post is missing: write webhook_url_file, or url with token_file and channel")
	}
	c.validateCommon(p)
}

func (c *Config) validateHook(p problem.List) {
	if c.WebhookURL.IsZero() {
		return
	}
	u, err := url.Parse(c.WebhookURL.Reveal())
	if err != nil || u.Host == "" || u.User != nil || !isHTTP(u) || !strings.Contains(u.Path, "/hooks/") {
		p.At("webhook_url").Addf("this is not the address of an incoming webhook: write it as Mattermost shows it, " +
			"https://chat.example.org/hooks/…")
	}
}

func (c *Config) validateBot(p problem.List) {
	switch u, err := url.Parse(c.URL); {
	case c.URL == "":
		p.At("url").Addf("the server's address is missing: write https://chat.example.org")
	case err != nil || !isHTTP(u) || u.Host == "":
		p.At("url").Addf("this is not the address of a server: write https://chat.example.org")
	case u.User != nil:
		p.At("url").Addf("an address must not hold a user or a password: write https://chat.example.org, " +
			"and the bot's token in a file named by token_file")
	case strings.Contains(u.Path, "/hooks/"):
		p.At("url").Addf("this is the address of a webhook: write it as webhook_url, or in a file named by webhook_url_file")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		p.At("url").Addf("only the server's address belongs here, without a path: write https://chat.example.org, " +
			"and team/channel as channel")
	}
	if c.token().IsZero() {
		p.At("token_file").Addf("the bot's token is missing: write it to a file, and the file's path here")
	}
	team, channel, found := strings.Cut(c.Channel, "/")
	switch {
	case c.Channel == "":
		p.At("channel").Addf("the channel is missing: write team/channel, as in the channel's address " +
			"(https://…/team/channels/channel)")
	case !found:
		p.At("channel").Addf("%q has no team: write team/%s, with the team's name from the channel's address", c.Channel, c.Channel)
	case !slug().MatchString(team) || !slug().MatchString(channel):
		p.At("channel").Addf("%q is not team/channel as they stand in the channel's address: "+
			"small letters, digits, - and _ (not the names that the screen shows)", c.Channel)
	}
	if c.Username != "" {
		p.At("username").Addf("a bot posts under its own name: leave username out, it belongs to webhook_url")
	}
	if c.IconURL != "" {
		p.At("icon_url").Addf("a bot has its own picture: leave icon_url out, it belongs to webhook_url")
	}
}

func (c *Config) validateCommon(p problem.List) {
	known := []string{alerts.Critical, alerts.Warning, alerts.Info}
	for severity, who := range c.Mentions {
		at := p.At("mentions").At(severity)
		if !slices.Contains(known, severity) {
			at.Addf("%q is no severity: write critical, warning or info", severity)
		}
		if !mention().MatchString(who) {
			at.Addf("%q calls nobody: write @channel, @here or @name, several with a space between", who)
		}
	}
	if u, err := url.Parse(c.IconURL); c.IconURL != "" && (err != nil || !isHTTP(u) || u.User != nil) {
		p.At("icon_url").Addf("this is not the address of a picture: write https://…")
	}
	if t := time.Duration(c.Timeout); t < time.Second || t > time.Minute {
		p.At("timeout").Addf("%s is out of range: write 1s to 1m", c.Timeout)
	}
	if r := time.Duration(c.ReopenWithin); r < 0 || r > 24*time.Hour {
		p.At("reopen_within").Addf("%s is out of range: write up to 24h", c.ReopenWithin)
	}
}

// slug is a team or channel as it stands in addresses; mention is one or more
// names that Mattermost would call. Both are constant.
var (
	slug    = lazy.Regexp(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	mention = lazy.Regexp(`^@[a-z0-9][a-z0-9._-]*( @[a-z0-9][a-z0-9._-]*)*$`)
)

func isHTTP(u *url.URL) bool { return u.Scheme == "https" || u.Scheme == "http" }

// travelsInClear tells whether a request to raw leaves this machine without
// encryption.
func travelsInClear(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
