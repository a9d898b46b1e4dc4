package config

import (
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/exporters/postgres"
	"tocsin/exporters/rabbitmq"
	"tocsin/internal/lazy"
	"tocsin/internal/problem"
)

// Postgres is a PostgreSQL server to be measured.
type Postgres struct {
	postgres.Config `yaml:",inline"`
	Common          `yaml:",inline"`
}

// RabbitMQ is a RabbitMQ broker to be measured.
type RabbitMQ struct {
	rabbitmq.Config `yaml:",inline"`
	Common          `yaml:",inline"`
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

// Local tells whether the server runs on this machine.
func (s *Postgres) Local() bool {
	host := databaseHost(s.DSN)
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains([]string{"", "localhost", "127.0.0.1", "::1", "[::1]"}, host)
}

func (s *Postgres) validate(p problem.List) {
	validateName(p.At("name"), s.Name)
	s.Config.Validate(p)
	twins(p, "password", s.Password, s.PasswordFile)
	s.Common.validate(p)
}

func (s *RabbitMQ) validate(p problem.List) {
	validateName(p.At("name"), s.Name)
	s.Config.Validate(p)
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

// Unwatched says, in words, what the site file names and this version of
// Tocsin does not measure yet. Nobody may believe that it is watched.
func (s *Site) Unwatched() []string {
	var all []string
	if s.Engine.Off && len(s.Hosts) > 0 {
		all = append(all, fmt.Sprintf("hosts: the engine is off, so that none of the %d is asked from here", len(s.Hosts)))
	}
	if s.Engine.Off && s.speaks() {
		all = append(all, "alerts: the engine is off, so that nothing is judged or said from here")
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
	// Probe is for probes, but for those that are dear to somebody (a mail sent,
	// a registry asked): these have intervals of their own.
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

// loadQueries reads the files of queries that servers have, and proves them.
func (s *Site) loadQueries(p problem.List) (warnings []string) {
	for i := range s.Postgres {
		at := p.At("postgres").Index(i)
		for _, w := range s.Postgres[i].Load(at) {
			warnings = append(warnings, index("postgres", i)+".queries_files: "+w)
		}
	}
	return warnings
}
