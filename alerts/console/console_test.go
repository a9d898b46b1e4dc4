package console

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/alerts"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func notification(group string, why alerts.Reason, after time.Duration, ended bool) alerts.Notification {
	a := alerts.Alert{
		Labels:      map[string]string{"alertname": "HostDiskFull", "severity": "critical"},
		Annotations: map[string]string{"summary": "db1: disk full on /srv (96 %)"},
		StartsAt:    noon,
	}
	if ended {
		a.EndsAt = noon.Add(after)
	}
	return alerts.Notification{Group: group, Reason: why, At: noon.Add(after), Alerts: []alerts.Alert{a}}
}

func TestConsole_saysEachChangeOnce(t *testing.T) {
	var out, log bytes.Buffer
	v := New(Options{Writer: &out, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, n := range []alerts.Notification{
		notification("g", alerts.First, time.Minute, false),
		notification("g", alerts.First, time.Minute, false),
		notification("g", alerts.First, 2*time.Minute, false),
		notification("g", alerts.Reminder, time.Hour, false),
		notification("g", alerts.Reminder, time.Hour+time.Second, false),
		notification("g", alerts.AllSettled, 2*time.Hour, true),
	} {
		if retry, err := v.Say(t.Context(), n); err != nil || retry {
			t.Fatal(retry, err)
		}
	}
	want := `12:01 🔴 db1: disk full on /srv (96 %)
    since 12:00 (1 min)
13:00 🔴 db1: disk full on /srv (96 %)
    since 12:00 (1 h)
14:00 🟢 Resolved: db1: disk full on /srv (96 %)
    12:00 → 14:00 (2 h)
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
	if n := strings.Count(log.String(), "level=WARN msg=alert"); n != 2 {
		t.Errorf("%d warnings: %s", n, log.String())
	}
	if r := v.Recent(); len(r) != 3 || r[0].Firing != 0 || r[0].Mark != "🟢" || r[2].Firing != 1 {
		t.Errorf("recent: %+v", r)
	}
}

func TestConsole_isBounded(t *testing.T) {
	v := New(Options{Keep: 3})
	for i := range maxGroups + 10 {
		n := notification(fmt.Sprint(i), alerts.First, time.Duration(i)*time.Second, false)
		if _, err := v.Say(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if r := v.Recent(); len(r) != 3 || r[0].Group != fmt.Sprint(maxGroups+9) {
		t.Errorf("recent: %+v", r)
	}
	if len(v.said) != maxGroups {
		t.Errorf("%d groups are remembered", len(v.said))
	}
}

func TestConsole_namesWhatChanged(t *testing.T) {
	named := func(name string, ended bool) alerts.Alert {
		n := notification("g", alerts.First, 0, ended)
		a := n.Alerts[0]
		a.Labels = map[string]string{"alertname": "ProbeFailing", "severity": "critical", "instance": name}
		a.Annotations = map[string]string{"summary": name + " fails"}
		a.Detail = "refused"
		return a
	}
	var log bytes.Buffer
	v := New(Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, n := range []alerts.Notification{
		{Group: "g", Reason: alerts.First, At: noon, Alerts: []alerts.Alert{named("a", false)}},
		{Group: "g", Reason: alerts.NewAlerts, At: noon.Add(time.Minute), Alerts: []alerts.Alert{named("a", false), named("b", false)}},
		{Group: "g", Reason: alerts.Refresh, At: noon.Add(2 * time.Minute), Alerts: []alerts.Alert{{Labels: named("a", false).Labels, StartsAt: noon, NoDataSince: noon.Add(time.Minute)}, named("b", false)}},
		{Group: "g", Reason: alerts.SomeSettled, At: noon.Add(3 * time.Minute), Alerts: []alerts.Alert{named("a", false), named("b", true)}},
	} {
		if _, err := v.Say(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for line := range strings.Lines(log.String()) {
		_, line, _ = strings.Cut(line, "level=")
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{
		`WARN msg=alert title="🔴 a fails" alert=ProbeFailing severity=critical why=refused`,
		`WARN msg=alert title="🔴 b fails" alert=ProbeFailing severity=critical why=refused`,
		`INFO msg=alert title="🟢 Resolved: b fails" alert=ProbeFailing severity=critical`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r := v.Recent(); len(r) != 3 || r[1].Title != "🔴 b fails" || r[0].Title != "🟢 Resolved: b fails" || !strings.Contains(r[0].Text, "🔴 a fails") {
		t.Errorf("the messages: %+v", r)
	}
}

// broken is a writer that fails.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestConsole_brokenWriter(t *testing.T) {
	v := New(Options{Writer: broken{}})
	retry, err := v.Say(t.Context(), notification("g", alerts.First, 0, false))
	if err == nil || !retry || len(v.Recent()) != 0 {
		t.Errorf("retry %t, %v, %d recent", retry, err, len(v.Recent()))
	}
}
