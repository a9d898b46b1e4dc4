package updatewatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/updatewatch/forge"
	"tocsin/updatewatch/forge/forgetest"
)

// One post a project, which names the deployments that are behind, each with
// the release of its own line.
func TestWatcher_severalDeploymentsShareAPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "mattermost", Line: 2, DeployedFrom: References{"brick/chat", "brick/old", "brick/silent"}})
		s.publish("mattermost", "v11.8.4", "v11.9.0")
		s.deploy("chat", "11.9.0")
		s.deploy("old", "11.8.4")
		s.start()
		s.expect(s.after(time.Hour), "Releases of 1 projects are followed, all known ones up to date")

		s.publish("mattermost", "v11.9.1")
		said := s.after(90 * time.Minute)
		s.expect(said, "mattermost: 11.9.1 is out, chat runs 11.9.0")
		if text := said[0].Texts["fr"].Description; text != "La plus récente de la branche 11.9 : 11.9.1. La plus récente de la branche 11.8 : 11.8.4. La version en place n'est pas connue pour : silent." {
			t.Errorf("%s", text)
		}
		s.publish("mattermost", "v11.8.5")
		said = s.after(90 * time.Minute)
		s.expect(said, "mattermost: 11.9.1 is out, chat runs 11.9.0; 11.8.5 is out, old runs 11.8.4")
		if a := said[0]; a.Version != "11.9.1" || a.URL != forgeURL+"/ville/mattermost/releases/tag/v11.9.1" {
			t.Errorf("%+v", a)
		}
		if d := s.w.Status()[0].Deployments[2]; d.Version != "" || d.Unknown != "the connection is refused" || d.Known() {
			t.Errorf("%+v", d)
		}
		s.deploy("chat", "11.9.1")
		s.expect(s.after(time.Minute), "mattermost: 11.8.5 is out, old runs 11.8.4")
		s.deploy("silent", "11.8.4")
		s.expect(s.after(time.Minute), "mattermost: 11.8.5 is out, old runs 11.8.4, silent runs 11.8.4")
		s.deploy("old", "11.8.5")
		s.deploy("silent", "11.8.5")
		s.expect(s.after(time.Minute), "RESOLVED mattermost: chat runs 11.9.1, old runs 11.8.5, silent runs 11.8.5, nothing newer waits")
		// What does not answer now still runs what it ran.
		s.deploy("old", "")
		s.expect(s.after(time.Hour))
		if d := s.w.Status()[0].Deployments[1]; d.Version != "11.8.5" || d.Unknown == "" || !d.Current {
			t.Errorf("%+v", d)
		}
		s.stop()
	})
}

// A post that says that an update waits stays red until none does, whatever
// became of the release that it was begun for.
func TestWatcher_aPostIsNotGreenWhileSomethingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"})
		s.publish("pad", "v1.0.0", "v1.0.1")
		s.deploy("pad", "1.0.0")
		s.start()
		s.expect(s.after(time.Hour), "Releases of 1 projects are followed, 1 with an update waiting")
		s.publish("pad", "v1.0.2")
		s.expect(s.after(90*time.Minute), "pad: 1.0.2 is out, 1.0.0 runs here")
		s.stop()
		s.cfg.Projects[0].Ignore = []string{"1.0.2"}
		s.start()
		s.expect(s.after(90*time.Minute), "pad: 1.0.1 is out, 1.0.0 runs here")
		s.deploy("pad", "1.0.1")
		s.expect(s.after(time.Minute), "RESOLVED pad: 1.0.1 runs here, nothing newer waits")
		s.stop()
	})
}

// What is taken out of the site file does not stay red for ever, nor is old
// news of it told.
func TestWatcher_aProjectThatIsFollowedNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"}, Project{Name: "wiki"}, Project{Name: "chat"})
		for _, name := range []string{"pad", "wiki", "chat"} {
			s.publish(name, "v1.0.0")
			s.deploy(name, "1.0.0")
		}
		s.start()
		s.after(time.Hour)
		s.publish("pad", "v1.0.1")
		s.expect(s.after(90*time.Minute), "pad: 1.0.1 is out, 1.0.0 runs here")
		s.fail(errors.New("the chat is down"))
		s.deploy("pad", "1.0.1") // cannot be told
		s.after(time.Minute)
		s.deploy("pad", "1.0.0")
		s.after(time.Minute)
		s.stop()
		s.fail(nil)
		s.cfg.Projects = s.cfg.Projects[1:]
		s.start()
		s.expect(s.after(time.Hour), "RESOLVED pad: its releases are followed no more")
		s.stop()
		s.start()
		s.expect(s.after(time.Hour))
		s.stop()
	})
}

