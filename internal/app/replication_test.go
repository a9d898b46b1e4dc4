package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/alerts/mattermost/mattermosttest"
	"tocsin/internal/testenv"
)

// promised is how soon a standby that is cut off must be told.
const promised = 2 * time.Minute

// pair is a primary and its standby, watched by a hub with its defaults.
type pair struct {
	t       *testing.T
	a, b    *testenv.Cluster
	between *testenv.Relay // from b to a
	chat    channel
	hub     *instance
	began   time.Time
}

func newPair(t *testing.T, args ...string) *pair {
	t.Helper()
	a := testenv.Postgres(t, append([]string{"-c", "wal_log_hints=on", "-c", "wal_keep_size=1GB"}, args...)...) // for pg_rewind
	p := &pair{t: t, a: a, between: testenv.NewRelay(t, "unix", a.Socket()), chat: channel{mattermosttest.New(t)}}
	p.b = a.Standby(t, "b", p.between)
	p.hub = newInstance(t, "hub", fmt.Sprintf(`site: drama
host: {collectors: {only: [filesystem]}, mount_points: {include: '^/$'}}
postgres:
  - {name: a, dsn: "%s", standbys: [b]}
  - {name: b, dsn: "%s"}
alerts:
  rules: {HostRebooted: {off: true}, HostDiskFull: {off: true}, PostgresSettingUnsafe: {off: true}} # fsync is off in tests
  mattermost: {url: "%s", token: %s, channel: %s/%s}
`, a.DSN("admin", "postgres"), p.b.DSN("admin", "postgres"), p.chat.URL, p.chat.Token, p.chat.Team, p.chat.Channel))
	p.hub.start()
	p.begin("the hub starts")
	p.until(time.Minute, "both are measured", func() bool {
		return p.value(`tocsin_postgres_standby_connected{instance=~".*:a"}`) == "1" && p.value(`tocsin_postgres_wal_receiver_running{instance=~".*:b"}`) == "1"
	})
	return p
}

// begin says what happens now; what follows is timed from here.
func (p *pair) begin(what string) {
	p.began = time.Now()
	p.t.Logf("%s  %s", p.began.Format(time.TimeOnly), what)
}

func (p *pair) until(within time.Duration, what string, ok func() bool) {
	p.t.Helper()
	eventually(p.t, within-time.Since(p.began), what, p.known, ok)
	p.t.Logf("%s  +%3.0f s  %s", time.Now().Format(time.TimeOnly), time.Since(p.began).Seconds(), what)
}

func (p *pair) known() string { return p.chat.known() + p.hub.get("/api/v1/alerts") }

// red waits for a post of a trouble, green for that post to turn.
func (p *pair) red(within time.Duration, parts ...string) (id string) {
	p.t.Helper()
	p.until(within, "red:   "+strings.Join(parts, " ... "), func() bool {
		post, ok := p.chat.post(parts...)
		id = post.ID
		return ok && post.Color() != green
	})
	return id
}

func (p *pair) green(within time.Duration, what, id string) {
	p.t.Helper()
	p.until(within, "green: "+what, func() bool {
		for _, post := range p.chat.Posts() {
			if post.ID == id {
				return post.Color() == green
			}
		}
		return false
	})
}

// value is what the hub measures now; "" is nothing.
func (p *pair) value(query string) string { return newest(p.hub, query) }

// The drama: a standby is cut off as by a firewall, which is told within two
// minutes from either side although its own lag reads 0; the way is mended; it
// is promoted while the primary lives, so that there are two; the old one is
// rewound and follows.
func TestReplicationDrama(t *testing.T) {
	if testing.Short() {
		testenv.Skip(t, "a drama of some minutes: run without -short")
	}
	t.Parallel() // it waits most of the time
	p := newPair(t)
	if n := len(p.chat.Posts()); n != 0 {
		t.Fatalf("%d posts though all is well:\n%s", n, p.chat.known())
	}

	p.between.Cut()
	p.begin("packets between a and b are dropped")
	p.a.Exec(t, "postgres", "CREATE TABLE written (while_cut_off int)")
	off := p.red(promised, ":b is cut off")
	lost := p.red(promised, ":a has lost its standby b")
	if lag := p.value(`pg_replication_lag_seconds{instance=~".*:b"}`); lag != "0" {
		t.Errorf("the lag by its drop-in name is %s; the point was that it reads 0", lag)
	}

	p.between.Heal()
	p.begin("packets pass again")
	p.green(promised, "b is not cut off", off)
	p.green(promised, "a has its standby", lost)

	p.b.Promote(t)
	p.begin("b is promoted, and a lives")
	p.red(time.Minute, ":b was promoted: it is a primary now, on timeline 2")
	two := p.red(promised, "2 primaries of the same database")

	p.a.Stop()
	p.begin("a is stopped, rewound and follows b")
	p.a.Rewind(t, p.b)
	p.a.Follow(t, "a", testenv.NewRelay(t, "unix", p.b.Socket()))
	p.green(promised, "there is one primary", two)
	p.until(promised, "a streams from b, on timeline 2", func() bool {
		return p.value(`tocsin_postgres_wal_receiver_running{instance=~".*:a"}`) == "1" && p.value(`tocsin_postgres_timeline{instance=~".*:a"}`) == "2"
	})
	p.until(promised, "all is green but what tells of the change of roles", func() bool {
		for _, post := range p.chat.Posts() {
			if post.Color() != green && !contains(post.Text(), "promoted") && !contains(post.Text(), "is a standby now") {
				return false
			}
		}
		return true
	})
	t.Log("\n" + p.chat.known())
}

// A primary that never gives a connection up (wal_sender_timeout = 0) believes
// in its standby for ever: only the answers that do not come tell.
func TestReplicationDrama_aPrimaryThatBelieves(t *testing.T) {
	if testing.Short() {
		testenv.Skip(t, "a drama of some minutes: run without -short")
	}
	t.Parallel()
	p := newPair(t, "-c", "wal_sender_timeout=0")
	p.between.Cut()
	p.begin("packets between a and b are dropped; a does not notice")
	silent := p.red(promised, "standby b of ", ":a has not answered")
	off := p.red(promised, ":b is cut off")
	if there := p.value(`tocsin_postgres_standby_connected{instance=~".*:a"}`); there != "1" {
		t.Errorf("connected is %s; the point was that the primary says 1", there)
	}

	p.between.Heal()
	p.begin("packets pass again")
	p.green(promised, "b answers", silent)
	p.green(promised, "b is not cut off", off)
}
