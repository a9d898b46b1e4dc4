package postgres

import (
	"maps"
	"slices"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/lazy"
)

const (
	// settled is for how long a standby must have streamed to be expected
	// later: what comes for a base backup is gone sooner, or is known by name.
	settled = time.Minute
	// remembered is for how long one that is gone is expected, where the site
	// does not say what it expects.
	remembered = 7 * 24 * time.Hour
)

// roster knows which standbys a primary should have, and when each was last
// heard. It is used by one collector, which is never run twice at a time.
type roster struct {
	expected Standbys
	seen     map[string]*sighting
}

// sighting is what is known of a standby that was there.
type sighting struct {
	first, last time.Time // streaming
	reply       string    // what it said last, and since when
	replySince  time.Time
}

func newRoster(expected Standbys) *roster {
	return &roster{expected: expected, seen: map[string]*sighting{}}
}

// visitor finds what streams for a while and is no standby: a base backup's
// second connection, the first copy of a logical subscription's table.
var visitor = lazy.Regexp(`^(pg_basebackup|pg_\d+_sync_\d+_\d+)$`)

// name is what a standby is called: as the site calls it, else by its
// application_name, unless that is the one that all have.
func (r *roster) name(sender row) string {
	application, slot, address := sender.text("application_name"), sender.text("slot_name"), sender.text("address")
	for _, alias := range []string{application, slot, address} {
		if alias != "" && slices.Contains(r.expected.Names, alias) {
			return alias
		}
	}
	if application == "walreceiver" {
		application = ""
	}
	for _, name := range []string{application, slot, address} {
		if name != "" {
			return name
		}
	}
	return "walreceiver"
}

// note takes down who is there now, by name.
func (r *roster) note(senders map[string][]row, now time.Time) {
	for name, all := range senders {
		if !slices.ContainsFunc(all, func(s row) bool { return s.text("state") == "streaming" }) {
			continue
		}
		s := r.seen[name]
		if s == nil {
			s = &sighting{first: now, replySince: now}
			r.seen[name] = s
		}
		s.last = now
		if reply := all[0].text("reply"); reply != s.reply {
			s.reply, s.replySince = reply, now
		}
	}
	for name, s := range r.seen {
		_, here := senders[name]
		if !here && (s.last.Sub(s.first) < settled || now.Sub(s.last) > remembered) {
			delete(r.seen, name)
		}
	}
}

// wanted are the names of those that should be there.
func (r *roster) wanted() []string {
	if r.expected.Given {
		return r.expected.Names
	}
	return slices.Sorted(maps.Keys(r.seen))
}

// reply is for how long a standby has said nothing: since Tocsin has seen its
// last answer change. Two clocks that disagree do not matter.
func (r *roster) reply(name string, now time.Time) (age time.Duration, known bool) {
	s := r.seen[name]
	if s == nil || s.reply == "" {
		return 0, false
	}
	return now.Sub(s.replySince), true
}

// connected tells for each name that is wanted or there whether it is there.
func (r *roster) connected(senders map[string][]row) map[string]bool {
	out := map[string]bool{}
	for _, name := range r.wanted() {
		out[name] = false
	}
	for name := range senders {
		out[name] = true
	}
	return out
}

// forget is for a server that is no primary any more.
func (r *roster) forget() { r.seen = map[string]*sighting{} }

// byName sorts senders that are standbys by what each is called.
func (r *roster) byName(senders []row) map[string][]row {
	out := map[string][]row{}
	for _, s := range senders {
		if s.text("state") != "backup" && !visitor().MatchString(s.text("application_name")) {
			out[r.name(s)] = append(out[r.name(s)], s)
		}
	}
	return out
}

var standbyFamilies = []*frame.Family{
	standbyConnected, standbyInfo, standbyBehind, standbyLag, standbyReplyAge, standbysConnected, standbysExpected, syncMissing,
}

var (
	standbyConnected = &frame.Family{
		Name: "tocsin_postgres_standby_connected", Type: frame.Gauge, Labels: []string{"standby"},
		Help: "Whether a standby is connected: 0 for one that the site expects, or that was there within a week, and is not.",
	}
	standbyInfo = &frame.Family{
		Name: "tocsin_postgres_standby_info", Type: frame.Gauge, Labels: []string{"standby", "state", "sync_state"},
		Help: "1 for how a connected standby stands: startup, catchup, streaming or stopping; async, potential, sync or quorum.",
	}
	standbyBehind = &frame.Family{
		Name: "tocsin_postgres_standby_behind_bytes", Type: frame.Gauge, Labels: []string{"standby", "stage"},
		Help: "How many bytes of this server's WAL a standby does not have yet, by stage: sent, written, flushed, replayed.",
	}
	standbyLag = &frame.Family{
		Name: "tocsin_postgres_standby_lag_seconds", Type: frame.Gauge, Labels: []string{"standby", "stage"},
		Help: "How long recent WAL took to be written, flushed or replayed there, by this server's clock. Not there when nothing is written; from 10 on.",
	}
	standbyReplyAge = &frame.Family{
		Name: "tocsin_postgres_standby_reply_age_seconds", Type: frame.Gauge, Labels: []string{"standby"},
		Help: "For how long a connected standby has not answered, as Tocsin has seen it: at most 10 by PostgreSQL's defaults; from 12 on.",
	}
	standbysConnected = &frame.Family{
		Name: "tocsin_postgres_standbys_connected", Type: frame.Gauge,
		Help: "How many standbys are connected.",
	}
	standbysExpected = &frame.Family{
		Name: "tocsin_postgres_standbys_expected", Type: frame.Gauge,
		Help: "How many standbys the site wants, where it says a number.",
	}
	syncMissing = &frame.Family{
		Name: "tocsin_postgres_synchronous_standby_missing", Type: frame.Gauge,
		Help: "Whether commits wait for a synchronous standby (synchronous_standby_names) and there is none.",
	}
)

// send tells how the standbys stand, as this server sees them.
func (r *roster) send(senders []row, primary, synchronous bool, now time.Time, out *frame.Sink) {
	known := r.byName(senders)
	if primary {
		r.note(known, now)
		for name, there := range r.connected(known) {
			out.Send(standbyConnected, truth(there), name)
		}
		if r.expected.Given && r.expected.Names == nil {
			out.Send(standbysExpected, float64(r.expected.Count))
		}
		out.Send(syncMissing, truth(synchronous && !slices.ContainsFunc(senders, func(s row) bool {
			return s.text("sync_state") == "sync" || s.text("sync_state") == "quorum"
		})))
	} else {
		r.forget()
		for name := range known {
			out.Send(standbyConnected, 1, name)
		}
	}
	out.Send(standbysConnected, float64(len(known)))
	for name, all := range known {
		if age, ok := r.reply(name, now); ok {
			out.Send(standbyReplyAge, age.Seconds(), name)
		}
		// Several under one name are told by the first: most often one of them
		// is what the server has not noticed to be gone.
		first := all[0]
		out.Send(standbyInfo, 1, name, first.text("state"), first.text("sync_state"))
		for _, stage := range []string{"sent", "written", "flushed", "replayed"} {
			first.sendTo(out, standbyBehind, stage, name, stage)
			first.sendTo(out, standbyLag, stage+"_lag", name, stage)
		}
	}
}

// truth is how a page writes it.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
