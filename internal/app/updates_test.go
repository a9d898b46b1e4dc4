package app

import (
	"fmt"
	"testing"
	"time"

	"tocsin/alerts/mattermost/mattermosttest"
	"tocsin/updatewatch/forge/forgetest"

	"tocsin/internal/testenv"
)

// TestDrill_updates is the whole way of a release: a strict forge publishes
// it, it is told once in its project's post, a further one edits that post,
// over kill -9, and the post turns green when the site has caught up.
func TestDrill_updates(t *testing.T) {
	if testing.Short() {
		testenv.Skip(t, "a drill of some minutes: run without -short")
	}
	forge := forgetest.New(t)
	chat := channel{mattermosttest.New(t)}
	forge.Publish("ville/pad", forgetest.Release{Tag: "v2.5.2", At: time.Now()}, forgetest.Release{Tag: "v2.5.3", At: time.Now()})
	site := func(deployed string) string {
		return fmt.Sprintf(`host: {mount_points: {include: '^/$'}}
alerts: {mattermost: {url: "%s", token: %s, channel: %s/%s}}
updates:
  interval: 1m
  projects: [{name: pad, gitea: "%s/ville/pad", deployed: %s}]
`, chat.URL, chat.Token, chat.Team, chat.Channel, forge.URL, deployed)
	}
	hub := newInstance(t, "hub", site("2.5.3"))
	hub.start()
	summary := chat.red(t, time.Minute, "Releases of 1 projects are followed, all known ones up to date")

	forge.Publish("ville/pad", forgetest.Release{Tag: "v2.5.4", At: time.Now()})
	post := chat.red(t, 2*time.Minute, "pad: 2.5.4 is out, 2.5.3 runs here")
	hub.process.Kill()
	forge.Publish("ville/pad", forgetest.Release{Tag: "v2.5.5", Body: "Fixes CVE-2026-12345", At: time.Now()})
	hub.start()
	again := chat.red(t, 2*time.Minute, "pad: 2.5.5 is out, 2.5.3 runs here (security)", "CVE-2026-12345")
	if again.ID != post.ID {
		t.Errorf("the further release has a post of its own:\n%s", chat.known())
	}
	if page := hub.get("/metrics/updates/releases"); !contains(page, `updatewatch_security_update_waiting{deployed_from="",project="pad"} 1`, `line_newest="2.5.5"`) {
		t.Errorf("the page:\n%s", page)
	}

	hub.write(site("2.5.5"))
	if err := hub.process.Signal(hangup); err != nil {
		t.Fatal(err)
	}
	chat.green(t, time.Minute, post.ID)
	if n := len(chat.Posts()); n != 2 {
		t.Errorf("%d posts, want the summary and the project's:\n%s", n, chat.known())
	}
	if summary.ID == post.ID {
		t.Error("the summary was written over")
	}
	if unknown := chat.Unknown(); len(unknown) > 0 {
		t.Errorf("asked of Mattermost what it does not have: %v", unknown)
	}
	t.Log("\n" + chat.known())
}
