package mattermost

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/alerts"
	"tocsin/alerts/mattermost/mattermosttest"
	"tocsin/internal/secret"
)

// answer is one way in which a server answers, and what Say makes of it.
type answer struct {
	name  string
	fault mattermosttest.Fault
	retry bool
	cause alerts.Cause
	words string // a part of the error
}

func answers() []answer {
	status := func(s int) mattermosttest.Fault {
		return mattermosttest.Fault{Kind: mattermosttest.Status, Status: s}
	}
	return []answer{
		{"301", mattermosttest.Fault{Kind: mattermosttest.Redirect, Location: "http://127.0.0.1:1/elsewhere"}, false, alerts.CauseRefused, "redirects"},
		{"401", status(401), false, alerts.CauseAuth, "make a new one for the bot"},
		{"404", status(404), false, alerts.CauseNotFound, ""},
		{"409", status(409), false, alerts.CauseRefused, "refused the message"},
		{"408", status(408), true, alerts.CauseTimeout, "in time"},
		{"500", status(500), true, alerts.CauseServer, "trouble of its own"},
		{"502 as a page", mattermosttest.Fault{Kind: mattermosttest.HTML, Status: 502}, true, alerts.CauseServer, "trouble of its own"},
		{"503", status(503), true, alerts.CauseServer, "trouble of its own"},
		{"close half-way", mattermosttest.Fault{Kind: mattermosttest.CloseHalf}, true, alerts.CauseBadAnswer, "can't be read"},
		{"lost answer", mattermosttest.Fault{Kind: mattermosttest.LoseAnswer}, true, alerts.CauseUnreachable, "broke off"},
		{"broken JSON", mattermosttest.Fault{Kind: mattermosttest.BrokenJSON}, true, alerts.CauseBadAnswer, "can't be read"},
		{"endless answer", mattermosttest.Fault{Kind: mattermosttest.Flood}, true, alerts.CauseBadAnswer, "can't be read"},
		{"hang", mattermosttest.Fault{Kind: mattermosttest.Hang}, true, alerts.CauseTimeout, "no answer in time"},
	}
}

func TestBot_answerToAction(t *testing.T) {
	bot := append(answers(),
		answer{"400", mattermosttest.Fault{Kind: mattermosttest.Status, Status: 400}, false, alerts.CauseRefused, "refused the message"},
		answer{"403", mattermosttest.Fault{Kind: mattermosttest.Status, Status: 403}, false, alerts.CauseForbidden, "invite it to the team"},
		answer{"413", mattermosttest.Fault{Kind: mattermosttest.Status, Status: 413}, false, alerts.CauseTooLarge, "too large"},
		answer{"501", mattermosttest.Fault{Kind: mattermosttest.Status, Status: 501}, false, alerts.CauseRefused, "licence"},
	)
	for _, a := range bot {
		t.Run(a.name, func(t *testing.T) {
			l := newLab(t)
			l.server.Configure(func(s *mattermosttest.Settings) { s.Spiteful = true })
			l.config.Timeout = model.Duration(500 * time.Millisecond)
			l.restart()
			a.fault.Times, a.fault.Path, a.fault.Method = -1, "/posts", http.MethodPost
			l.server.Fail(a.fault)
			retry, err := l.say(fire())
			check(t, a, retry, err, l.server.Token, l.server.HookURL)

			// Healed, it is said: once, whatever the server had kept.
			l.server.Heal()
			l.advance(2 * time.Minute)
			l.mustSay(fire())
			if p := l.only(); p.Color() != "danger" {
				t.Errorf("the post is %s", p.Color())
			}
			if s := l.log.String(); strings.Contains(s, l.server.Token) {
				t.Errorf("the log has the token: %s", s)
			}
		})
	}
}

func TestHook_answerToAction(t *testing.T) {
	hook := append(answers(),
		answer{"400", mattermosttest.Fault{Kind: mattermosttest.Status, Status: 400}, false, alerts.CauseNotFound, "webhook is refused"},
		answer{"403", mattermosttest.Fault{Kind: mattermosttest.Status, Status: 403}, false, alerts.CauseNotFound, "webhook is refused"},
		answer{"413", mattermosttest.Fault{Kind: mattermosttest.Status, Status: 413}, false, alerts.CauseTooLarge, "too large"},
		answer{"501", mattermosttest.Fault{Kind: mattermosttest.Status, Status: 501}, false, alerts.CauseForbidden, "switched off"},
	)
	for _, a := range hook {
		switch a.name {
		case "close half-way", "broken JSON", "endless answer":
			continue // the answer's body means nothing: 200 is success
		}
		t.Run(a.name, func(t *testing.T) {
			l := newLab(t).hook()
			l.server.Configure(func(s *mattermosttest.Settings) { s.Spiteful = true })
			l.config.Timeout = model.Duration(500 * time.Millisecond)
			l.restart()
			a.fault.Times = -1
			l.server.Fail(a.fault)
			retry, err := l.say(fire())
			check(t, a, retry, err, l.server.HookURL, "/hooks/")
			l.server.Heal()
			l.mustSay(fire())
			if n := len(l.server.Posts()); n != 1 && a.name != "lost answer" {
				t.Errorf("%d posts", n)
			}
		})
	}
}

