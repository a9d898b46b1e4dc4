package mattermost

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tocsin/alerts"
	"tocsin/alerts/mattermost/mattermosttest"
)

// flood is a group of very many, very long alerts.
func flood(many, long int) alerts.Notification {
	all := make([]alerts.Alert, many)
	for i := range all {
		all[i] = disk(fmt.Sprintf("/srv/%04d", i), noon.Add(time.Duration(i)*time.Second))
		for _, name := range []string{"summary", "description"} {
			all[i].Annotations[name] = fmt.Sprintf("%04d ", i) + strings.Repeat("é<*`", long/4)
		}
		all[i].Detail = strings.Repeat("日本", long)
		all[i].Labels["path"] = strings.Repeat("x", long)
	}
	return notification("flood", alerts.First, noon.Add(time.Hour), all...)
}

func TestSize_thousandAlerts(t *testing.T) {
	for _, mode := range []string{"bot", "hook"} {
		t.Run(mode, func(t *testing.T) {
			l := newLab(t)
			if mode == "hook" {
				l.hook()
			}
			l.mustSay(flood(1000, 500))
			p := l.only()
			if !strings.Contains(p.Text(), "and 990 more") || !strings.Contains(p.Text(), "and 999 more") {
				t.Errorf("it does not say how many there are: %s", p.Text())
			}
			for _, r := range l.server.Requests() {
				if len(r.Body) > 100_000 {
					t.Errorf("%s %s has %d bytes", r.Method, r.Path, len(r.Body))
				}
				if !utf8.Valid(r.Body) {
					t.Errorf("%s %s is not UTF-8", r.Method, r.Path)
				}
			}
			t.Logf("the largest message has %d bytes", len(l.server.Requests()[l.requests()-1].Body))
		})
	}
}

func TestSize_shrinksUntilTheServerTakesIt(t *testing.T) {
	for _, version := range []string{"9.9", "11.1"} { // 400, and 413
		for _, mode := range []string{"bot", "hook"} {
			t.Run(version+" "+mode, func(t *testing.T) {
				l := newLab(t)
				if mode == "hook" {
					l.hook()
				}
				l.server.Configure(func(s *mattermosttest.Settings) { s.Version, s.MaxBody = version, 2500 })
				l.mustSay(flood(50, 400))
				if p := l.only(); !strings.Contains(p.Text(), "and 49 more") {
					t.Errorf("got %s", p.Text())
				}
			})
		}
	}
}

func TestSize_editShrinksToo(t *testing.T) {
	l := newLab(t)
	n := flood(50, 400)
	first := n
	first.Alerts = n.Alerts[:1]
	l.mustSay(first)
	l.server.Configure(func(s *mattermosttest.Settings) { s.MaxBody = 4000 })
	l.mustSay(n)
	if p := l.only(); !strings.Contains(p.Text(), "and 49 more") || len(p.Replies) != 1 {
		t.Errorf("got %s", l.texts())
	}
}

// The largest message that can be, whatever is in it, is far below what
// servers take.
func TestSize_worstCase(t *testing.T) {
	l := newLab(t)
	n := flood(20, 5000)
	for i := range n.Alerts {
		n.Alerts[i].Annotations["summary"] = fmt.Sprint(i) + strings.Repeat("<", 5000) // six bytes each in JSON
		n.Alerts[i].Annotations["description"] = fmt.Sprint(i) + strings.Repeat("<", 5000)
		n.Alerts[i].Link = "https://guet.example/" + strings.Repeat("x", 1900)
		n.Alerts[i].NoDataSince = noon
	}
	l.mustSay(n)
	for _, r := range l.server.Requests() {
		if len(r.Body) > maxBody+5000 {
			t.Errorf("%s %s has %d bytes", r.Method, r.Path, len(r.Body))
		}
	}
}

func TestPlan_moreThanCanBeRemembered(t *testing.T) {
	n := flood(maxFingerprints+10, 4)
	was := tell(n)
	if len(was.Firing) != 0 || was.Number != maxFingerprints+10 {
		t.Fatalf("%d fingerprints of %d", len(was.Firing), was.Number)
	}
	if p := makePlan(was, n, 0); p.notice != noticeNone {
		t.Errorf("nothing changed, and the thread is told %d", p.notice)
	}
	p := makePlan(was, flood(maxFingerprints+12, 4), 0)
	if p.notice != noticeNew || len(p.added) != 2 {
		t.Errorf("notice %d with %d new alerts, want 2", p.notice, len(p.added))
	}
}
