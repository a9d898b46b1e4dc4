package mattermost

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"tocsin/alerts"
	"tocsin/alerts/mattermost/mattermosttest"
	"tocsin/internal/secret"
	"tocsin/internal/testenv"
)

// A site is a Mattermost server to test against: the fake, or a real one.
type site struct {
	url, token, team, channel, hook string
}

// sites runs a test against the fake, and against a real server where the
// environment names one.
func sites(t *testing.T, test func(*testing.T, site)) {
	t.Run("fake", func(t *testing.T) {
		s := mattermosttest.New(t)
		test(t, site{s.URL, s.Token, s.Team, s.Channel, s.HookURL})
	})
	t.Run("real", func(t *testing.T) {
		const env = "TOCSIN_E2E_MATTERMOST_"
		if os.Getenv(env+"URL") == "" {
			testenv.Skip(t, env+"URL is not set: no real Mattermost server to test against")
		}
		test(t, site{
			os.Getenv(env + "URL"), os.Getenv(env + "BOT_TOKEN"),
			os.Getenv(env + "TEAM"), os.Getenv(env + "CHANNEL"), os.Getenv(env + "HOOK"),
		})
	})
}

func (s site) config() Config {
	c := Config{URL: s.url, Token: secret.New(s.token), Channel: s.team + "/" + s.channel}
	c.SetDefaults()
	return c
}

// thread is a post of ours with its replies.
type thread struct {
	root    *model.Post
	replies []*model.Post
}

// read returns the group's posts as the server shows them, the oldest first.
func (s site) read(t *testing.T, group string) []thread {
	t.Helper()
	c := model.NewAPIv4Client(s.url)
	c.SetToken(s.token)
	ctx := context.Background() // it is called when the test has ended, too
	channel, _, err := c.GetChannelByNameForTeamName(ctx, s.channel, s.team, "")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := c.GetPostsForChannel(ctx, channel.Id, 0, 100, "", false, false)
	if err != nil {
		t.Fatal(err)
	}
	var all []*model.Post
	for _, id := range list.Order {
		if list.Posts[id].GetProp(propGroup) == groupMark(group) {
			all = append(all, list.Posts[id])
		}
	}
	slices.Reverse(all)
	var threads []thread
	for _, p := range all {
		if p.RootId == "" {
			threads = append(threads, thread{root: p})
		}
	}
	for i := range threads {
		for _, p := range all {
			if p.RootId == threads[i].root.Id {
				threads[i].replies = append(threads[i].replies, p)
			}
		}
	}
	return threads
}

// group returns a name that no other run has, whose posts are deleted when the
// test ends.
func (s site) group(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("%s/%d", t.Name(), time.Now().UnixNano())
	t.Cleanup(func() {
		c := model.NewAPIv4Client(s.url)
		c.SetToken(s.token)
		for _, p := range s.read(t, name) {
			// A webhook's post is not the bot's to delete.
			_, _ = c.DeletePost(context.Background(), p.root.Id)
		}
	})
	return name
}

// noon is when the stories of these tests begin.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// disk is an alert about a file system.
func disk(mount string, fired time.Time) alerts.Alert {
	return alerts.Alert{
		Labels: map[string]string{
			"alertname": "HostDiskFull", "severity": "critical", "host": "db1", "mountpoint": mount,
		},
		Annotations: map[string]string{
			"summary":        "db1: disk full on " + mount + " (96 %)",
			"summary_fr":     "db1 : disque plein sur " + mount + " (96 %)",
			"description":    "Writes will soon fail. Look at what grew: du -xh " + mount + ".",
			"description_fr": "Les écritures vont échouer. Voir ce qui a grossi : du -xh " + mount + ".",
		},
		StartsAt: fired,
	}
}

func ended(a alerts.Alert, at time.Time) alerts.Alert {
	a.EndsAt = at
	return a
}

func notification(group string, why alerts.Reason, at time.Time, all ...alerts.Alert) alerts.Notification {
	return alerts.Notification{
		Group: group, Labels: map[string]string{"alertname": "HostDiskFull", "host": "db1"},
		Reason: why, At: at, Alerts: all,
	}
}

func mustSay(t *testing.T, v *Voice, n alerts.Notification) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if retry, err := v.Say(ctx, n); err != nil {
		t.Fatalf("Say: %v (retry %t)", err, retry)
	}
}

