package ipsec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/problem"
)

// Every is the collector's own clock.
const Every = 30 * time.Second

// maxTunnels bounds how many tunnels are told one by one.
const maxTunnels = 500

// Config says what is expected of strongSwan.
type Config struct {
	// Tunnels are those that must stand, as connection/child: office/net.
	Tunnels []string `yaml:"tunnels"`
	// Associations sends each association under the names of the ipsec exporter
	// (ipsec_ike_sa_state, ipsec_child_sa_bytes_in, ...), with the addresses and
	// the identities of both sides as labels.
	Associations bool `yaml:"associations"`
}

// Validate adds what is wrong to p.
func (c Config) Validate(p problem.List) {
	for i, name := range c.Tunnels {
		connection, child, found := strings.Cut(name, "/")
		switch here := p.At("tunnels").Index(i); {
		case !found || connection == "" || child == "":
			here.Addf("%.60q is no tunnel; write the connection and its child as swanctl.conf has them, as office/net", name)
		case slices.Contains(c.Tunnels[:i], name):
			here.Addf("%q is there twice; strike one", name)
		}
	}
}

var (
	upFamily      = &frame.Family{Name: "ipsec_up", Help: "Whether strongSwan's daemon answers; absent where there is none, or where Tocsin may not ask it."}
	workers       = &frame.Family{Name: "ipsec_workers_total", Help: "Threads of the daemon."}
	activeWorkers = &frame.Family{Name: "ipsec_active_workers", Help: "Threads of the daemon that work on something."}
	queued        = &frame.Family{Name: "ipsec_queues", Labels: []string{"priority"}, Help: "Jobs of the daemon that wait: critical, high, medium or low."}
	idleWorkers   = &frame.Family{Name: "ipsec_idle_workers", Help: "Threads of the daemon that wait for work."}
	ikeSAs        = &frame.Family{Name: "ipsec_ike_sas", Help: "IKE associations, those that are being made among them."}
	halfOpen      = &frame.Family{Name: "ipsec_half_open_ike_sas", Help: "IKE associations that are being made."}
	connectionUp  = &frame.Family{
		Name: "ipsec_connection_up", Labels: []string{"connection", "child"},
		Help: "Whether a tunnel that is configured stands: an association of its child is installed.",
	}
	childKeyed = &frame.Family{
		Name: "tocsin_host_ipsec_child_keyed_timestamp_seconds", Labels: []string{"connection", "child"},
		Help: "When the newest association of a tunnel that stands was made, in seconds since 1970: when it was last given new keys.",
	}
	childReceived = &frame.Family{
		Name: "tocsin_host_ipsec_child_received_bytes_total", Type: frame.Counter, Labels: []string{"connection", "child"},
		Help: "Bytes received by the associations of a tunnel that stand; begins anew with new keys.",
	}
	childSent = &frame.Family{
		Name: "tocsin_host_ipsec_child_sent_bytes_total", Type: frame.Counter, Labels: []string{"connection", "child"},
		Help: "Bytes sent by the associations of a tunnel that stand; begins anew with new keys.",
	}
	tunnelUp = &frame.Family{
		Name: "tocsin_host_ipsec_tunnel_up", Labels: []string{"tunnel"},
		Help: "Whether a tunnel that the site file expects stands, as connection/child; 0 also while the daemon is down.",
	}
)

// collector is the collector ipsec. It implements frame.Explainer.
type collector struct {
	root string
	cfg  Config
	now  func() time.Time

	mu      sync.Mutex // guards explain
	explain string
}

// New returns the collector of the machine whose files lie under root.
func New(root string, cfg Config) frame.Collector {
	return &collector{root: root, cfg: cfg, now: time.Now}
}