// What is gone for good is asked for once a day.
func TestWatcher_whatIsGoneIsSeldomAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"})
		gone := forgetest.Fault{Status: 410}
		s.forge.Fail(gone, gone, gone, gone, gone, gone, gone, gone)
		s.start()
		s.after(3*24*time.Hour - time.Hour)
		if n := len(s.forge.Requests()); n != 3 {
			t.Errorf("asked %d times in three days", n)
		}
		s.stop()
	})
}

// A message waits until it has been asked what runs: the news may be none.
func TestWatcher_asksWhatRunsBeforeItSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"})
		s.publish("pad", "v1.0.0")
		s.deploy("pad", "1.0.0")
		s.start()
		s.after(time.Hour)
		s.stop()
		s.publish("pad", "v1.0.1")
		s.cfg.Projects[0].DeployedFrom = References{"brick/slow"}
		o := s.options()
		o.Deployed = func(context.Context, string) (string, error) {
			time.Sleep(2 * time.Hour)
			return "1.0.1", nil
		}
		w, err := New(s.cfg, o)
		if err != nil {
			t.Fatal(err)
		}
		s.run(w)
		s.expect(s.after(5 * time.Hour))
		if d := s.w.Status()[0].Deployments[0]; !d.Current {
			t.Errorf("%+v", d)
		}
		s.stop()
	})
}

// What comes up while a message is being said is said too.
func TestWatcher_newsWhileItSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "pad"})
		s.publish("pad", "v1.0.0")
		s.deploy("pad", "1.0.0")
		o := s.options()
		say := o.Say
		o.Say = func(ctx context.Context, a Announcement) error {
			if a.Version == "1.0.1" {
				s.publish("pad", "v1.0.2")
				s.w.check(ctx, s.w.all[0], s.w.all)
			}
			return say(ctx, a)
		}
		w, err := New(s.cfg, o)
		if err != nil {
			t.Fatal(err)
		}
		s.run(w)
		s.after(time.Hour)
		s.publish("pad", "v1.0.1")
		s.expect(s.after(70*time.Minute), "pad: 1.0.1 is out, 1.0.0 runs here", "pad: 1.0.2 is out, 1.0.0 runs here")
		s.stop()
	})
}

// A service knows its version, not the revision that Debian gave it.
func TestWatcher_aServiceAgainstADebianRepository(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "wcs", Apt: forgeURL + "/debian/dists/stable/main/binary-amd64/Packages"})
		s.cfg.Projects[0].Gitea = ""
		s.cfg.SetDefaults()
		index := func(version string) { s.forge.SetIndex("Package: wcs\nVersion: " + version + "\n\n") }
		index("9.12-1~eob12+1")
		s.deploy("wcs", "9.12")
		s.start()
		s.expect(s.after(time.Hour), "Releases of 1 projects are followed, all known ones up to date")
		index("9.12-2~eob12+1")
		s.expect(s.after(90 * time.Minute))
		index("9.13-1~eob12+1")
		s.expect(s.after(90*time.Minute), "wcs: 9.13-1~eob12+1 is out, 9.12 runs here")
		s.stop()
	})
}

// Of a repository with more tags than are remembered the oldest come again and
// again; that is no news.
func TestWatcher_whatWasForgottenIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Project{Name: "db"})
		s.cfg.Forges = []Forge{{Host: "git.ville.example", By: "api"}}
		for i := range 30 {
			s.publish("db", fmt.Sprintf("1.%d", i))
		}
		for i := range maxKnown {
			s.publish("db", fmt.Sprintf("2.%d", i))
		}
		s.start()
		s.expect(s.after(time.Hour), "Releases of 1 projects are followed, all known ones up to date")
		s.w.mu.Lock()
		s.w.state.Projects["db"].Validators = forge.Validators{} // a host that has none
		s.w.state.Projects["db"].Overrun = true                  // all pages once more
		s.w.mu.Unlock()
		s.expect(s.after(90 * time.Minute))
		if n := len(s.w.state.Projects["db"].Versions); n != maxKnown {
			t.Errorf("%d versions are remembered", n)
		}
		s.publish("db", "2.200")
		s.expect(s.after(90*time.Minute), "db: 2.200 is out")
		s.stop()
	})
}