func mustNew(t *testing.T, c Config, o Options) *Voice {
	t.Helper()
	if o.StateFile == "" {
		o.StateFile = filepath.Join(t.TempDir(), "mattermost.json")
	}
	v, err := New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// wantPost checks a thread: its colour, its title, and how its replies begin.
func wantPost(t *testing.T, got thread, color, title string, replies ...string) {
	t.Helper()
	a := got.root.Attachments()
	if len(a) != 1 {
		t.Fatalf("the post has %d attachments, want 1", len(a))
	}
	if a[0].Color != color || a[0].Title != title {
		t.Errorf("the post is %s %q, want %s %q", a[0].Color, a[0].Title, color, title)
	}
	if len(got.replies) != len(replies) {
		t.Errorf("%d replies, want %d", len(got.replies), len(replies))
	}
	for i := range min(len(replies), len(got.replies)) {
		if m := got.replies[i].Message; !strings.HasPrefix(m, replies[i]) {
			t.Errorf("reply %d is %q, want %q", i, m, replies[i])
		}
	}
}

func TestBot_tellsAGroupInOnePost(t *testing.T) {
	sites(t, func(t *testing.T, s site) {
		v, g := mustNew(t, s.config(), Options{}), s.group(t)
		at := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
		srv, home := disk("/srv", at(0)), disk("/home", at(5))
		const one = "🔴 db1: disk full on /srv (96 %)"

		mustSay(t, v, notification(g, alerts.First, at(1), srv))
		posts := s.read(t, g)
		if len(posts) != 1 {
			t.Fatalf("%d posts after the first notification", len(posts))
		}
		wantPost(t, posts[0], "danger", one)

		mustSay(t, v, notification(g, alerts.NewAlerts, at(6), srv, home))
		wantPost(t, s.read(t, g)[0], "danger", one+" — and 1 more",
			"🔴 New alert: db1: disk full on /home (96 %)")

		mustSay(t, v, notification(g, alerts.SomeSettled, at(8), srv, ended(home, at(7))))
		wantPost(t, s.read(t, g)[0], "danger", one, "🔴 New alert")

		mustSay(t, v, notification(g, alerts.Reminder, at(20), srv))
		wantPost(t, s.read(t, g)[0], "danger", one, "🔴 New alert",
			"🔴 Still firing after 20 min: db1: disk full on /srv (96 %)")

		mustSay(t, v, notification(g, alerts.AllSettled, at(31), ended(srv, at(30))))
		wantPost(t, s.read(t, g)[0], "good", "🟢 Resolved: db1: disk full on /srv (96 %)", "🔴 New alert", "🔴 Still",
			"🟢 Resolved after 30 min: db1: disk full on /srv (96 %)")

		mustSay(t, v, notification(g, alerts.First, at(35), disk("/srv", at(34))))
		wantPost(t, s.read(t, g)[0], "danger", one, "🔴 New alert", "🔴 Still", "🟢 Resolved",
			"🔴 Fires again (2 times): db1: disk full on /srv (96 %)")

		mustSay(t, v, notification(g, alerts.AllSettled, at(40), ended(disk("/srv", at(34)), at(39))))
		mustSay(t, v, notification(g, alerts.First, at(60), disk("/srv", at(59))))
		posts = s.read(t, g)
		if len(posts) != 2 {
			t.Fatalf("%d posts after it fired again much later, want 2", len(posts))
		}
		wantPost(t, posts[0], "good", "🟢 Resolved: db1: disk full on /srv (96 %)", "🔴 New alert", "🔴 Still",
			"🟢 Resolved", "🔴 Fires again", "🟢 Resolved after 5 min")
		wantPost(t, posts[1], "danger", one)
	})
}

func TestHook_tellsEachChangeInAPost(t *testing.T) {
	sites(t, func(t *testing.T, s site) {
		if s.hook == "" {
			testenv.Skip(t, "TOCSIN_E2E_MATTERMOST_HOOK is not set: no real webhook to test against")
		}
		c := Config{WebhookURL: secret.New(s.hook)}
		v, g := mustNew(t, c, Options{}), s.group(t)
		srv := disk("/srv", noon)
		first := notification(g, alerts.First, noon.Add(time.Minute), srv)
		mustSay(t, v, first)
		mustSay(t, v, first) // repeated by a caller that does not know
		mustSay(t, v, notification(g, alerts.AllSettled, noon.Add(2*time.Minute), ended(srv, noon.Add(2*time.Minute))))
		posts := s.read(t, g)
		if len(posts) != 2 {
			t.Fatalf("%d posts, want 2", len(posts))
		}
		wantPost(t, posts[0], "danger", "🔴 db1: disk full on /srv (96 %)")
		wantPost(t, posts[1], "good", "🟢 Resolved: db1: disk full on /srv (96 %)")
	})
}
