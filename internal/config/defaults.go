package config

import (
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/probes"
)

// Where Tocsin listens and keeps its state unless told otherwise.
const (
	defaultListen  = "127.0.0.1:" + DefaultPort
	defaultDataDir = "/var/lib/tocsin"
)

// machine is what is filled in from the machine.
type machine struct {
	hostname string
	getenv   func(string) string
	home     string
}

func thisMachine() machine {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "localhost"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	return machine{hostname: name, getenv: os.Getenv, home: home}
}

// dataDir is the folder that systemd made for the service, else the user's
// folder for state, else the one that Debian's services use.
func (m machine) dataDir() string {
	if first, _, _ := strings.Cut(m.getenv("STATE_DIRECTORY"), ":"); first != "" {
		return first
	}
	if dir := m.getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tocsin")
	}
	if filepath.IsAbs(m.home) {
		return filepath.Join(m.home, ".local", "state", "tocsin")
	}
	return defaultDataDir
}

// setDefaults fills what the file left out.
func (s *Site) setDefaults(m machine) {
	s.host = m.hostname
	setDefault(&s.Site, m.hostname)
	setDefault(&s.Listen, defaultListen)
	setDefault(&s.Language, "en")
	setDefault(&s.DataDir, m.dataDir())
	for i := range s.Hosts {
		s.Hosts[i].setDefaults()
	}
	for i := range s.Postgres {
		s.Postgres[i].setDefaults("postgres", m.hostname+":"+s.Postgres[i].Name)
	}
	for i := range s.RabbitMQ {
		s.RabbitMQ[i].SetDefaults()
		s.RabbitMQ[i].setDefaults("rabbitmq", m.hostname+":"+s.RabbitMQ[i].Name)
	}
	for i := range s.Bricks {
		b := &s.Bricks[i]
		setDefault(&b.Name, b.Kind)
		b.setDefaults("brick", b.Name)
	}
	s.Intervals.SetDefaults()
	for i := range s.Probes {
		s.setProbeDefaults(&s.Probes[i])
	}
	s.Engine.SetDefaults()
	s.Web.SetDefaults()
	s.Host.SetDefaults()
	s.Backups.SetDefaults()
	s.Updates.SetDefaults()
	s.Alerts.Mattermost.SetDefaults()
	s.Alerts.Fallback.SetDefaults()
	s.Alerts.Heartbeat.SetDefaults()
}

// setProbeDefaults fills in the site's intervals before the probe's own ones.
func (s *Site) setProbeDefaults(c *probes.Config) {
	c.SetTimes(s.Intervals.Probe, s.Intervals.ProbeRetry)
	c.SetDefaults()
	if c.On == "" && s.isHere(c) {
		c.On = s.HostName()
	}
}

// isHere tells whether a probe is certain to look at this very machine, by its
// name or by one that each machine has for itself. Its other addresses may
// move to another.
func (s *Site) isHere(c *probes.Config) bool {
	for _, name := range c.From {
		if name != s.HostName() {
			return false // its localhost is another
		}
	}
	u, err := url.Parse(c.Target)
	if err != nil {
		return false
	}
	if u.Scheme == "unix" {
		return true
	}
	name := strings.TrimSuffix(u.Hostname(), ".")
	address, err := netip.ParseAddr(name)
	return err == nil && address.Unmap().IsLoopback() || strings.EqualFold(name, "localhost") || name != "" && strings.EqualFold(name, s.HostName())
}

func setDefault(s *string, to string) {
	if *s == "" {
		*s = to
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
