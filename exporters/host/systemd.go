//go:build linux

package host

import (
	"context"
	"errors"
	"strconv"

	"tocsin/internal/bus"
	"tocsin/internal/frame"
	"tocsin/internal/lazy"
)

var (
	systemdState = &frame.Family{
		Name: "node_systemd_unit_state", Labels: []string{"name", "state", "type"},
		Help: "Whether the unit is in this state.",
	}
	systemdStarted     = systemdGauge("unit_start_time_seconds", "When the unit became active, in seconds since 1970; 0 while it is not.")
	systemdTasks       = systemdGauge("unit_tasks_current", "Tasks that the service has.")
	systemdTasksMax    = systemdGauge("unit_tasks_max", "Tasks that the service may have.")
	systemdRestarts    = systemdCounter("service_restart_total", "How often systemd has restarted the service by itself.")
	systemdTriggered   = systemdGauge("timer_last_trigger_seconds", "When the timer last started its unit, in seconds since 1970; 0 if never.")
	systemdAccepted    = systemdCounter("socket_accepted_connections_total", "Connections that the socket has accepted.")
	systemdConnections = systemdGauge("socket_current_connections", "Connections that the socket has now.")
	systemdRefused     = systemdGauge("socket_refused_connections_total", "Connections that the socket has refused.")
	systemdRunning     = &frame.Family{Name: "node_systemd_system_running", Help: "Whether systemd calls the system running: all is started, nothing has failed."}
	systemdUnits       = &frame.Family{Name: "node_systemd_units", Labels: []string{"state"}, Help: "Units in each state."}
	systemdVersion     = &frame.Family{Name: "node_systemd_version", Labels: []string{"version"}, Help: "The version of systemd."}
	systemdVirtual     = &frame.Family{
		Name: "node_systemd_virtualization_info", Labels: []string{"virtualization_type"},
		Help: "What systemd finds that the machine is; always 1.",
	}
)

func systemdGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_systemd_" + name, Labels: []string{"name"}, Help: help}
}

func systemdCounter(name, help string) *frame.Family {
	f := systemdGauge(name, help)
	f.Type = frame.Counter
	return f
}

// systemdStates are the states that each unit and the summary have a series
// of; rareStates are those that units may have besides (UnitActiveState,
// src/basic/unit-def.h).
var (
	systemdStates = []string{"active", "activating", "deactivating", "inactive", "failed"}
	rareStates    = []string{"reloading", "maintenance", "refreshing"}
)

// systemd is the collector systemd: node_exporter's, name for name, of all
// units that the filter leaves. Its series are five a unit and more, so it is
// not on by default; the collector units is.
type systemd struct {
	roots *roots
	units *filter
	cfg   Systemd
}

func newSystemd(r *roots, units *filter, cfg Systemd) *systemd {
	return &systemd{roots: r, units: units, cfg: cfg}
}

// Name implements frame.Collector.
func (c *systemd) Name() string { return "systemd" }

// Families implements frame.Collector.
func (c *systemd) Families() []*frame.Family {
	return []*frame.Family{
		systemdState, systemdStarted, systemdTasks, systemdTasksMax, systemdRestarts, systemdTriggered, systemdAccepted,
		systemdConnections, systemdRefused, systemdRunning, systemdUnits, systemdVersion, systemdVirtual,
	}
}

