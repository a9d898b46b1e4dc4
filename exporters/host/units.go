//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/bus"
	"tocsin/internal/frame"
)

var (
	systemState = &frame.Family{
		Name: "tocsin_host_systemd_state", Labels: []string{"state"},
		Help: "Whether systemd calls the machine's state so (systemctl is-system-running).",
	}
	unitsFailed = &frame.Family{Name: "tocsin_host_units_failed", Help: "Units that have failed."}
	unitFailure = &frame.Family{
		Name: "tocsin_host_unit_failure_info", Labels: []string{"unit", "result"},
		Help: "Units that have failed, watched or not, and systemd's word for why (exit-code, signal, timeout, oom-kill ...); always 1.",
	}
	unitState = &frame.Family{
		Name: "tocsin_host_unit_state", Labels: []string{"unit", "state", "brick"},
		Help: "Whether the watched unit is in this state. A oneshot at work is active; one whose last run went well is idle; " +
			"missing is a unit of which systemd has no file. The brick is the one that runs in it, by the site file.",
	}
	unitRestarts = &frame.Family{
		Name: "tocsin_host_unit_restarts_total", Type: frame.Counter, Labels: []string{"unit"},
		Help: "How often systemd has restarted the watched service by itself.",
	}
	unitStarted = &frame.Family{
		Name: "tocsin_host_unit_start_timestamp_seconds", Labels: []string{"unit"},
		Help: "When the watched unit became active, in seconds since 1970.",
	}
)

// What the labels state may be: those of systemd as a whole
// (systemctl(1), is-system-running), and those of a unit here.
var (
	systemStates = []string{"initializing", "starting", "running", "degraded", "maintenance", "stopping", "other"}
	unitStates   = []string{"active", "activating", "deactivating", "inactive", "idle", "failed", "missing", "other"}
)

// maxUnits bounds the units that are watched or told as failed, and the
// timers: a pattern may fit all the thousands of a machine.
const maxUnits = 500

// units is the collector units: which units have failed, how those do that the
// site names, and when timers ran.
type units struct {
	roots           *roots
	names, patterns []string
	brick           func(unit string) string
	now             func() time.Time
	uptime          func() time.Duration // of the clock that systemd's timers run by
}

func newUnits(r *roots, cfg Units, now func() time.Time) *units {
	c := &units{roots: r, brick: cfg.brick, now: now, uptime: monotonic}
	c.names, c.patterns = cfg.split()
	return c
}

func monotonic() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // it has no way to fail
	return time.Duration(t.Nano())
}

// Name implements frame.Collector.
func (c *units) Name() string { return "units" }

// Families implements frame.Collector.
func (c *units) Families() []*frame.Family {
	return slices.Concat(
		[]*frame.Family{systemState, unitsFailed, unitFailure, unitState, unitRestarts, unitStarted},
		timerFamilies, unitFigures,
	)
}

