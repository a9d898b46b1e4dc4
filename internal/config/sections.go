package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/lazy"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

// Postgres is a PostgreSQL server to be measured.
type Postgres struct {
	// Name is what the server is called; needs: and its page use it.
	Name string `yaml:"name"`
	// DSN says where it is: a postgres:// URL, or key=value words. A password
	// does not belong in it.
	DSN string `yaml:"dsn"`
	// Password belongs to the user of DSN.
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`
	Common       `yaml:",inline"`
}

// RabbitMQ is a RabbitMQ broker to be measured through its management API.
type RabbitMQ struct {
	// Name is what the broker is called; needs: and its page use it.
	Name string `yaml:"name"`
	// URL is its management API's.
	URL string `yaml:"url"`
	// Username and Password are a user with the tag monitoring.
	Username     string      `yaml:"username,omitempty"`
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`
	// CAFile has the authorities that its certificate comes from; the
	// system's if left out.
	CAFile string `yaml:"ca_file,omitempty"`
	Common `yaml:",inline"`
}

// Common is what every target that a site names can have.
type Common struct {
	// Job and Instance replace the labels that Tocsin would choose, so that a
	// migrated site keeps its old ones.
	Job      string `yaml:"job,omitempty"`
	Instance string `yaml:"instance,omitempty"`
	// Labels are put on everything that is measured of it.
	Labels map[string]string `yaml:"labels,omitempty"`
}

func (c *Common) setDefaults(job, instance string) {
	if c.Job == "" {
		c.Job = job
	}
	if c.Instance == "" {
		c.Instance = instance
	}
}

func (c Common) validate(p problem.List) { validateLabels(p.At("labels"), c.Labels) }

func (s *Postgres) validate(p problem.List) {
	validateName(p.At("name"), s.Name)
	at := p.At("dsn")
	u, err := url.Parse(s.DSN)
	switch {
	case s.DSN == "":
		at.Addf("is missing; write postgres:///postgres?host=/run/postgresql, or postgres://db1.ville.example/postgres?user=tocsin")
	case passwordInDSN().MatchString(s.DSN), err == nil && u.Query().Has("password"):
		at.Addf("has a password in it; take it out and write it into a file, named by password_file")
	case strings.Contains(s.DSN, "://") && (err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql"):
		at.Addf("is no postgres:// URL; write postgres:///postgres?host=/run/postgresql, or postgres://db1.ville.example/postgres?user=tocsin")
	case !strings.Contains(s.DSN, "://") && !strings.Contains(s.DSN, "="):
		at.Addf("is neither a postgres:// URL nor key=value words; write postgres://db1.ville.example/postgres?user=tocsin")
	}
	twins(p, "password", s.Password, s.PasswordFile)
	s.Common.validate(p)
}

// passwordInDSN finds the password among key=value words.
var passwordInDSN = lazy.Regexp(`(?i)(^|\s)(ssl)?password\s*=`)

func (s *RabbitMQ) validate(p problem.List) {
	validateName(p.At("name"), s.Name)
	validateURL(p.At("url"), s.URL, "http://127.0.0.1:15672")
	twins(p, "password", s.Password, s.PasswordFile)
	if s.Username == "" && (!s.Password.IsZero() || s.PasswordFile != "") {
		p.At("username").Addf("a password needs a username; write the name it belongs to")
	}
	s.Common.validate(p)
}

// slug is what a name may be: it stands in the path of the target's page.
var slug = lazy.Regexp(`^[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?$`)

func validateName(p problem.List, name string) {
	switch {
	case name == "":
		p.Addf("is missing; write a short name, as main")
	case !slug().MatchString(name):
		p.Addf("%s is no name; use small letters, digits, - and _, at most 64, as main", quote(name))
	}
}

// validateURL wants an http or https URL with a host and nobody's password.
func validateURL(p problem.List, text, example string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		p.Addf("is missing; write its URL, as %s", example)
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		p.Addf("is no URL of a web page; write one as %s", example)
	case u.User != nil:
		p.Addf("has a user or a password in it; write them as username and password_file")
	}
}

