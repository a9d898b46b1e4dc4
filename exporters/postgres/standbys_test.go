package postgres

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/frame"
	"tocsin/internal/problem"
)

// sending is a collector that sends what it is told.
type sending struct {
	families []*frame.Family
	send     func(*frame.Sink) error
}

func (*sending) Name() string                                     { return "sending" }
func (s *sending) Families() []*frame.Family                      { return s.families }
func (s *sending) Collect(_ context.Context, k *frame.Sink) error { return s.send(k) }

// sent is what a function sends.
func sent(t *testing.T, families []*frame.Family, send func(*frame.Sink) error) asked {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Job: "postgres", Collectors: []frame.Entry{{Collector: &sending{families, send}}}}, discard())
	page := series(target.Gather(t.Context()))
	if s := target.States()[0]; s.Reason != "" {
		t.Errorf("%s: %s", s.Reason, s.Error)
	}
	return page
}

func sender(name, state, reply string) row {
	return row{"application_name": name, "state": state, "sync_state": "async", "reply": reply, "address": "10.0.0.9", "replayed": "7"}
}

var morning = time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)

// look has a roster look at a primary's senders some time after the morning.
func look(t *testing.T, r *roster, after time.Duration, primary bool, senders ...row) asked {
	t.Helper()
	return sent(t, standbyFamilies, func(s *frame.Sink) error {
		r.send(senders, primary, false, morning.Add(after), s)
		return nil
	})
}

const missing = `tocsin_postgres_standby_connected{standby="b"}`

func TestRoster_whatWasThereIsExpectedForAWeek(t *testing.T) {
	r := newRoster(Standbys{})
	b := sender("b", "streaming", "1")
	look(t, r, 0, true, b)
	look(t, r, 2*time.Minute, true, b)
	for _, after := range []time.Duration{3 * time.Minute, 6 * 24 * time.Hour} {
		if value, there := look(t, r, after, true)[missing]; !there || value != 0 {
			t.Errorf("after %s: %v, %v", after, value, there)
		}
	}
	if _, there := look(t, r, 8*24*time.Hour, true)[missing]; there {
		t.Error("it is expected after eight days")
	}
}

func TestRoster_visitorsAreNotExpected(t *testing.T) {
	r := newRoster(Standbys{})
	look(t, r, 0, true, sender("short", "streaming", "1"), sender("pg_basebackup", "streaming", "1"), sender("pg_16389_sync_16384_7", "streaming", "1"),
		sender("pg_basebackup", "backup", ""), sender("new", "startup", ""))
	if page := look(t, r, 10*time.Second, true); page.text("tocsin_postgres_standby_connected") != "" {
		t.Errorf("missed:\n%s", page.text("tocsin_postgres_standby_connected"))
	}
}

// After a failover the other side's entry in the site file is about nobody.
func TestRoster_aStandbyExpectsNobody(t *testing.T) {
	r := newRoster(Standbys{Given: true, Names: []string{"b"}})
	if page := look(t, r, 0, true); page[missing] != 0 || page.text(missing) == "" {
		t.Error("a primary does not miss what is expected")
	}
	page := look(t, r, time.Minute, false, sender("c", "streaming", "1"))
	if page.text(missing) != "" || page[`tocsin_postgres_standby_connected{standby="c"}`] != 1 {
		t.Errorf("a standby with one below it:\n%s", page.text("tocsin"))
	}
}

func TestRoster_names(t *testing.T) {
	for want, test := range map[string]struct {
		expected []string
		sender   row
	}{
		"app":      {nil, row{"application_name": "app", "slot_name": "slot", "address": "10.0.0.9"}},
		"slot":     {nil, row{"application_name": "walreceiver", "slot_name": "slot", "address": "10.0.0.9"}},
		"10.0.0.9": {nil, row{"application_name": "walreceiver", "address": "10.0.0.9"}},
		"replica1": {[]string{"replica1"}, row{"application_name": "app", "slot_name": "replica1", "address": "10.0.0.9"}},
		"10.0.0.7": {[]string{"10.0.0.7"}, row{"application_name": "app", "address": "10.0.0.7"}},
		// By the socket there is no address.
		"walreceiver": {nil, row{"application_name": "walreceiver"}},
	} {
		if have := newRoster(Standbys{Given: test.expected != nil, Names: test.expected}).name(test.sender); have != want {
			t.Errorf("%v is called %s, want %s", test.sender, have, want)
		}
	}
}

// The age of the last answer is by one clock: what the standby's says does
// not matter. A dead connection beside a new one is not looked at.
func TestRoster_replies(t *testing.T) {
	r := newRoster(Standbys{})
	const age = `tocsin_postgres_standby_reply_age_seconds{standby="b"}`
	look(t, r, 0, true, sender("b", "streaming", "99999"))
	if have := look(t, r, 50*time.Second, true, sender("b", "streaming", "99999"))[age]; have != 50 {
		t.Errorf("the age is %v, want 50", have)
	}
	page := look(t, r, 55*time.Second, true, sender("b", "streaming", "3"), sender("b", "streaming", "99999"))
	if page[age] != 0 || page[`tocsin_postgres_standbys_connected`] != 1 {
		t.Errorf("a new connection:\n%s", page.text("tocsin"))
	}
	if page := look(t, r, time.Minute, true, sender("b", "streaming", "")); page.text(age) != "" {
		t.Error("a server that tells no reply_time has an age of it")
	}
}