// Collect implements frame.Collector.
func (c *systemd) Collect(ctx context.Context, s *frame.Sink) error {
	conn, err := c.roots.openBus(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	replies, err := conn.Do([]bus.Call{
		manager("ListUnits"), managerProperty("Version"), managerProperty("Virtualization"), managerProperty("SystemState"),
	})
	if err != nil {
		return err
	}
	units, err := unitsOf(replies[0])
	if len(units) == 0 && err != nil {
		return systemdError("units", err)
	}
	errs := []error{err}
	sendVersion(s, replies[1])
	sendVirtualization(s, replies[2])
	if state, ok := bus.Value[string](replies[3]); ok {
		s.Send(systemdRunning, truth(state == "running"))
	} else if !bus.Absent(replies[3].Err) {
		errs = append(errs, systemdError("SystemState", replies[3].Err))
	}
	summarise(s, units)
	var questions []question
	for _, u := range units {
		if u.load == "loaded" && c.units.watches([]byte(u.name)) {
			questions = append(questions, c.questions(s, u)...)
		}
	}
	return errors.Join(append(errs, ask(conn, questions))...)
}

var versionNumber = lazy.Regexp(`[0-9]{3,}(\.[0-9]+)?`)

// sendVersion sends the number in "252.39-1~deb12u2".
func sendVersion(s *frame.Sink, r bus.Reply) {
	text, _ := bus.Value[string](r)
	if v, err := strconv.ParseFloat(versionNumber().FindString(text), 64); err == nil {
		s.Send(systemdVersion, v, valid(text))
	}
}

func sendVirtualization(s *frame.Sink, r bus.Reply) {
	kind, ok := bus.Value[string](r)
	switch {
	case !ok:
		kind = "unknown"
	case kind == "":
		kind = "none"
	}
	s.Send(systemdVirtual, 1, valid(kind))
}

func summarise(s *frame.Sink, units []unit) {
	count := map[string]int{}
	for _, u := range units {
		count[u.active]++
	}
	for _, state := range systemdStates {
		s.Send(systemdUnits, float64(count[state]), state)
	}
	for _, state := range rareStates {
		if count[state] > 0 {
			s.Send(systemdUnits, float64(count[state]), state)
		}
	}
}

// questions sends what the list tells of the unit, and returns what is to be
// asked for the rest.
func (c *systemd) questions(s *frame.Sink, u unit) []question {
	var all []question
	number := func(f *frame.Family, name string) { all = append(all, sendNumber(s, f, u.own(name), 1, u.name)) }
	switch u.kind() {
	case "service", "mount":
		// The type is a label of the states, which must go out without it too.
		all = append(all, question{u.own("Type"), func(r bus.Reply) {
			kind, _ := bus.Value[string](r)
			sendStates(s, u, valid(kind))
		}})
		if u.kind() == "mount" {
			break
		}
		if c.cfg.Restarts {
			number(systemdRestarts, "NRestarts")
		}
		if c.cfg.Tasks {
			number(systemdTasks, "TasksCurrent")
			number(systemdTasksMax, "TasksMax")
		}
	case "timer":
		all = append(all, sendNumber(s, systemdTriggered, u.own("LastTriggerUSec"), micro, u.name))
	case "socket":
		number(systemdAccepted, "NAccepted")
		number(systemdConnections, "NConnections")
		number(systemdRefused, "NRefused")
	}
	if u.kind() != "service" && u.kind() != "mount" {
		sendStates(s, u, "")
	}
	if c.cfg.StartTimes {
		if u.active == "active" {
			all = append(all, sendNumber(s, systemdStarted, u.property("ActiveEnterTimestamp"), micro, u.name))
		} else {
			s.Send(systemdStarted, 0, u.name)
		}
	}
	return all
}

func sendStates(s *frame.Sink, u unit, kind string) {
	for _, state := range systemdStates {
		s.Send(systemdState, truth(u.active == state), u.name, state, kind)
	}
}

// sendNumber asks for a number and sends it, in units of scale, unless it is
// not set.
func sendNumber(s *frame.Sink, f *frame.Family, call bus.Call, scale float64, labels ...string) question {
	return question{call, func(r bus.Reply) {
		if n, ok := whole(r); ok {
			s.Send(f, float64(n)/scale, labels...)
		}
	}}
}

// whole returns the number of a reply, unless it is not set.
func whole(r bus.Reply) (uint64, bool) {
	if n, ok := bus.Value[uint32](r); ok {
		return uint64(n), true
	}
	n, ok := bus.Value[uint64](r)
	return n, ok && n != unset
}
