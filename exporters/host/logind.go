//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"tocsin/internal/bus"
	"tocsin/internal/frame"
)

var logindSessions = &frame.Family{
	Name: "node_logind_sessions", Labels: []string{"seat", "remote", "type", "class"},
	Help: "Sessions that logind knows.",
}

// The values of the labels, those of systemd 229; what has come since is other.
var (
	sessionTypes   = []string{"other", "unspecified", "tty", "x11", "wayland", "mir", "web"}
	sessionClasses = []string{"other", "user", "greeter", "lock-screen", "background"}
)

// Of org.freedesktop.login1(5), and what is listed of it at most.
const (
	logindService = "org.freedesktop.login1"
	logindPath    = "/org/freedesktop/login1"
	maxSeats      = 64
	maxSessions   = 4096
)

// logind is the collector logind. A logind that does not run is not started
// for the question.
type logind struct{ roots *roots }

func newLogind(r *roots) *logind { return &logind{roots: r} }

// Name implements frame.Collector.
func (c *logind) Name() string { return "logind" }

// Families implements frame.Collector.
func (c *logind) Families() []*frame.Family { return []*frame.Family{logindSessions} }

// A session is what is counted.
type session struct{ seat, remote, kind, class string }

// Collect implements frame.Collector.
func (c *logind) Collect(ctx context.Context, s *frame.Sink) error {
	conn, err := c.roots.openBus(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	list := func(method string) bus.Call {
		return bus.Call{Service: logindService, Path: logindPath, Interface: logindService + ".Manager", Method: method}
	}
	replies, err := conn.Do([]bus.Call{list("ListSeats"), list("ListSessions")})
	if err != nil {
		return err
	}
	for _, r := range replies {
		if r.Err != nil {
			return systemdError("logind", r.Err)
		}
	}
	seats, err := seatsOf(replies[0])
	counts, err2 := sessionsOf(conn, replies[1])
	for _, seat := range seats {
		for _, remote := range []string{"true", "false"} {
			for _, kind := range sessionTypes {
				for _, class := range sessionClasses {
					s.Send(logindSessions, counts[session{seat, remote, kind, class}], seat, remote, kind, class)
				}
			}
		}
	}
	return errors.Join(err, err2)
}

// seatsOf reads a(so), and adds the empty seat of sessions that come from
// afar.
func seatsOf(r bus.Reply) ([]string, error) {
	rows, _ := bus.Value[[]any](r)
	seats := []string{""}
	for _, row := range rows {
		columns, _ := row.([]any)
		if len(columns) == 0 {
			continue
		}
		if name, ok := columns[0].(string); ok {
			seats = append(seats, valid(name))
		}
	}
	slices.Sort(seats)
	seats = slices.Compact(seats)
	if len(seats) > maxSeats {
		return seats[:maxSeats], fmt.Errorf("logind: %d seats; %d are listed", len(seats), maxSeats)
	}
	return seats, nil
}

// sessionsOf reads a(susso): id, user id, user, seat, object; and asks what
// kind each session is of. One that ends meanwhile is not counted.
func sessionsOf(conn *bus.Conn, r bus.Reply) (map[session]float64, error) {
	rows, _ := bus.Value[[]any](r)
	var tooMany error
	if len(rows) > maxSessions {
		tooMany = fmt.Errorf("logind: %d sessions; %d are counted", len(rows), maxSessions)
		rows = rows[:maxSessions]
	}
	all := make([]session, len(rows))
	var questions []question
	for i, row := range rows {
		columns, _ := row.([]any)
		if len(columns) != 5 {
			continue
		}
		seat, _ := columns[3].(string)
		path, _ := columns[4].(string)
		all[i].seat = valid(seat)
		property := func(name string, answer func(bus.Reply)) {
			questions = append(questions, question{bus.Property(logindService, path, logindService+".Session", name), answer})
		}
		property("Remote", func(r bus.Reply) {
			if remote, ok := bus.Value[bool](r); ok {
				all[i].remote = strconv.FormatBool(remote)
			}
		})
		property("Type", func(r bus.Reply) { all[i].kind = oneOf(sessionTypes, r) })
		property("Class", func(r bus.Reply) { all[i].class = oneOf(sessionClasses, r) })
	}
	err := ask(conn, questions)
	counts := map[session]float64{}
	for _, one := range all {
		counts[one]++
	}
	return counts, errors.Join(tooMany, err)
}

// oneOf returns the text of a reply, or other for one that is not listed.
func oneOf(known []string, r bus.Reply) string {
	text, ok := bus.Value[string](r)
	if ok && !slices.Contains(known, text) {
		return "other"
	}
	return text
}
