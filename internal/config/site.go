package config

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"tocsin/alerts/engine"
	"tocsin/alerts/fallback"
	"tocsin/alerts/heartbeat"
	"tocsin/alerts/mattermost"
	"tocsin/alerts/rules"
	"tocsin/bricks"
	"tocsin/exporters/host"
	"tocsin/exporters/host/addresses"
	"tocsin/exporters/host/backups"
	"tocsin/internal/web/access"
	"tocsin/probes"
	"tocsin/probes/blackbox"
	"tocsin/updatewatch"
)

// Site is all that one site file describes. Every key may be left out, and so
// may the file: then the site is this machine.
type Site struct {
	// Site is what the site is called, in messages and on pages.
	Site string `yaml:"site"`
	// Listen is where this Tocsin answers: host:port, or :port for all
	// addresses of the machine.
	Listen string `yaml:"listen"`
	// Advertise is the host:port under which others reach this Tocsin, where
	// it is not the one that they asked.
	Advertise string `yaml:"advertise"`
	// ExternalURL is where people reach this Tocsin. Without it posts carry no
	// links.
	ExternalURL string `yaml:"external_url"`
	// Timezone is the one that times are told in, as Europe/Paris; the
	// machine's own if left out.
	Timezone string `yaml:"timezone"`
	// Language is the one that people are spoken to in: en or fr.
	Language string `yaml:"language"`
	// DataDir is the folder for all that must survive a restart.
	DataDir string `yaml:"data_dir"`
	// Labels are put on everything that this Tocsin measures.
	Labels map[string]string `yaml:"labels"`

	// Hosts are the site's other machines, each with a Tocsin of its own.
	Hosts []Host `yaml:"hosts"`
	// Engine is what stores, judges and alerts. Written as off, this Tocsin
	// only measures.
	Engine engine.Config `yaml:"engine"`
	// Web is who may ask this Tocsin, and how.
	Web access.Config `yaml:"web"`
	// Host is how this machine is measured.
	Host host.Config `yaml:"host"`

	// Postgres are the PostgreSQL servers to measure.
	Postgres []Postgres `yaml:"postgres"`
	// RabbitMQ are the brokers to measure.
	RabbitMQ []RabbitMQ `yaml:"rabbitmq"`
	// Bricks are the services of the site.
	Bricks []Brick `yaml:"bricks"`
	// KindFiles are files with kinds of the site's own: paths, with * for any letters,
	// relative to the site file. One that has the name of a shipped kind takes
	// its place.
	KindFiles []string `yaml:"kind_files"`
	// Backups are those that are looked at from this machine: how old, how
	// large, how many, and what none of them covers.
	Backups backups.List `yaml:"backups"`
	// Addresses are those that move between hosts (failover IPs), and who may
	// hold each.
	Addresses addresses.List `yaml:"addresses"`
	// Probes are what is looked at from outside, as a user would.
	Probes probes.List `yaml:"probes"`
	// ProbeAllow is what others may have probed by GET /probe beside the
	// targets of this file's probes, and where those probes may be led inside:
	// host names, with * for any letters, networks as 10.1.0.0/16, and paths of
	// Unix sockets. An address that is not public must be named by its network,
	// or by a host name without *.
	ProbeAllow []string `yaml:"probe_allow"`
	// ProbeModules are files with the modules of GET /probe, as
	// blackbox_exporter reads them: paths, with * for any letters, relative to
	// the site file. Left out, the modules that a fresh blackbox_exporter has.
	ProbeModules []string `yaml:"probe_modules"`

	// Alerts is who is told of what, and when.
	Alerts Alerts `yaml:"alerts"`
	// Updates is the watch over upstream releases.
	Updates updatewatch.Config `yaml:"updates"`
	// Intervals is how often each kind of target is measured.
	Intervals Intervals `yaml:"intervals"`
	// MetricsFromElsewhere names metrics, or patterns with * of them, that
	// rules may use although no Tocsin exports them.
	MetricsFromElsewhere []string `yaml:"metrics_from_elsewhere"`

	loaded `yaml:"-"`
}