func TestHearing(t *testing.T) {
	h := &hearing{}
	families := receiver(nil).declared
	listen := func(r row) asked {
		t.Helper()
		return sent(t, families, func(s *frame.Sink) error { return h.send([]row{r}, s) })
	}
	const silence, patience = "tocsin_postgres_wal_receiver_silence_seconds", "tocsin_postgres_wal_receiver_patience_seconds"
	// Tocsin comes when nothing runs: it knows of no silence before.
	if page := listen(row{"running": "f", "paused": "f", "now": "1000"}); page[silence] != 0 || page[patience] != 0 {
		t.Errorf("at first:\n%s", page.text("tocsin"))
	}
	if page := listen(row{"running": "f", "paused": "f", "now": "1050"}); page[silence] != 50 || page["tocsin_postgres_wal_receiver_running"] != 0 {
		t.Errorf("later:\n%s", page.text("tocsin"))
	}
	page := listen(row{"running": "t", "status": "streaming", "paused": "f", "now": "1100", "received": "1090", "timeout": "60", "behind": "5", "delay": "3.5"})
	if page[silence] != 10 || page[patience] != 45 || page["tocsin_postgres_replay_delay_seconds"] != 3.5 {
		t.Errorf("streaming:\n%s", page.text("tocsin"))
	}
	page = listen(row{"running": "t", "status": "streaming", "paused": "f", "now": "1100", "received": "1090", "timeout": "0", "behind": "0", "delay": "4000"})
	if !math.IsInf(page[patience], 1) || page["tocsin_postgres_replay_delay_seconds"] != 0 {
		t.Errorf("without a timeout, all replayed:\n%s", page.text("tocsin"))
	}
	// The receiver has ended: what it heard last is remembered, and there is no
	// delay that would look like health.
	page = listen(row{"running": "f", "paused": "f", "now": "1200", "behind": "0", "delay": "0"})
	if page[silence] != 110 || page.text("tocsin_postgres_replay_delay") != "" {
		t.Errorf("after its end:\n%s", page.text("tocsin"))
	}
	// A standby that lives on an archive expects nobody.
	h = &hearing{}
	if page := listen(row{"running": "f", "paused": "f", "now": "1", "alone": "t"}); page.text("tocsin_postgres_wal_receiver") != "" {
		t.Errorf("alone:\n%s", page.text("tocsin"))
	}
	if err := h.send([]row{{"running": "t"}}, frame.NewSink(families)); !errors.Is(err, errHidden) {
		t.Errorf("a view that shows nothing: %v", err)
	}
}

func TestStandbys_config(t *testing.T) {
	for text, want := range map[string]struct {
		read  Standbys
		wrong string
	}{
		"2":        {Standbys{Given: true, Count: 2}, ""},
		"0":        {Standbys{Given: true}, ""},
		"[b, c]":   {Standbys{Given: true, Names: []string{"b", "c"}}, ""},
		"[]":       {Standbys{Given: true, Names: []string{}}, ""},
		"-1":       {Standbys{Given: true, Count: -1}, `standbys: "-1" is no number of standbys; write 2, or their names as [replica1, replica2]`},
		"replica1": {Standbys{Given: true}, `standbys: "replica1" is no number of standbys; write 2, or their names as [replica1, replica2]`},
		"{b: 1}":   {Standbys{Given: true}, "standbys: is neither a number nor a list; write 2, or their names as [replica1, replica2]"},
		"[b, b]":   {Standbys{Given: true, Names: []string{"b"}}, "standbys: names b twice; take one out"},
		"[[b]]":    {Standbys{Given: true, Names: []string{}}, "standbys: has an entry that is no name; write application_name, slot or address of each standby"},
	} {
		var have Standbys
		if err := yaml.Unmarshal([]byte(text), &have); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		p := problem.New()
		have.validate(p.At("standbys"))
		told := ""
		for _, found := range p.All() {
			told += found.Path + ": " + found.Text
		}
		have.wrong = ""
		if diff := cmp.Diff(want.read, have, cmp.AllowUnexported(Standbys{})); diff != "" || told != want.wrong {
			t.Errorf("%s: %q\n%s", text, told, diff)
		}
		if want.wrong != "" {
			continue
		}
		var again Standbys
		written, err := yaml.Marshal(have)
		if err == nil {
			err = yaml.Unmarshal(written, &again)
		}
		if diff := cmp.Diff(have, again, cmp.AllowUnexported(Standbys{})); err != nil || diff != "" {
			t.Errorf("%s was written as %s (%v)", text, written, err)
		}
	}
}
