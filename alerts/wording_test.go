package alerts

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func example() Alert {
	return Alert{
		Labels:      map[string]string{"alertname": "HostDiskFull", "severity": "critical", "host": "db1"},
		Annotations: map[string]string{"summary": "db1: disk full", "summary_fr": "db1 : disque plein"},
		StartsAt:    noon,
	}
}

func settled(a Alert, after time.Duration) Alert {
	a.EndsAt = a.StartsAt.Add(after)
	return a
}

func TestWording_clock(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	en, fr := Wording{}, Wording{Language: "fr", Location: paris}
	for _, c := range []struct {
		t    time.Time
		w    Wording
		want string
	}{
		{noon, en, "12:00"},
		{noon, fr, "13:00"},
		{noon.Add(-24 * time.Hour), en, "20 Nov 12:00"},
		{noon.Add(-24 * time.Hour), fr, "20 nov. 13:00"},
		{noon.Add(-365 * 24 * time.Hour), en, "21 Nov 2025 12:00"},
		{noon.Add(11*time.Hour + 30*time.Minute), en, "23:30"},
		{noon.Add(11*time.Hour + 30*time.Minute), fr, "22 nov. 00:30"},
	} {
		if got := c.w.Clock(c.t, noon); got != c.want {
			t.Errorf("%s: %q, want %q", c.t, got, c.want)
		}
	}
}

func TestWording_duration(t *testing.T) {
	for in, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 59 * time.Second: "59 s", 59600 * time.Millisecond: "1 min", 12*time.Minute + 30*time.Second: "12 min",
		3 * time.Hour: "3 h", 3*time.Hour + 5*time.Minute: "3 h 05 min", 24 * time.Hour: "1 j", 52 * time.Hour: "2 j 4 h",
	} {
		if got := (Wording{Language: "fr"}).Duration(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestWording_summaryWithoutAnnotation(t *testing.T) {
	a := Alert{Labels: map[string]string{"alertname": "Custom", "instance": "https://x"}}
	if got := (Wording{}).Summary(a); got != "https://x: Custom" {
		t.Errorf("got %q", got)
	}
	if got := (Wording{}).Summary(Alert{Labels: map[string]string{"alertname": "Custom"}}); got != "Custom" {
		t.Errorf("got %q", got)
	}
}

func TestWording_headline(t *testing.T) {
	info, odd := example(), example()
	info.Labels = map[string]string{"severity": "info"}
	odd.Labels = map[string]string{"severity": "page-me"}
	unwatched := settled(example(), time.Minute)
	unwatched.Unwatched = true
	for _, c := range []struct {
		alerts []Alert
		en, fr string
	}{
		{[]Alert{example()}, "🔴 db1: disk full", "🔴 db1 : disque plein"},
		{[]Alert{example(), info, settled(example(), 1)}, "🔴 db1: disk full — and 1 more", "🔴 db1 : disque plein — et 1 autre"},
		{[]Alert{info}, "🔵 db1: disk full", "🔵 db1 : disque plein"},
		{[]Alert{odd, info, info}, "🟠 db1: disk full — and 2 more", "🟠 db1 : disque plein — et 2 autres"},
		{[]Alert{settled(example(), 1)}, "🟢 Resolved: db1: disk full", "🟢 Résolu : db1 : disque plein"},
		{[]Alert{unwatched}, "⚪ No longer watched: db1: disk full", "⚪ N'est plus surveillé : db1 : disque plein"},
		{[]Alert{unwatched, settled(example(), 1)}, "🟢 Resolved: db1: disk full — and 1 more", "🟢 Résolu : db1 : disque plein — et 1 autre"},
	} {
		n := Notification{Alerts: c.alerts}
		if got := (Wording{}).Headline(n, 200); got != c.en {
			t.Errorf("got %q, want %q", got, c.en)
		}
		if got := (Wording{Language: "fr"}).Headline(n, 200); got != c.fr {
			t.Errorf("got %q, want %q", got, c.fr)
		}
	}
}

func TestWording_plain(t *testing.T) {
	a, b := example(), example()
	a.Annotations = map[string]string{"summary": "db1: disk\nfull", "description": "Look at du."}
	a.Detail, a.Link, a.NoDataSince = "no\x1b[31m space", "https://x/graph", noon.Add(time.Minute)
	b.EndsAt = noon.Add(time.Minute)
	got := (Wording{}).Plain(Notification{At: noon.Add(5 * time.Minute), Alerts: []Alert{a, b, b, b}}, 2)
	want := `🔴 db1: disk full
  🔴 db1: disk full
    since 12:00 (5 min)
    no data since 12:01: the alert is held, not confirmed
    detail: no[31m space
    Look at du.
    https://x/graph
  🟢 db1: disk full
    12:00 → 12:01 (1 min)
  … and 2 more
`
	if got != want {
		t.Errorf("got:\n%s", got)
	}
}

// Every language has every phrase, with the same number of blanks.
func TestPhrases_complete(t *testing.T) {
	en, fr := reflect.ValueOf(phrases("en")), reflect.ValueOf(phrases("fr"))
	for i := range en.NumField() {
		if en.Field(i).Kind() != reflect.String {
			continue
		}
		name, a, b := en.Type().Field(i).Name, en.Field(i).String(), fr.Field(i).String()
		if a == "" || b == "" || strings.Count(a, "%") != strings.Count(b, "%") {
			t.Errorf("%s: %q, %q", name, a, b)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 10, "short"},
		{"exactly", 7, "exactly"},
		{"too long", 4, "too…"},
		{"too long", 5, "too…"},
		{"éèàéèà", 6, "éèàéèà"},
		{"éèàéèà", 5, "éèàé…"},
		{"日本語日本語", 3, "日本…"},
		{"", 3, ""},
		{"ab", 1, "…"},
	} {
		if got := Cut(c.in, c.n); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestDigest(t *testing.T) {
	n := Notification{Group: "g", At: noon, Reason: First, Alerts: []Alert{example()}}
	later := n
	later.At, later.Reason = noon.Add(time.Hour), Reminder
	moved := n
	moved.Alerts = []Alert{example()}
	moved.Alerts[0].Annotations = map[string]string{"summary": "db1: disk full (97 %)"}
	ended := n
	ended.Alerts = []Alert{settled(example(), time.Minute)}
	if n.Content() != later.Content() || n.State() != later.State() {
		t.Error("time and reason count")
	}
	if n.Content() == moved.Content() || n.State() != moved.State() {
		t.Error("a number that moved is another content, and the same state")
	}
	if n.State() == ended.State() {
		t.Error("the end is no other state")
	}
	if n.At.IsZero() {
		t.Error("Content changed its receiver")
	}
}
