package mattermost

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/alerts"
	"tocsin/alerts/mattermost/mattermosttest"
)

func TestEdit_notPossibleAnyMore(t *testing.T) {
	for name, breakIt := range map[string]func(*lab){
		"deleted":    func(l *lab) { l.server.Delete(l.only().ID) },
		"edit limit": func(l *lab) { l.advance(10 * time.Minute) },
		"404": func(l *lab) {
			l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.Status, Status: 404, Path: "/patch"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.server.Configure(func(s *mattermosttest.Settings) { s.EditLimit, s.StrictEdits = 5*time.Minute, true })
			l.mustSay(fire())
			breakIt(l)
			l.mustSay(settle())
			posts := l.server.Posts()
			if len(posts) != 2 || posts[1].Color() != "good" || !strings.Contains(posts[1].Text(), "Resolved") {
				t.Fatalf("got %s", l.texts())
			}
			if name == "edit limit" && (len(posts[0].Replies) != 1 || !strings.Contains(posts[0].Replies[0].Message, "new post")) {
				t.Errorf("the old thread was not told: %s", l.texts())
			}
			// The group goes on in its new post.
			again := fire()
			again.At = noon.Add(6 * time.Minute)
			l.mustSay(again)
			if posts := l.server.Posts(); len(posts) != 2 || posts[1].Color() != "danger" || len(posts[1].Replies) != 1 {
				t.Errorf("got %s", l.texts())
			}
		})
	}
}

func TestEdit_lateOneChangesPropsOnly(t *testing.T) {
	l := newLab(t)
	l.server.Configure(func(s *mattermosttest.Settings) { s.EditLimit = time.Minute })
	l.mustSay(fire())
	l.advance(time.Hour)
	l.mustSay(settle())
	if p := l.only(); p.Color() != "good" || p.Message != "" {
		t.Errorf("got %s", l.texts())
	}
}

func TestReply_rootDeletedBetweenEditAndReply(t *testing.T) {
	l := newLab(t)
	l.mustSay(fire())
	l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.Status, Status: 400, Method: http.MethodPost, Path: "/posts"})
	l.mustSay(settle())
	posts := l.server.Posts()
	if len(posts) != 2 || posts[1].Color() != "good" {
		t.Errorf("got %s", l.texts())
	}
	sent := l.requests()
	l.mustSay(settle())
	if l.requests() != sent {
		t.Error("it was said again")
	}
}

func TestPriority_onlyWhereTheServerTakesIt(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings func(*mattermosttest.Settings)
		severity string
		want     string
	}{
		{"critical", func(*mattermosttest.Settings) {}, alerts.Critical, "urgent"},
		{"warning", func(*mattermosttest.Settings) {}, alerts.Warning, "important"},
		{"info", func(*mattermosttest.Settings) {}, alerts.Info, ""},
		{"switched off", func(s *mattermosttest.Settings) { s.Priority = false }, alerts.Critical, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			l.server.Configure(c.settings)
			n := fire()
			n.Alerts[0].Labels["severity"] = c.severity
			l.mustSay(n)
			if p := l.only(); p.Priority != c.want {
				t.Errorf("the priority is %q, want %q", p.Priority, c.want)
			}
			l.mustSay(settle()) // a priority on a reply would be refused
			if len(l.only().Replies) != 1 {
				t.Error("no reply")
			}
		})
	}
}

func TestPriority_refusedIsDropped(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusNotImplemented} {
		l := newLab(t)
		l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.Status, Status: status, Method: http.MethodPost, Path: "/posts"})
		l.mustSay(fire())
		if p := l.only(); p.Priority != "" {
			t.Errorf("%d: the priority is %q", status, p.Priority)
		}
	}
}

func TestPriority_settingsUnreadableStillPosts(t *testing.T) {
	l := newLab(t)
	l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.Status, Status: 500, Path: "/config/client", Times: -1})
	l.mustSay(fire())
	if p := l.only(); p.Priority != "" {
		t.Errorf("the priority is %q", p.Priority)
	}
}

func TestMentions_bySeverity(t *testing.T) {
	for _, version := range []string{"9.9", "11.1"} {
		l := newLab(t)
		l.server.Configure(func(s *mattermosttest.Settings) { s.Version = version })
		l.config.Mentions = map[string]string{alerts.Critical: "@channel"}
		l.restart()
		for i, step := range []struct {
			n    alerts.Notification
			want int
		}{{fire(), 1}, {grow(), 2}, {settle(), 2}} {
			l.mustSay(step.n)
			if got := l.server.Notified("anne"); got != step.want {
				t.Errorf("%s: after step %d anne was called %d times, want %d", version, i, got, step.want)
			}
		}
		n := notification("mild", alerts.First, noon, disk("/srv", noon))
		n.Alerts[0].Labels["severity"] = alerts.Warning
		l.mustSay(n)
		if got := l.server.Notified("anne"); got != 2 {
			t.Errorf("%s: a warning called anne", version)
		}
	}
}

func TestStorm_eachGroupOnce(t *testing.T) {
	l := newLab(t)
	l.server.Configure(func(s *mattermosttest.Settings) { s.RatePerSecond, s.Burst = 10, 20 })
	const groups = 60
	var done sync.WaitGroup
	for i := range groups {
		done.Go(func() {
			name := fmt.Sprintf("group %d", i)
			at := noon.Add(time.Minute)
			for _, n := range []alerts.Notification{
				notification(name, alerts.First, at, disk("/srv", noon)),
				notification(name, alerts.AllSettled, at.Add(time.Minute), ended(disk("/srv", noon), at)),
			} {
				for {
					retry, err := l.say(n)
					if err == nil {
						break
					}
					if !retry {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
			}
		})
	}
	done.Wait()
	posts := l.server.Posts()
	if len(posts) != groups {
		t.Fatalf("%d posts, want %d", len(posts), groups)
	}
	for _, p := range posts {
		if p.Color() != "good" || len(p.Replies) != 1 {
			t.Errorf("post %s is %s with %d replies", p.Text(), p.Color(), len(p.Replies))
		}
	}
	if len(l.waited) == 0 {
		t.Error("the rate limit was never met: this test tests nothing")
	}
}
