package mattermost

import (
	"os"
	"strings"
	"testing"
	"time"

	"tocsin/alerts"
	"tocsin/alerts/mattermost/mattermosttest"
)

// lose makes the server carry out the next post and not answer.
func (l *lab) lose() {
	l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.LoseAnswer, Path: "/posts", Method: "POST"})
}

// kills are what may come between the post and its record: how long the
// process was away.
func kills() map[string]func(*lab) {
	return map[string]func(*lab){
		"same process":  func(*lab) {},
		"quick restart": func(l *lab) { l.restart() },
		"slow restart":  func(l *lab) { l.advance(10 * time.Minute); l.restart() },
	}
}

func TestCrash_afterThePost(t *testing.T) {
	for name, kill := range kills() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.lose()
			if retry, err := l.say(fire()); err == nil || !retry {
				t.Fatalf("retry %t, %v", retry, err)
			}
			kill(l)
			l.mustSay(fire())
			if p := l.only(); len(p.Replies) != 0 {
				t.Errorf("replies: %s", l.texts())
			}
			// What the server had may be older than what there is to say.
			l.mustSay(grow())
			if p := l.only(); len(p.Replies) != 1 || !strings.Contains(p.Text(), "/home") {
				t.Errorf("after growing: %s", l.texts())
			}
		})
	}
}

func TestCrash_afterThePost_andTheGroupGrew(t *testing.T) {
	for name, kill := range kills() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.lose()
			_, _ = l.say(fire())
			kill(l)
			l.mustSay(grow())
			p := l.only()
			if len(p.Replies) != 1 || !strings.Contains(p.Replies[0].Message, "/home") || !strings.Contains(p.Text(), "/home") {
				t.Errorf("got %s", l.texts())
			}
		})
	}
}

func TestCrash_afterThePost_andTheTroubleEnded(t *testing.T) {
	for name, kill := range kills() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.lose()
			_, _ = l.say(fire())
			kill(l)
			l.mustSay(settle())
			if p := l.only(); p.Color() != "good" || len(p.Replies) != 1 {
				t.Errorf("got %s", l.texts())
			}
		})
	}
}

func TestCrash_afterTheReply(t *testing.T) {
	for name, kill := range kills() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.mustSay(fire())
			l.lose()
			if retry, err := l.say(settle()); err == nil || !retry {
				t.Fatalf("retry %t, %v", retry, err)
			}
			kill(l)
			l.mustSay(settle())
			l.mustSay(settle())
			if p := l.only(); p.Color() != "good" || len(p.Replies) != 1 {
				t.Errorf("got %s", l.texts())
			}
		})
	}
}

func TestCrash_beforeThePost(t *testing.T) {
	for name, kill := range kills() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.Status, Status: 503, Path: "/posts", Method: "POST"})
			_, _ = l.say(fire())
			kill(l)
			l.mustSay(fire())
			l.only()
		})
	}
}

func TestRestart_saysNothingTwice(t *testing.T) {
	for _, mode := range []string{"bot", "hook"} {
		t.Run(mode, func(t *testing.T) {
			l := newLab(t)
			if mode == "hook" {
				l.hook()
			}
			for _, n := range []alerts.Notification{fire(), grow(), settle()} {
				l.mustSay(n)
				sent := l.requests()
				n.At = n.At.Add(20 * time.Second)
				l.restart()
				l.mustSay(n)
				n.Reason = alerts.First // as a caller does that lost its own record
				l.mustSay(n)
				if l.requests() != sent {
					t.Errorf("%s: %d requests to say what was said", n.Reason, l.requests()-sent)
				}
			}
			if n := len(l.server.Posts()); mode == "bot" && n != 1 || mode == "hook" && n != 3 {
				t.Errorf("%d posts:\n%s", n, l.texts())
			}
		})
	}
}

func TestReminder_isNotRepeatedAfterACrash(t *testing.T) {
	l := newLab(t)
	l.mustSay(fire())
	remind := fire()
	remind.Reason, remind.At = alerts.Reminder, noon.Add(24*time.Hour)
	l.mustSay(remind)
	l.restart()
	remind.At = remind.At.Add(30 * time.Second)
	l.mustSay(remind)
	if p := l.only(); len(p.Replies) != 1 || !strings.Contains(p.Replies[0].Message, "Still firing after 1 d:") {
		t.Errorf("got %s", l.texts())
	}
}

func TestState_corruptIsSetAside(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "cut": `{"version":1,"entr`, "not ours": "\x00\x01", "newer": `{"version":2,"entries":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.mustSay(fire())
			l.mustSay(notification("other", alerts.First, noon, disk("/var", noon)))
			if err := os.WriteFile(l.state, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			l.restart()
			l.mustSay(fire())
			l.mustSay(settle())
			posts := l.server.Posts()
			if len(posts) != 2 || posts[0].Color() != "good" || posts[1].Color() != "danger" || len(posts[0].Replies) != 1 {
				t.Errorf("got %s", l.texts())
			}
			if !strings.Contains(l.log.String(), "level=ERROR") || !strings.Contains(l.log.String(), "set aside") {
				t.Errorf("the log does not say so: %s", l.log)
			}
			aside, err := os.ReadFile(l.state + ".corrupt-" + l.now().Format("20060102T150405"))
			if err != nil || string(aside) != content {
				t.Errorf("set aside: %q, %v", aside, err)
			}
		})
	}
}

func TestState_lostAndNothingToFind(t *testing.T) {
	l := newLab(t)
	l.mustSay(settle())
	if p := l.only(); p.Color() != "good" {
		t.Errorf("got %s", l.texts())
	}
}

// The server answers a repeated request with the post that it has, whose text
// may be older.
func TestCrash_afterThePost_andTheNumberMoved(t *testing.T) {
	for name, kill := range kills() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.lose()
			_, _ = l.say(fire())
			kill(l)
			n := fire()
			n.Alerts[0].Annotations["summary"] = "db1: disk full on /srv (99 %)"
			l.mustSay(n)
			if p := l.only(); !strings.Contains(p.Text(), "99 %") || len(p.Replies) != 0 {
				t.Errorf("got %s", l.texts())
			}
		})
	}
}
