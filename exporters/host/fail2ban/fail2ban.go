package fail2ban

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/problem"
)

// Every is the collector's own clock.
const Every = 30 * time.Second

// Config says what is expected of fail2ban.
type Config struct {
	// Jails are those that must run, as sshd; fail2ban itself must then.
	Jails []string `yaml:"jails"`
}

// Validate adds what is wrong to p.
func (c Config) Validate(p problem.List) {
	for i, name := range c.Jails {
		switch here := p.At("jails").Index(i); {
		case name == "" || strings.ContainsAny(name, ", \t\n"):
			here.Addf("%q is no jail; write its name as `fail2ban-client status` has it, as sshd", name)
		case slices.Contains(c.Jails[:i], name):
			here.Addf("%q is there twice; strike one", name)
		}
	}
}

var (
	upFamily      = &frame.Family{Name: "f2b_up", Help: "Whether fail2ban's server answers; absent where there is none, or where Tocsin may not ask it."}
	versionFamily = &frame.Family{
		Name: "f2b_version", Labels: []string{"fail2ban", "exporter"},
		Help: "The version of fail2ban. The exporter is always tocsin, whose own version tocsin_build_info has.",
	}
	countFamily = &frame.Family{Name: "f2b_jail_count", Help: "Jails that run."}
	readable    = &frame.Family{
		Name: "tocsin_host_fail2ban_readable",
		Help: "Whether Tocsin may ask fail2ban's server; 0: the status page says which right it lacks. Absent where no server is there.",
	}
	expected = &frame.Family{
		Name: "tocsin_host_fail2ban_jail_running", Labels: []string{"jail"},
		Help: "Whether a jail that the site file expects runs; absent while fail2ban does not answer.",
	}
	jailFamilies = [4]*frame.Family{
		{Name: "f2b_jail_banned_current", Labels: []string{"jail"}, Help: "Addresses that the jail bans now."},
		{Name: "f2b_jail_failed_current", Labels: []string{"jail"}, Help: "Addresses that have failed and are not banned yet."},
		{Name: "f2b_jail_banned_total", Labels: []string{"jail"}, Type: frame.Counter, Help: "Bans since fail2ban started or was reloaded."},
		{Name: "f2b_jail_failed_total", Labels: []string{"jail"}, Type: frame.Counter, Help: "Failures since fail2ban started or was reloaded."},
	}
	settings = []struct {
		name   string
		family *frame.Family
	}{
		{"bantime", &frame.Family{Name: "f2b_config_jail_ban_time", Labels: []string{"jail"}, Help: "How long an address is banned, in seconds; negative: for ever."}},
		{"findtime", &frame.Family{Name: "f2b_config_jail_find_time", Labels: []string{"jail"}, Help: "In how many seconds failures must lie to count together."}},
		{"maxretry", &frame.Family{Name: "f2b_config_jail_max_retries", Labels: []string{"jail"}, Help: "Failures that lead to a ban."}},
	}
)

// collector is the collector fail2ban. It implements frame.Explainer.
type collector struct {
	root  string
	jails []string

	mu      sync.Mutex // guards explain
	explain string
}

// New returns the collector of the machine whose files lie under root.
func New(root string, cfg Config) frame.Collector { return &collector{root: root, jails: cfg.Jails} }

// Name implements frame.Collector.
func (c *collector) Name() string { return "fail2ban" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family {
	all := append([]*frame.Family{upFamily, versionFamily, countFamily, readable, expected}, jailFamilies[:]...)
	for _, s := range settings {
		all = append(all, s.family)
	}
	return all
}

// Collect implements frame.Collector. A server that is down is a finding, not
// a failure.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	socket := filepath.Join(c.root, "run/fail2ban/fail2ban.sock")
	c.say("")
	server, err := dial(ctx, socket)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !c.wanted():
		return frame.ErrNoData
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		s.Send(upFamily, 0)
		return nil
	case errors.Is(err, fs.ErrPermission):
		return c.denied(s, fmt.Errorf("%s: it takes the right to write to the socket, which is root's; packaging/README.md says how it is given: %w", socket, err))
	case err != nil:
		return err
	}
	defer server.conn.Close()
	s.Send(readable, 1)
	version, err := server.version()
	if err != nil {
		if ctx.Err() == nil { // it hangs or talks nonsense, which is not up
			s.Send(upFamily, 0)
		}
		return fmt.Errorf("%s: version: %w", socket, err)
	}
	s.Send(upFamily, 1)
	s.Send(versionFamily, 1, strings.ToValidUTF8(version, "\uFFFD"), "tocsin")
	if err := c.collectJails(server, version, s); err != nil {
		return fmt.Errorf("%s: %w", socket, err)
	}
	return nil
}

// denied says which right is missing: as a failure where the site expects
// jails, otherwise as a finding, for by default Tocsin does not have it.
func (c *collector) denied(s *frame.Sink, err error) error {
	s.Send(readable, 0)
	if len(c.jails) > 0 {
		return frame.Fail(frame.ReasonPermission, err)
	}
	c.say(err.Error())
	return nil
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

// wanted tells that fail2ban should run although it left no socket: the site
// expects a jail, or systemd starts it.
func (c *collector) wanted() bool {
	if len(c.jails) > 0 {
		return true
	}
	_, err := os.Lstat(filepath.Join(c.root, "etc/systemd/system/multi-user.target.wants/fail2ban.service"))
	return err == nil
}

func (c *collector) collectJails(server *client, version string, s *frame.Sink) error {
	names, err := server.jails()
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	s.Send(countFamily, float64(len(names)))
	for _, name := range c.jails {
		running := 0.0
		if slices.Contains(names, name) {
			running = 1
		}
		s.Send(expected, running, name)
	}
	var errs []error
	if len(names) > maxJails {
		errs = append(errs, fmt.Errorf("more than %d jails; the others are only counted", maxJails))
		names = names[:maxJails]
	}
	for _, name := range names {
		if err := send(server, name, version, s); err != nil {
			errs = append(errs, fmt.Errorf("jail %.60q: %w", name, err))
			if errors.Is(err, errOver) {
				break
			}
		}
	}
	return errors.Join(errs...)
}

// send asks for one jail and sends what is known of it.
func send(server *client, name, version string, s *frame.Sink) error {
	label := strings.ToValidUTF8(name, "\uFFFD")
	numbers, err := server.jail(name, version)
	if err != nil {
		return err // stopped in between, most likely
	}
	for i, f := range jailFamilies {
		s.Send(f, numbers[i], label)
	}
	for _, setting := range settings {
		v, err := server.setting(name, setting.name)
		if err != nil {
			return fmt.Errorf("%s: %w", setting.name, err)
		}
		s.Send(setting.family, v, label)
	}
	return nil
}