// check compares what Say returned; none of the secrets may be in it.
func check(t *testing.T, want answer, retry bool, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("Say succeeded")
	}
	if retry != want.retry {
		t.Errorf("retry is %t, want %t (%v)", retry, want.retry, err)
	}
	if c := alerts.CauseOf(err); c != want.cause {
		t.Errorf("the cause is %s, want %s (%v)", c, want.cause, err)
	}
	if !strings.Contains(err.Error(), want.words) {
		t.Errorf("%q does not say %q", err, want.words)
	}
	for _, form := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		for _, s := range append(secrets, "Bearer", "refused by the fake", "<html>", "127.0.0.1") {
			if strings.Contains(form, s) {
				t.Errorf("the error repeats %q: %s", s, form)
			}
		}
	}
}

func TestSay_refusedConnection(t *testing.T) {
	l := newLab(t)
	l.server.Close()
	retry, err := l.say(fire())
	check(t, answer{retry: true, cause: alerts.CauseUnreachable, words: "can't be reached"}, retry, err, l.server.Token)
}

func TestSay_waitsAsLongAsTheServerAsks(t *testing.T) {
	for _, mode := range []string{"bot", "hook"} {
		t.Run(mode, func(t *testing.T) {
			l := newLab(t)
			if mode == "hook" {
				l.hook()
			}
			l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.Wait, RetryAfter: "7", Times: 3, Method: http.MethodPost})
			l.mustSay(fire())
			l.only()
			if len(l.waited) != 3 || l.waited[0] != 7*time.Second {
				t.Errorf("waited %v, want 7s three times", l.waited)
			}
			if mode == "hook" {
				return
			}
			ids := map[string]bool{}
			for _, r := range l.server.Requests() {
				if _, after, ok := strings.Cut(string(r.Body), `"pending_post_id":"`); ok {
					ids[after[:26]] = true
				}
			}
			if len(ids) != 1 {
				t.Errorf("%d different pending_post_ids, want 1", len(ids))
			}
		})
	}
}

func TestSay_doesNotWaitLongerThanItsCaller(t *testing.T) {
	l := newLab(t)
	l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.Wait, RetryAfter: "60", Times: -1})
	retry, err := l.say(fire()) // its context ends after 20 s
	check(t, answer{retry: true, cause: alerts.CauseRateLimited, words: "asks to wait"}, retry, err)
	sent := l.requests()
	if _, err := l.say(notification("other", alerts.First, noon, disk("/var", noon))); err == nil {
		t.Error("another group was said although the server asked to wait")
	}
	if l.requests() != sent {
		t.Error("another group did not wait")
	}
	l.server.Heal()
	l.advance(time.Minute)
	l.mustSay(fire())
	l.only()
}

func TestSay_endsWithItsContext(t *testing.T) {
	l := newLab(t)
	l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.Hang, Times: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	retry, err := l.voice.Say(ctx, fire())
	check(t, answer{retry: true, cause: alerts.CauseTimeout, words: "no answer in time"}, retry, err)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestBot_refusedTokenIsNotHammered(t *testing.T) {
	l := newLab(t)
	good := l.config.Token
	l.config.Token = secret.New("wrong-token")
	l.restart()
	for range 5 {
		retry, err := l.say(fire())
		check(t, answer{cause: alerts.CauseAuth, words: "token is refused"}, retry, err, "wrong-token")
	}
	if n := l.requests(); n != 1 {
		t.Errorf("%d requests with a refused token, want 1", n)
	}
	l.advance(2 * time.Minute)
	_, _ = l.say(fire())
	if n := l.requests(); n != 2 {
		t.Errorf("%d requests after two minutes, want 2", n)
	}
	l.voice.cfg.Token = good // as when its file was renewed
	l.mustSay(fire())
	l.only()
}

func TestBot_missingSecretFile(t *testing.T) {
	l := newLab(t)
	l.config.Token, l.config.TokenFile = secret.Text{}, l.state+".token"
	l.restart()
	_, err := l.say(fire())
	if err == nil || alerts.CauseOf(err) != alerts.CauseConfig || !strings.Contains(err.Error(), ".token") {
		t.Errorf("got %v", err)
	}
}

func TestBot_channelThatIsNotThere(t *testing.T) {
	for _, channel := range []string{"technique/autre", "autre/alertes", "technique/private"} {
		l := newLab(t)
		l.config.Channel = channel
		l.restart()
		retry, err := l.say(fire())
		check(t, answer{cause: alerts.CauseNotFound, words: "sees no such channel"}, retry, err)
	}
}

func TestCall_errorIDs(t *testing.T) {
	for id, want := range map[string]bool{
		"api.context.permissions.app_error": true, "app.post.get.app_error": true,
		"Bearer abc": false, "api": false, "x.y": false, "api.3nx7kq9": false, "": false,
	} {
		if got := errorID().MatchString(id); got != want {
			t.Errorf("%q: %t", id, got)
		}
	}
	if status(errors.New("x")) != 0 {
		t.Error("a foreign error has a status")
	}
}

// An answer without end is given up on by its size, long before any time is up.
func TestSay_endlessAnswerIsBounded(t *testing.T) {
	l := newLab(t)
	l.config.Timeout = model.Duration(15 * time.Second)
	l.restart()
	l.server.Fail(mattermosttest.Fault{Kind: mattermosttest.Flood, Path: "/channels/name/"})
	began := time.Now()
	_, err := l.say(fire())
	check(t, answer{retry: true, cause: alerts.CauseBadAnswer, words: "can't be read"}, true, err)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}