// Alerts is the section alerts of the site file.
type Alerts struct {
	// Mattermost is the channel that is told.
	Mattermost mattermost.Config `yaml:"mattermost"`
	// Fallback is the mail that is sent when Mattermost itself is down.
	Fallback fallback.Config `yaml:"fallback"`
	// Heartbeat is a request that is made as long as all works, to somebody
	// who calls when it stops.
	Heartbeat heartbeat.Config `yaml:"heartbeat"`
	// Rules are changes of rules, by the rule's name: a mapping with threshold,
	// for, severity or off, or a list of such with match, of which the first
	// that fits an alert decides.
	Rules rules.Overrides `yaml:"rules"`
	// RuleFiles are further rules, in Prometheus' standard form: paths, with *
	// for any letters, relative to the site file.
	RuleFiles []string `yaml:"rule_files"`
}

// loaded is what a Site knows beside what is written in the file.
type loaded struct {
	file        string
	host        string
	kinds       []bricks.Kind
	composed    []bricks.Brick
	brickProbes []probes.Config
	modules     *blackbox.Modules
	updates     updatewatch.Config // with the projects of bricks
	unfollowed  []string
	rules       []rules.File
	ruleTexts   map[string][]byte
	fingerprint string
	warnings    []string
}

// File is the path of the site file; empty where there is none.
func (s *Site) File() string { return s.file }

// HostName is what this machine is called in labels and messages.
func (s *Site) HostName() string { return s.host }

// HostLabels are the labels job and instance of this machine's own page.
func (s *Site) HostLabels() (job, instance string) {
	return cmp.Or(s.Host.Job, "node"), cmp.Or(s.Host.Instance, s.HostName())
}

// Rules returns all rules: the shipped ones, then the site's own, as they are
// written.
func (s *Site) Rules() []rules.File { return s.rules }

// RuleTexts returns the rule files as an engine loads them, by name, with the
// site's overrides applied. The caller must not change them.
func (s *Site) RuleTexts() map[string][]byte { return s.ruleTexts }

// Modules returns what GET /probe can look with.
func (s *Site) Modules() *blackbox.Modules { return s.modules }

// ForgetRules gives up, where no engine will load them, the rules, and the
// kinds unless a brick is of one: half a megabyte. Rules, RuleTexts and Kinds
// return none from then on.
func (s *Site) ForgetRules() {
	s.rules, s.ruleTexts = nil, nil
	if len(s.Bricks) == 0 {
		s.kinds = nil
	}
}

// Fingerprint changes whenever anything changes that a reload would have to
// apply: the file, what is filled in from the machine, rule files,
// certificates. Files with secrets are not part of it: they are read again at
// every use.
func (s *Site) Fingerprint() string { return s.fingerprint }

// Warnings says what is possible, and probably not meant.
func (s *Site) Warnings() []string { return s.warnings }

// Location returns the site's time zone.
func (s *Site) Location() *time.Location {
	if s.Timezone == "" {
		return time.Local
	}
	if zone, err := time.LoadLocation(s.Timezone); err == nil { // Validate has proved it
		return zone
	}
	return time.Local
}

// Summary says in one line what the site watches.
func (s *Site) Summary() string {
	parts := []string{"this machine (" + s.HostName() + ")"}
	if n := len(s.Hosts); n > 0 && !s.Engine.Off {
		parts = append(parts, plural(n, "other host"))
	}
	if n := len(s.Postgres); n > 0 {
		parts = append(parts, plural(n, "PostgreSQL server"))
	}
	if n := len(s.RabbitMQ); n > 0 {
		parts = append(parts, plural(n, "broker"))
	}
	if n := len(s.Bricks); n > 0 {
		parts = append(parts, plural(n, "brick"))
	}
	if n := len(s.AllProbes()); n > 0 {
		parts = append(parts, plural(n, "probe"))
	}
	if n := len(s.Backups); n > 0 {
		parts = append(parts, plural(n, "backup"))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
