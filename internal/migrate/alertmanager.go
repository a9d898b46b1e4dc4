package migrate

import (
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/migrate/foreign"
)

// Alertmanager makes the section alerts of alertmanager.yml: the channel, and
// the mail for when the channel is down. A site has one of each.
func Alertmanager(name string, data []byte) (*Result, error) {
	config, err := foreign.Parse(name, data)
	if err != nil {
		return nil, err
	}
	if err := config.MustBe("configuration of Alertmanager", "receivers", "route"); err != nil {
		return nil, err
	}
	a := &alertmanager{global: config.Get("global"), section: newMapping(), main: config.At("route", "receiver").Text()}
	a.unread(config, "", keys{
		"global": "", "route": "", "receivers": "",
		"templates":           "Tocsin writes its messages itself, in English or French (language)",
		"inhibit_rules":       "Tocsin does this by itself: a host that is down silences all that is on it, an invalid certificate what follows from it, and what a brick needs goes before the brick (on and needs say what belongs together)",
		"mute_time_intervals": "Tocsin has no times of silence; make silences on the page, or with amtool from cron",
		"time_intervals":      "Tocsin has no times of silence; make silences on the page, or with amtool from cron",
		"tracing":             "Tocsin sends no traces; nothing to do",
	})
	a.unread(a.global, "global", globalAlerting)
	a.route(config.Get("route"), true)
	receivers := config.Get("receivers").List()
	slices.SortStableFunc(receivers, func(x, y foreign.Value) int { // the one that all else goes to chooses first
		return bit(y.Get("name").Text() == a.main) - bit(x.Get("name").Text() == a.main)
	})
	for _, r := range receivers {
		a.receiver(r)
	}
	site := newMapping()
	if !a.section.empty() {
		if a.mail && !a.channel {
			a.losef("", "a channel", "there is none that is Mattermost's, so that alerts are on the console and the page only, and mail is sent only when a channel fails; write alerts.mattermost")
		}
		site.set("alerts", a.section)
	}
	return a.finish(site,
		"What alertmanager.yml says, as a part of a site file of Tocsin.",
		"Put it into /etc/tocsin/tocsin.yml, make the files that it names, and prove it: tocsin check, tocsin notify test")
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// alertmanager is a configuration on its way into a site file.
type alertmanager struct {
	report
	global        foreign.Value
	main          string // the receiver of all that no route takes
	section       *mapping
	channel, mail bool // there is one already
}

const otherVoice = "Tocsin speaks in Mattermost, and by mail when Mattermost is down; send it from a Mattermost integration, or keep an Alertmanager for it"

var globalAlerting = keys{
	"resolve_timeout": "Tocsin's rules say themselves when an alert ends; nothing to do",
	"smtp_from":       "", "smtp_smarthost": "", "smtp_auth_username": "", "smtp_auth_password": "", "smtp_auth_password_file": "", "smtp_require_tls": "",
	"smtp_tls_config": "", "smtp_hello": "Tocsin greets with the machine's name; nothing to do", "smtp_auth_identity": "Tocsin logs in as username; nothing to do",
	"smtp_auth_secret": "Tocsin logs in with PLAIN or LOGIN; write username and password_file", "smtp_auth_secret_file": "Tocsin logs in with PLAIN or LOGIN; write username and password_file",
	"smtp_force_implicit_tls": "Tocsin encrypts from the start on port 465; write port: 465",
	"slack_api_url":           "", "slack_api_url_file": "", "mattermost_webhook_url": "", "mattermost_webhook_url_file": "",
	"http_config":   "Tocsin asks Mattermost directly; write alerts.mattermost.ca_file for an authority of your own",
	"pagerduty_url": otherVoice, "opsgenie_api_url": otherVoice, "opsgenie_api_key": otherVoice, "opsgenie_api_key_file": otherVoice,
	"victorops_api_url": otherVoice, "victorops_api_key": otherVoice, "victorops_api_key_file": otherVoice, "telegram_api_url": otherVoice,
	"webex_api_url": otherVoice, "wechat_api_url": otherVoice, "wechat_api_secret": otherVoice, "wechat_api_corp_id": otherVoice, "jira_api_url": otherVoice,
	"rocketchat_api_url": otherVoice, "rocketchat_token": otherVoice, "rocketchat_token_file": otherVoice, "rocketchat_token_id": otherVoice, "rocketchat_token_id_file": otherVoice,
}

// route tells what is lost of the tree: all of it but the receiver at its top.
func (a *alertmanager) route(v foreign.Value, top bool) {
	const grouping = "Tocsin groups by alertname, brick and host, waits 1s, tells changes after 5s and repeats after 24h; nothing to do"
	const once = "Tocsin has no times of silence; make silences on the page, or with amtool from cron"
	what := "route"
	if !top {
		what = "route to " + or(v.Get("receiver").Text(), "the same receiver")
		a.losef(v.Place(), what, "a site has one channel, and all alerts go there; what is not to be told: alerts.rules: {NAME: [{match: {LABEL: VALUE}, off: true}]}; whom to call, by severity: alerts.mattermost.mentions")
	}
	a.unread(v, what, keys{
		"receiver": "", "routes": "", "match": "", "match_re": "", "matchers": "", "continue": "", "labels": "",
		"group_by": grouping, "group_wait": grouping, "group_interval": grouping, "repeat_interval": grouping,
		"mute_time_intervals": once, "active_time_intervals": once,
	})
	for _, r := range v.Get("routes").List() {
		a.route(r, false)
	}
}

func (a *alertmanager) receiver(v foreign.Value) {
	name := v.Get("name").Text()
	for _, p := range v.Pairs() {
		for _, c := range p.Value.List() {
			what := "receiver " + name + ", " + p.Key
			switch p.Key {
			case "mattermost_configs":
				a.mattermost(c, what, c.Get("webhook_url"), c.Get("webhook_url_file"), "mattermost_webhook_url")
			case "slack_configs":
				a.mattermost(c, what, c.Get("api_url"), c.Get("api_url_file"), "slack_api_url")
			case "webhook_configs":
				a.webhook(c, what)
			case "email_configs":
				a.email(c, what)
			default:
				a.losef(c.Place(), what, otherVoice)
			}
		}
	}
}

// webhook takes a webhook for Mattermost's, if its address is of that form.
func (a *alertmanager) webhook(v foreign.Value, what string) {
	if isHook(v.Get("url").Text()) {
		a.mattermost(v, what, v.Get("url"), foreign.Value{}, "")
		return
	}
	a.losef(v.Place(), what, "Tocsin calls no webhooks but Mattermost's; if this one leads to Mattermost, write alerts.mattermost with url, token_file and channel instead")
}

// isHook tells whether an address is one of a Mattermost's incoming webhooks.
func isHook(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && u.User == nil && strings.Contains(u.Path, "/hooks/") && !isSlack(u)
}

func isSlack(u *url.URL) bool {
	return u.Hostname() == "slack.com" || strings.HasSuffix(u.Hostname(), ".slack.com")
}

// mattermost makes the channel of a webhook. Its address is a secret, so that
// only its place is told.
func (a *alertmanager) mattermost(v foreign.Value, what string, address, file foreign.Value, global string) {
	if !address.Is() && !file.Is() && global != "" {
		address, file = a.global.Get(global), a.global.Get(global+"_file")
	}
	switch {
	case a.channel:
		a.losef(v.Place(), what, "a site has one channel, and it has one already; send it there, or have Mattermost pass it on")
		return
	case address.Is() && !isHook(address.Text()):
		a.losef(address.Place(), what, "its address is not that of an incoming webhook of Mattermost (https://HOST/hooks/...); write alerts.mattermost with url, token_file and channel")
		return
	case !address.Is() && !file.Is():
		a.losef(v.Place(), what, "it has no address of a webhook; write alerts.mattermost with url, token_file and channel")
		return
	}
	a.channel = true
	m := newMapping()
	if file.Is() {
		m.set("webhook_url_file", file.Text(), "A file of the old program: tocsin must be able to read it. It has to hold the address of a webhook of Mattermost.")
	} else {
		path := secretFile("mattermost")
		m.set("webhook_url_file", path, makeFile(path, address.Place()))
	}
	known := keys{
		"api_url": "", "api_url_file": "", "webhook_url": "", "webhook_url_file": "", "url": "", "username": "", "icon_url": "",
		"channel":       "a webhook's posts go to the channel that it was made for; a bot can choose: write url, token_file and channel: TEAM/CHANNEL",
		"send_resolved": "Tocsin always tells the end of an alert; nothing to do", "max_alerts": "Tocsin bounds its posts itself; nothing to do",
		"http_config": "Tocsin asks Mattermost directly; write alerts.mattermost.ca_file for an authority of your own",
	}
	for _, p := range v.Pairs() {
		if _, ok := known[p.Key]; !ok {
			known[p.Key] = "Tocsin writes its messages itself, in English or French (language)"
		}
	}
	a.unread(v, what, known)
	for _, key := range []string{"username", "icon_url"} {
		if text := v.Get(key).Text(); strings.Contains(text, "{{") {
			a.losef(v.Get(key).Place(), what+"."+key, "is a template; write it out under alerts.mattermost")
		} else if key == "username" {
			m.setText(key, text)
		} else if u, err := url.Parse(text); err == nil && u.User == nil && u.RawQuery == "" && strings.HasPrefix(u.Scheme, "http") {
			m.setText(key, text)
		} else if text != "" {
			a.losef(v.Get(key).Place(), what+"."+key, "is not the plain address of a picture; write it under alerts.mattermost")
		}
	}
	a.section.set("mattermost", m)
}

// email makes the mail for when the channel is down.
func (a *alertmanager) email(v foreign.Value, what string) {
	if a.mail {
		a.losef(v.Place(), what, "a site has one mail, for when Mattermost is down; write further addresses under alerts.fallback.smtp.to")
		return
	}
	get := func(key string) foreign.Value {
		if own := v.Get(strings.TrimPrefix(key, "smtp_")); own.Is() {
			return own
		}
		return a.global.Get(key)
	}
	known := keys{
		"to": "", "from": "", "smarthost": "", "auth_username": "", "auth_password": "", "auth_password_file": "", "require_tls": "", "tls_config": "",
		"send_resolved": "Tocsin always tells the end of an alert; nothing to do",
	}
	for _, p := range v.Pairs() {
		if _, ok := known[p.Key]; !ok {
			known[p.Key] = "Tocsin writes its mails itself"
		}
	}
	a.unread(v, what, known)
	server, number, err := net.SplitHostPort(get("smtp_smarthost").Text())
	port, portErr := strconv.Atoi(number)
	from, fromErr := mail.ParseAddress(get("smtp_from").Text())
	to, toErr := mail.ParseAddressList(v.Get("to").Text())
	if err != nil || portErr != nil || fromErr != nil || toErr != nil || server == "" || port < 1 || port > 65535 || len(to) > 50 {
		a.losef(v.Place(), what, "its smarthost (host:port), from or to is missing, or is a template; write alerts.fallback: {smtp: {host, from, to}}")
		return
	}
	var addresses []string
	for _, one := range to {
		addresses = append(addresses, one.Address)
	}
	m := newMapping()
	m.set("host", server)
	m.set("port", port)
	m.set("from", from.Address)
	m.set("to", addresses)
	a.transport(get, server, port, what, m)
	a.mail = true
	fallback := newMapping()
	fallback.set("smtp", m)
	a.section.set("fallback", fallback, "Mail is sent when Mattermost is down, not beside it.")
}

// transport carries over how the mail server is spoken to.
func (a *alertmanager) transport(get func(string) foreign.Value, server string, port int, what string, m *mapping) {
	ip := net.ParseIP(server)
	local := server == "localhost" || ip != nil && ip.IsLoopback()
	switch tls := get("smtp_require_tls"); {
	case tls.False() && !local && port != 465:
		a.losef(tls.Place(), what+".require_tls", "mail leaves this machine encrypted only; let the server speak STARTTLS, or send by one on localhost")
	case local && port != 465 && (tls.True() || !tls.Is()): // Tocsin's own default is off there, Alertmanager's is on
		m.set("starttls", true, "Alertmanager demanded it; a mail server on this machine seldom has it.")
	}
	if ca := get("smtp_tls_config").Get("ca_file"); ca.Is() {
		m.set("ca_file", ca.Text())
	}
	a.unread(get("smtp_tls_config"), what+".tls_config", keys{
		"ca_file": "", "insecure_skip_verify": "Tocsin verifies the server; write ca_file with the authority that its certificate comes from",
		"cert_file": "Tocsin shows no certificate; write username and password_file", "key_file": "Tocsin shows no certificate; write username and password_file",
		"server_name": "write the name of the certificate as host", "min_version": tlsChoice, "max_version": tlsChoice,
	})
	user, password, file := get("smtp_auth_username"), get("smtp_auth_password"), get("smtp_auth_password_file")
	switch {
	case !user.Is():
	case file.Is():
		m.set("username", user.Text())
		m.set("password_file", file.Text())
	case password.Is():
		m.set("username", user.Text())
		path := secretFile("smtp")
		m.set("password_file", path, makeFile(path, password.Place()))
	default:
		a.losef(user.Place(), what, "a user without a password; write username and password_file under alerts.fallback.smtp")
	}
}