// Collect implements frame.Collector.
func (c *units) Collect(ctx context.Context, s *frame.Sink) error {
	conn, err := c.roots.openBus(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	none := []string{}
	calls := []bus.Call{
		managerProperty("SystemState"), managerProperty("NFailedUnits"),
		manager("ListUnitsByPatterns", []string{"failed"}, none),
		manager("ListUnitsByPatterns", []string{"active"}, []string{"*.timer"}),
	}
	if len(c.names) > 0 {
		calls = append(calls, manager("ListUnitsByNames", c.names))
	}
	if len(c.patterns) > 0 {
		calls = append(calls, manager("ListUnitsByPatterns", none, c.patterns))
	}
	replies, err := conn.Do(calls)
	if err != nil {
		return err
	}
	if err := systemdError("systemd", replies[0].Err); err != nil {
		return err
	}
	sendSystem(s, replies[0], replies[1])
	failed, err := chosen("failed", replies[2])
	errs := []error{err, sendFailures(conn, s, failed)}
	watched, err := chosen("watched", replies[4:]...)
	errs = append(errs, err, c.sendWatched(ctx, conn, s, watched))
	timers, err := chosen("timers", replies[3])
	errs = append(errs, err, c.sendTimers(conn, s, timers))
	return errors.Join(errs...)
}

func sendSystem(s *frame.Sink, state, failed bus.Reply) {
	if is, ok := bus.Value[string](state); ok {
		if !slices.Contains(systemStates, is) {
			is = "other"
		}
		for _, one := range systemStates {
			s.Send(systemState, truth(one == is), one)
		}
	}
	if n, ok := whole(failed); ok {
		s.Send(unitsFailed, float64(n))
	}
}

// chosen joins lists of units, each unit once, sorted, and not too many.
func chosen(what string, lists ...bus.Reply) ([]unit, error) {
	var all []unit
	var errs []error
	for _, list := range lists {
		units, err := unitsOf(list)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
		all = append(all, units...)
	}
	slices.SortFunc(all, func(a, b unit) int { return strings.Compare(a.name, b.name) })
	all = slices.CompactFunc(all, func(a, b unit) bool { return a.name == b.name })
	if len(all) > maxUnits {
		errs = append(errs, fmt.Errorf("%s: %d units; the first %d are told", what, len(all), maxUnits))
		all = all[:maxUnits]
	}
	return all, errors.Join(errs...)
}

// sendFailures asks why the units have failed.
func sendFailures(conn *bus.Conn, s *frame.Sink, failed []unit) error {
	questions := make([]question, len(failed))
	for i, u := range failed {
		questions[i] = question{u.own("Result"), func(r bus.Reply) {
			result, _ := bus.Value[string](r)
			if strings.Trim(result, "abcdefghijklmnopqrstuvwxyz-") != "" || result == "" || len(result) > 40 {
				result = "other" // a kind of unit that has no result, as a target
			}
			s.Send(unitFailure, 1, u.name, result)
		}}
	}
	return ask(conn, questions)
}

// sendWatched tells how the watched units do.
func (c *units) sendWatched(ctx context.Context, conn *bus.Conn, s *frame.Sink, watched []unit) error {
	kinds, results, groups := make([]string, len(watched)), make([]string, len(watched)), make([]string, len(watched))
	var questions []question
	for i, u := range watched {
		text := func(name string, to *string) {
			questions = append(questions, question{u.own(name), func(r bus.Reply) { *to, _ = bus.Value[string](r) }})
		}
		switch u.kind() {
		case "service":
			text("Type", &kinds[i])
			text("Result", &results[i])
			text("ControlGroup", &groups[i])
			questions = append(questions, sendNumber(s, unitRestarts, u.own("NRestarts"), 1, u.name))
		case "mount", "scope", "slice", "socket", "swap":
			text("ControlGroup", &groups[i])
		}
		if u.active == "active" {
			questions = append(questions, sendNumber(s, unitStarted, u.property("ActiveEnterTimestamp"), micro, u.name))
		}
	}
	errs := []error{ask(conn, questions)}
	groupsOf := newCgroups(c.roots)
	for i, u := range watched {
		is, brick := u.state(kinds[i], results[i]), c.brick(u.name)
		for _, state := range unitStates {
			s.Send(unitState, truth(state == is), u.name, state, brick)
		}
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		errs = append(errs, groupsOf.send(s, u.name, groups[i]))
	}
	return errors.Join(errs...)
}

// state is one of unitStates. kind and result are a service's Type and Result.
func (u unit) state(kind, result string) string {
	switch {
	case u.active == "inactive" && u.load == "not-found":
		return "missing"
	case u.active == "inactive" && kind == "oneshot" && result == "success":
		return "idle"
	case u.active == "activating" && kind == "oneshot", u.active == "reloading", u.active == "refreshing":
		return "active"
	case slices.Contains(systemdStates, u.active):
		return u.active
	}
	return "other"
}

// sinceEpoch are the seconds since 1970 of a time that systemd gives in
// microseconds, where it is one.
func sinceEpoch(usec uint64, ok bool) (float64, bool) {
	return float64(usec) / micro, ok && usec > 0
}