// Name implements frame.Collector.
func (c *collector) Name() string { return "ipsec" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family {
	return append([]*frame.Family{
		upFamily, workers, idleWorkers, activeWorkers, queued, ikeSAs, halfOpen, connectionUp, tunnelUp, childKeyed, childReceived, childSent,
	}, associationFamilies()...)
}

// Explain implements frame.Explainer.
func (c *collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.explain
}

func (c *collector) say(words string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.explain = words
}

// Collect implements frame.Collector. A daemon that is down is a finding, not
// a failure; one that may not be asked is a failure where the site expects
// tunnels.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	c.say("")
	socket := filepath.Join(c.root, "run/charon.vici")
	daemon, err := dial(ctx, socket)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(c.cfg.Tunnels) == 0:
		return frame.ErrNoData
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		s.Send(upFamily, 0)
		c.sendExpected(s, nil)
		return nil
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%s: it takes the right to write to the socket, which is root's; packaging/README.md says how it is given: %w", socket, err)
		if len(c.cfg.Tunnels) == 0 {
			c.say(err.Error())
			return nil
		}
		return frame.Fail(frame.ReasonPermission, err)
	case err != nil:
		return err
	}
	defer daemon.conn.Close()
	if err := c.ask(daemon, s); err != nil {
		return fmt.Errorf("%s: %w", socket, err)
	}
	return nil
}

func (c *collector) ask(daemon *client, s *frame.Sink) error {
	stats, err := daemon.ask("stats", "", nil)
	if err != nil {
		return fmt.Errorf("stats: %w", err)
	}
	s.Send(upFamily, 1)
	sendNumber(s, workers, stats.find("workers").values["total"])
	sendNumber(s, idleWorkers, stats.find("workers").values["idle"])
	sendJobs(s, stats)
	sendNumber(s, ikeSAs, stats.find("ikesas").values["total"])
	sendNumber(s, halfOpen, stats.find("ikesas").values["half-open"])

	tunnels := map[[2]string]bool{}
	passed := map[[2]string]*traffic{}
	var associations []association
	_, err = daemon.ask("list-conns", "list-conn", func(m *section) {
		for _, connection := range m.sections {
			for _, child := range connection.find("children").sections {
				tunnels[[2]string{connection.name, child.name}] = false
			}
		}
	})
	if err != nil {
		return fmt.Errorf("list-conns: %w", err)
	}
	_, err = daemon.ask("list-sas", "list-sa", func(m *section) {
		for _, connection := range m.sections {
			if c.cfg.Associations {
				associations = append(associations, association(connection))
			}
			for _, child := range connection.find("child-sas").sections {
				// While one replaces another there are two.
				if state := child.values["state"]; state == "INSTALLED" || state == "REKEYING" || state == "REKEYED" {
					name := [2]string{connection.name, child.values["name"]}
					tunnels[name] = true
					if passed[name] == nil {
						passed[name] = &traffic{}
					}
					passed[name].add(child.section)
				}
			}
		}
	})
	if err != nil {
		return fmt.Errorf("list-sas: %w", err)
	}
	c.sendExpected(s, tunnels)
	err = sendTunnels(s, tunnels)
	if len(tunnels) <= maxTunnels {
		for name, t := range passed {
			t.send(s, c.now(), label(name[0]), label(name[1]))
		}
	}
	return errors.Join(err, sendAssociations(s, associations))
}

// sendNumber sends a number, which vici has as text, where it is one.
func sendNumber(s *frame.Sink, f *frame.Family, text string) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		s.Send(f, float64(n))
	}
}

func (c *collector) sendExpected(s *frame.Sink, tunnels map[[2]string]bool) {
	for _, name := range c.cfg.Tunnels {
		connection, child, _ := strings.Cut(name, "/")
		s.Send(tunnelUp, truth(tunnels[[2]string{connection, child}]), name)
	}
}

func sendTunnels(s *frame.Sink, tunnels map[[2]string]bool) error {
	if len(tunnels) > maxTunnels {
		return fmt.Errorf("more than %d tunnels; only those that the site file expects are told", maxTunnels)
	}
	for t, up := range tunnels {
		s.Send(connectionUp, truth(up), label(t[0]), label(t[1]))
	}
	return nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
