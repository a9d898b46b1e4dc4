//go:build linux

package host

import (
	"errors"
	"math"
	"time"

	"tocsin/internal/bus"
	"tocsin/internal/frame"
)

var (
	timerLast = &frame.Family{
		Name: "tocsin_host_timer_last_trigger_timestamp_seconds", Labels: []string{"unit"},
		Help: "When the timer last started its unit, in seconds since 1970.",
	}
	timerNext = &frame.Family{
		Name: "tocsin_host_timer_next_trigger_timestamp_seconds", Labels: []string{"unit"},
		Help: "When the timer is to start its unit next, in seconds since 1970; absent while a run goes on.",
	}
	timerRun = &frame.Family{
		Name: "tocsin_host_timer_run_start_timestamp_seconds", Labels: []string{"unit"},
		Help: "When the run began that still goes on, in seconds since 1970. A service that is meant to stay up is no run.",
	}
	timerSuccess = &frame.Family{
		Name: "tocsin_host_timer_last_run_success", Labels: []string{"unit", "triggers"},
		Help: "Whether the last run of what the timer starts went well; absent while it runs.",
	}
	timerFamilies = []*frame.Family{timerLast, timerNext, timerRun, timerSuccess}
)

// A timer is what is known of one: its own properties and those of the unit
// that it starts. Times are microseconds.
type timer struct {
	unit
	starts           string
	last             uint64
	nextReal         uint64
	nextMono         uint64
	startsKind       string
	startsActive     string
	startsResult     string
	lastOK, startsOK bool
	realOK, monoOK   bool
}

// sendTimers tells when timers ran and will run, and how the last run ended.
func (c *units) sendTimers(conn *bus.Conn, s *frame.Sink, list []unit) error {
	timers := make([]timer, len(list))
	var questions []question
	for i, u := range list {
		t := &timers[i]
		t.unit = u
		questions = append(questions,
			question{u.own("Unit"), func(r bus.Reply) { t.starts, _ = bus.Value[string](r) }},
			question{u.own("LastTriggerUSec"), func(r bus.Reply) { t.last, t.lastOK = whole(r) }},
			question{u.own("NextElapseUSecRealtime"), func(r bus.Reply) { t.nextReal, t.realOK = whole(r) }},
			question{u.own("NextElapseUSecMonotonic"), func(r bus.Reply) { t.nextMono, t.monoOK = whole(r) }},
		)
	}
	err := ask(conn, questions)
	questions = questions[:0]
	for i := range timers {
		t := &timers[i]
		if len(t.starts) > maxUnitName {
			continue
		}
		started := unit{name: t.starts, path: unitPath(t.starts)}
		if started.kind() != "service" {
			continue
		}
		questions = append(questions,
			question{started.own("Type"), func(r bus.Reply) { t.startsKind, _ = bus.Value[string](r) }},
			question{started.own("Result"), func(r bus.Reply) { t.startsResult, t.startsOK = bus.Value[string](r) }},
			question{started.property("ActiveState"), func(r bus.Reply) { t.startsActive, _ = bus.Value[string](r) }},
		)
	}
	err = errors.Join(err, ask(conn, questions))
	booted := c.now().Add(-c.uptime())
	for i := range timers {
		timers[i].send(s, booted)
	}
	return err
}

func (t *timer) send(s *frame.Sink, booted time.Time) {
	last, ran := sinceEpoch(t.last, t.lastOK)
	if ran {
		s.Send(timerLast, last, t.name)
	}
	if next, ok := t.next(booted); ok && t.sub == "waiting" {
		s.Send(timerNext, next, t.name)
	}
	if ran && t.sub == "running" && t.startsKind == "oneshot" {
		s.Send(timerRun, last, t.name)
	}
	if ran && t.startsOK && t.startsActive != "activating" && t.startsActive != "deactivating" {
		s.Send(timerSuccess, truth(t.startsResult == "success"), t.name, valid(t.starts))
	}
}

// next is when the timer rings, by the first of its two clocks.
func (t *timer) next(booted time.Time) (float64, bool) {
	first, ok := sinceEpoch(t.nextReal, t.realOK)
	if since, set := sinceEpoch(t.nextMono, t.monoOK); set {
		// When the machine was booted is found anew each time: whole seconds stand still.
		at := math.Round(float64(booted.UnixNano())/nano + since)
		if !ok || at < first {
			first, ok = at, true
		}
	}
	return first, ok
}

// unitPath is the object that stands for a unit: systemd escapes all but
// letters and digits, and a digit that is first (src/shared/bus-util.c,
// bus_label_escape).
func unitPath(name string) string {
	path := []byte(systemdPath + "/unit/")
	if name == "" {
		path = append(path, '_')
	}
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9' {
			path = append(path, c)
		} else {
			const hex = "0123456789abcdef"
			path = append(path, '_', hex[c>>4], hex[c&15])
		}
	}
	return string(path)
}