// Unwatched says, in words, what the site file names and this version of
// Tocsin does not measure yet. Nobody may believe that it is watched.
func (s *Site) Unwatched() []string {
	var all []string
	say := func(n int, section, what string) {
		if n > 0 {
			all = append(all, fmt.Sprintf("%s: this version does not measure %s yet; %d not watched", section, what, n))
		}
	}
	say(len(s.Postgres), "postgres", "PostgreSQL servers")
	say(len(s.RabbitMQ), "rabbitmq", "RabbitMQ brokers")
	if s.Engine.Off && len(s.Hosts) > 0 {
		all = append(all, fmt.Sprintf("hosts: the engine is off, so that none of the %d is asked from here", len(s.Hosts)))
	}
	if s.Engine.Off && s.speaks() {
		all = append(all, "alerts: the engine is off, so that nothing is judged or said from here")
	}
	if len(s.ProbeAllow) > 0 {
		all = append(all, "probe_allow: this version does not answer GET /probe yet; nothing can be probed by it")
	}
	for _, what := range s.unfollowed {
		all = append(all, "updates: "+what)
	}
	if s.updates.IsZero() && !s.Updates.Untouched() && len(s.unfollowed) == 0 {
		all = append(all, "updates: names no project, so that no release is followed")
	}
	return all
}

// speaks tells whether the file names anybody who is told of alerts.
func (s *Site) speaks() bool {
	return !s.Alerts.Mattermost.IsZero() || !s.Alerts.Fallback.IsZero() || !s.Alerts.Heartbeat.IsZero()
}

// Intervals is how often each kind of target is measured.
type Intervals struct {
	// Node is for this machine's page, and those of hosts.
	Node model.Duration `yaml:"node"`
	// Postgres is for PostgreSQL servers.
	Postgres model.Duration `yaml:"postgres"`
	// RabbitMQ is for RabbitMQ brokers.
	RabbitMQ model.Duration `yaml:"rabbitmq"`
	// Brick is for bricks.
	Brick model.Duration `yaml:"brick"`
	// Probe is for probes.
	Probe model.Duration `yaml:"probe"`
	// ProbeRetry is how soon a probe that failed is made again.
	ProbeRetry model.Duration `yaml:"probe_retry"`
	// Updates is for the pages about releases; feeds are asked less often.
	Updates model.Duration `yaml:"updates"`
}

// interval is one of the keys of Intervals.
type interval struct {
	key     string
	value   *model.Duration
	usually time.Duration
}

func (i *Intervals) all() []interval {
	return []interval{
		{"node", &i.Node, 5 * time.Second},
		{"postgres", &i.Postgres, 15 * time.Second},
		{"rabbitmq", &i.RabbitMQ, 15 * time.Second},
		{"brick", &i.Brick, 15 * time.Second},
		{"probe", &i.Probe, 30 * time.Second},
		{"probe_retry", &i.ProbeRetry, 5 * time.Second},
		{"updates", &i.Updates, time.Minute},
	}
}

// SetDefaults fills what the site file left out.
func (i *Intervals) SetDefaults() {
	for _, in := range i.all() {
		if *in.value == 0 {
			*in.value = model.Duration(in.usually)
		}
	}
}

// Validate adds what is wrong. The limits are those within which a hub takes
// another instance's targets.
func (i *Intervals) Validate(p problem.List) {
	for _, in := range i.all() {
		if d := time.Duration(*in.value); d < time.Second || d > time.Hour {
			p.At(in.key).Addf("%s is not between 1s and 1h; usual is %s", in.value, in.usually)
		}
	}
	if i.ProbeRetry > i.Probe {
		p.At("probe_retry").Addf("%s is longer than probe, %s; after a failure a probe comes sooner, not later", i.ProbeRetry, i.Probe)
	}
}
