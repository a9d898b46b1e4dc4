package logins

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tocsin/internal/frame"
)

// Every is the collector's own clock.
const Every = 30 * time.Second

var (
	failuresFamily = &frame.Family{
		Name: "tocsin_host_authentication_failures_total", Type: frame.Counter, Labels: []string{"kind"},
		Help: "Attempts to get in that failed since Tocsin started, from /var/log/auth.log: password, publickey, invalid_user (of SSH), sudo or su.",
	}
	readable = &frame.Family{
		Name: "tocsin_host_authentication_log_readable",
		Help: "Whether failed attempts are counted: 0 where Tocsin may not read /var/log/auth.log, or the machine writes its log into the journal only; the status page says which.",
	}
	directoryUp = &frame.Family{
		Name: "tocsin_host_directory_login_up", Labels: []string{"source"},
		Help: "Whether the service takes connections that brings log-ins from a directory: sss (SSSD) or ldap (nslcd), where it is set up.",
	}
)

// collector is the collector logins. It implements frame.Explainer and
// frame.Asider.
type collector struct {
	root   string
	log    follower       // Collect's own, as counts
	counts map[string]int // by kind

	mu             sync.Mutex // guards what follows
	explain, aside string
}

// New returns the collector of the machine whose files lie under root.
func New(root string) frame.Collector {
	return &collector{root: root, log: follower{path: filepath.Join(root, "var/log/auth.log")}, counts: map[string]int{}}
}

// Name implements frame.Collector.
func (c *collector) Name() string { return "logins" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family {
	return []*frame.Family{failuresFamily, readable, directoryUp}
}

// Explain implements frame.Explainer.
func (c *collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.explain
}

// Aside implements frame.Asider.
func (c *collector) Aside() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.aside
}

// Collect implements frame.Collector. A log that cannot be read is a finding,
// not a failure: by default Tocsin has no right to it.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := c.log.follow(func(line []byte) {
		if kind, n := failures(string(line)); kind != "" {
			c.counts[kind] += n
		}
	})
	found := true
	c.say("", "")
	switch {
	case errors.Is(err, fs.ErrPermission):
		c.unread(s, c.log.path+" may not be read: it takes the group adm; packaging/README.md says how it is given", "")
		err = nil
	case errors.Is(err, fs.ErrNotExist):
		err = nil
		if found = c.hasJournal(); found {
			explain, aside := c.missing()
			c.unread(s, explain, aside)
		}
	case err != nil && c.log.file == nil: // nothing was ever read
	default: // what was read before an error counts
		s.Send(readable, 1)
		for _, kind := range kinds {
			s.Send(failuresFamily, float64(c.counts[kind]), kind)
		}
	}
	asked := false
	err = errors.Join(err, askDirectories(ctx, c.root, func(source string, up bool) {
		asked = true
		value := 0.0
		if up {
			value = 1
		}
		s.Send(directoryUp, value, source)
	}))
	if err == nil && !found && !asked {
		return frame.ErrNoData
	}
	return err
}

// missing says why there is no log beside the journal: as a fault where fail2ban
// is to read it. By default Debian has had the
// journal alone since version 12, and then nothing is wrong.
func (c *collector) missing() (explain, aside string) {
	switch by := user(c.root); by {
	case "":
		return "", fmt.Sprintf("failed log-ins are not counted: this machine writes its log into systemd's journal alone; "+
			"to have them counted, install rsyslog, which writes %s", c.log.path)
	case rsyslog:
		return "", fmt.Sprintf("failed log-ins are not counted: there is no %s yet, which rsyslog writes; if that does not change, see `systemctl status rsyslog`", c.log.path)
	default:
		return fmt.Sprintf("failed log-ins are not detected: there is no %s, which %s is to read; "+
			"install rsyslog, which writes it, or let %s read the journal: backend = systemd", c.log.path, by, by), ""
	}
}

func (c *collector) unread(s *frame.Sink, explain, aside string) {
	s.Send(readable, 0)
	c.say(explain, aside)
}

func (c *collector) say(explain, aside string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.explain, c.aside = explain, aside
}

// hasJournal tells whether systemd's journal keeps the machine's log, in
// memory or on disk.
func (c *collector) hasJournal() bool {
	for _, folder := range []string{"run/log/journal", "var/log/journal"} {
		if _, err := os.Stat(filepath.Join(c.root, folder)); err == nil {
			return true
		}
	}
	return false
}
