//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"tocsin/internal/bus"
	"tocsin/internal/frame"
)

// systemd's names on the bus, of org.freedesktop.systemd1(5).
const (
	systemdService = "org.freedesktop.systemd1"
	systemdPath    = "/org/freedesktop/systemd1"
	managerIface   = "org.freedesktop.systemd1.Manager"
	unitIface      = "org.freedesktop.systemd1.Unit"
)

// unset is what systemd writes where a number is not known or not limited.
const unset = 1<<64 - 1

// openBus connects to the machine's bus; Close must follow. A machine that has
// neither bus nor systemd is frame.ErrNoData.
func (r *roots) openBus(ctx context.Context) (*bus.Conn, error) {
	conn, err := bus.Dial(ctx, r.bus)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// This folder is there where systemd is process 1: sd_booted(3).
		if _, err := os.Stat(filepath.Join(r.root, "run/systemd/system")); err != nil {
			return nil, frame.ErrNoData
		}
		return nil, frame.Fail(frame.ReasonUnreachable,
			fmt.Errorf("systemd runs here, but not the bus by which it is asked (%s): install or start dbus", r.bus))
	case errors.Is(err, bus.ErrRefused):
		return nil, frame.Fail(frame.ReasonRefused, err)
	}
	return conn, err
}

// manager is a call of systemd's manager.
func manager(method string, args ...any) bus.Call {
	return bus.Call{Service: systemdService, Path: systemdPath, Interface: managerIface, Method: method, Args: args}
}

func managerProperty(name string) bus.Call {
	return bus.Property(systemdService, systemdPath, managerIface, name)
}

// A unit is one row of systemd's lists of units.
type unit struct {
	name, load, active, sub string
	path                    string
}

// kind is the ending of the unit's name: service, timer, ...
func (u unit) kind() string { return u.name[strings.LastIndexByte(u.name, '.')+1:] }

// property is the call that reads a property that all units have.
func (u unit) property(name string) bus.Call {
	return bus.Property(systemdService, u.path, unitIface, name)
}

// own is the call that reads a property of units of this kind.
func (u unit) own(name string) bus.Call {
	return bus.Property(systemdService, u.path, kindIfaces[u.kind()], name)
}

// kindIfaces are the interfaces of the kinds of units.
var kindIfaces = map[string]string{
	"automount": "org.freedesktop.systemd1.Automount",
	"device":    "org.freedesktop.systemd1.Device",
	"mount":     "org.freedesktop.systemd1.Mount",
	"path":      "org.freedesktop.systemd1.Path",
	"scope":     "org.freedesktop.systemd1.Scope",
	"service":   "org.freedesktop.systemd1.Service",
	"slice":     "org.freedesktop.systemd1.Slice",
	"socket":    "org.freedesktop.systemd1.Socket",
	"swap":      "org.freedesktop.systemd1.Swap",
	"target":    "org.freedesktop.systemd1.Target",
	"timer":     "org.freedesktop.systemd1.Timer",
}

// maxUnitName is the length of the longest name that systemd gives a unit
// (UNIT_NAME_MAX, src/basic/unit-name.h).
const maxUnitName = 255

// unitsOf reads a reply that lists units, a(ssssssouso). A row that cannot be
// systemd's is left out, with an error for all of them.
func unitsOf(r bus.Reply) ([]unit, error) {
	if r.Err != nil {
		return nil, r.Err
	}
	rows, _ := bus.Value[[]any](r)
	units := make([]unit, 0, len(rows))
	bad := 0
	for _, row := range rows {
		if u, ok := unitOf(row); ok {
			units = append(units, u)
		} else {
			bad++
		}
	}
	if bad > 0 {
		return units, fmt.Errorf("%d of %d units have names that systemd does not give: they were left out", bad, len(rows))
	}
	return units, nil
}

func unitOf(row any) (unit, bool) {
	columns, _ := row.([]any)
	if len(columns) != 10 {
		return unit{}, false
	}
	var text [7]string // name, description, load, active, sub, following, path
	for i := range text {
		s, ok := columns[i].(string)
		if !ok || !utf8.ValidString(s) && i != 1 {
			return unit{}, false
		}
		text[i] = s
	}
	u := unit{name: text[0], load: text[2], active: text[3], sub: text[4], path: text[6]}
	return u, len(u.name) <= maxUnitName && kindIfaces[u.kind()] != ""
}

// A question is a call, and what is done with its answer.
type question struct {
	call   bus.Call
	answer func(bus.Reply)
}

// ask asks all questions, and hands on all answers. What does not exist, in an
// older systemd or because a unit has just gone, is no error here.
func ask(conn *bus.Conn, questions []question) error {
	calls := make([]bus.Call, len(questions))
	for i, q := range questions {
		calls[i] = q.call
	}
	replies, err := conn.Do(calls)
	if err != nil {
		return err
	}
	refused := 0
	for i, r := range replies {
		questions[i].answer(r)
		if r.Err != nil && !bus.Absent(r.Err) {
			refused++
			err = r.Err // one stands for all
		}
	}
	if refused > 1 {
		return fmt.Errorf("%d of %d questions: %w", refused, len(questions), err)
	}
	return err
}

// systemdError is the error of a call of systemd's manager. A bus without
// systemd on it is frame.ErrNoData.
func systemdError(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case bus.AbsentService(err):
		return frame.ErrNoData
	}
	return fmt.Errorf("%s: %w", what, err)
}
