//go:build linux

package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var (
	auditEnabled = &frame.Family{
		Name: "tocsin_host_audit_enabled", Help: "Whether the kernel audits. Absent where Tocsin lacks CAP_AUDIT_CONTROL, or the kernel has no audit.",
	}
	auditRequired = &frame.Family{
		Name: "tocsin_host_audit_required", Help: "Whether the kernel should audit: the site file says so, or systemd starts auditd.",
	}
	auditListener = &frame.Family{
		Name: "tocsin_host_audit_daemon_connected", Help: "Whether a daemon takes the kernel's audit events.",
	}
	auditRules = &frame.Family{
		Name: "tocsin_host_audit_rules", Help: "Audit rules that are loaded.",
	}
	auditLost = &frame.Family{
		Name: "tocsin_host_audit_lost_events_total", Type: frame.Counter, Help: "Audit events that the kernel could not hand on since boot.",
	}
	auditBacklog = &frame.Family{
		Name: "tocsin_host_audit_backlog_events", Help: "Audit events that wait.",
	}
)

// audit is the collector audit. It implements frame.Explainer.
type audit struct {
	dump     dumpFunc
	root     string
	required bool

	mu      sync.Mutex // guards explain
	explain string
}

func newAudit(root string, d dumpFunc, required bool) *audit {
	return &audit{dump: d, root: root, required: required}
}

// Name implements frame.Collector.
func (c *audit) Name() string { return "audit" }

// Families implements frame.Collector.
func (c *audit) Families() []*frame.Family {
	return []*frame.Family{auditEnabled, auditRequired, auditListener, auditRules, auditLost, auditBacklog}
}

// Explain implements frame.Explainer.
func (c *audit) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.explain
}

// Collect implements frame.Collector. That Tocsin lacks the right, as it does
// by default, is a failure only where the site wants audit.
func (c *audit) Collect(ctx context.Context, s *frame.Sink) error {
	_, noDaemon := os.Lstat(filepath.Join(c.root, "etc/systemd/system/multi-user.target.wants/auditd.service"))
	s.Send(auditRequired, truth(c.required || noDaemon == nil))
	err := c.ask(ctx, s)
	words := ""
	switch {
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EOPNOTSUPP): // a kernel without it
		err = nil
		if c.required {
			s.Send(auditEnabled, 0)
		}
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ECONNREFUSED): // the latter in a container
		err = fmt.Errorf("audit: it takes the capability CAP_AUDIT_CONTROL, on the machine itself; packaging/README.md says how it is given: %w", fs.ErrPermission)
		if !c.required {
			words, err = err.Error(), nil
		}
	}
	c.mu.Lock()
	c.explain = words
	c.mu.Unlock()
	return err
}

// errAnswered ends a question that has one answer.
var errAnswered = errors.New("answered")

func (c *audit) ask(ctx context.Context, s *frame.Sink) error {
	err := c.dump(ctx, unix.NETLINK_AUDIT, unix.AUDIT_GET, nil, func(status []byte) error {
		// struct audit_status (linux/audit.h): mask, enabled, failure, pid,
		// rate_limit, backlog_limit, lost, backlog.
		if len(status) < 32 {
			return errNetlink
		}
		field := func(i int) uint32 { return binary.NativeEndian.Uint32(status[4*i:]) }
		s.Send(auditEnabled, truth(field(1) != 0)) // 2: and locked
		s.Send(auditListener, truth(field(3) != 0))
		s.Send(auditLost, float64(field(6)))
		s.Send(auditBacklog, float64(field(7)))
		return errAnswered
	})
	if err != nil && !errors.Is(err, errAnswered) {
		return err
	}
	rules := 0
	err = c.dump(ctx, unix.NETLINK_AUDIT, unix.AUDIT_LIST_RULES, nil, func([]byte) error {
		rules++
		return nil
	})
	if err == nil {
		s.Send(auditRules, float64(rules))
	}
	return err
}
