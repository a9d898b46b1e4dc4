package mattermost

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattermost/mattermost/server/public/model"

	"tocsin/alerts"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// stories are the messages that the golden files show.
func stories() map[string][]alerts.Notification {
	at := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
	held := disk("/srv", at(0))
	held.NoDataSince = at(8)
	probe := alerts.Alert{
		Labels: map[string]string{
			"alertname": "ProbeFailing", "severity": "warning", "brick": "demarches", "instance": "https://demarches.ville.example/",
		},
		Annotations: map[string]string{
			"summary":     "https://demarches.ville.example/ does not answer (timeout)",
			"summary_fr":  "https://demarches.ville.example/ ne répond pas (timeout)",
			"description": "Is the service running on app1? See its log: journalctl -u wcs.",
		},
		StartsAt: at(-2 * 24 * 60),
		Detail:   "dial tcp 192.0.2.7:443: i/o timeout",
		Link:     "https://guet.ville.example/graph?g0.expr=probe_success%20%3D%3D%200",
	}
	unwatched := ended(disk("/srv", at(0)), at(30))
	unwatched.Unwatched = true
	return map[string][]alerts.Notification{
		"one":       {notification("g", alerts.First, at(5), probe)},
		"group":     {notification("g", alerts.First, at(10), held, disk("/home", at(5)))},
		"unwatched": {notification("g", alerts.First, at(5), disk("/srv", at(0))), notification("g", alerts.AllSettled, at(30), unwatched)},
		"life": {
			notification("g", alerts.First, at(1), disk("/srv", at(0))),
			notification("g", alerts.NewAlerts, at(6), disk("/srv", at(0)), disk("/home", at(5)), disk("/var", at(6))),
			notification("g", alerts.SomeSettled, at(9), disk("/srv", at(0)), ended(disk("/home", at(5)), at(8)), ended(disk("/var", at(6)), at(8))),
			notification("g", alerts.AllSettled, at(95), ended(disk("/srv", at(0)), at(94))),
			notification("g", alerts.First, at(99), disk("/srv", at(98))),
			notification("g", alerts.Reminder, at(99+24*60), disk("/srv", at(98))),
		},
	}
}

// TestGolden_whatIsSent compares all bodies that a story sends.
func TestGolden_whatIsSent(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range []string{"en", "fr"} {
		for _, mode := range []string{"bot", "hook"} {
			for name, story := range stories() {
				t.Run(language+"/"+mode+"/"+name, func(t *testing.T) {
					l := newLab(t)
					if mode == "hook" {
						l.hook()
						l.config.Username, l.config.IconURL = "tocsin", "https://guet.ville.example/icon.png"
					}
					l.config.Mentions = map[string]string{alerts.Critical: "@channel"}
					l.restart()
					l.voice.render.words = alerts.Wording{Language: language, Location: paris}
					l.voice.render.external = "https://guet.ville.example"
					id := 0
					l.voice.newID = func() string { id++; return strings.Repeat("i", 25) + string(rune('0'+id)) }
					for _, n := range story {
						l.mustSay(n)
					}
					golden(t, language+"-"+mode+"-"+name+".txt", sent(t, l))
				})
			}
		}
	}
}

// sent writes all requests with a body, with what the server made up replaced.
func sent(t *testing.T, l *lab) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, r := range l.server.Requests() {
		if len(r.Body) == 0 {
			continue
		}
		body, path := string(r.Body), r.Path
		for i, p := range l.server.Posts() {
			name := "POST" + string(rune('1'+i))
			body = strings.ReplaceAll(strings.ReplaceAll(body, p.ID, name), p.ChannelID, "CHANNEL")
			path = strings.ReplaceAll(path, p.ID, name)
		}
		if strings.HasPrefix(path, "/hooks/") {
			path = "/hooks/HOOK"
		}
		b.WriteString(r.Method + " " + path + "\n")
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		prune(v)
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// prune removes what is empty: the model has fifty fields that we do not use.
func prune(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			switch x {
			case nil, "", 0.0, false:
				delete(v, k)
			default:
				prune(x)
			}
		}
	case []any:
		for _, x := range v {
			prune(x)
		}
	}
}

// What we send has no key that the server's model does not know.
func TestWire_keysAreTheServers(t *testing.T) {
	p := post{
		ID: "i", CreateAt: 1, DeleteAt: 2, ChannelID: "c", RootID: "r", Message: "m", PendingPostID: "p",
		Props: props{"x": "y"}, Metadata: &postMetadata{Priority: postPriority{Priority: "urgent"}},
	}
	var theirs model.Post
	asTheServer(t, p, &theirs)
	if theirs.Id != "i" || theirs.CreateAt != 1 || theirs.DeleteAt != 2 || theirs.ChannelId != "c" || theirs.RootId != "r" ||
		theirs.Message != "m" || theirs.PendingPostId != "p" || theirs.GetProp("x") != "y" || *theirs.GetPriority().Priority != "urgent" {
		t.Errorf("the server reads %+v as %+v", p, &theirs)
	}
	if id := newLab(t).voice.newID(); !model.IsValidId(id) {
		t.Errorf("the server would not take %q as an id", id)
	}
}

// asTheServer reads what we write into a type of the server's.
func asTheServer(t *testing.T, ours, theirs any) {
	t.Helper()
	b, err := json.Marshal(ours)
	if err != nil {
		t.Fatal(err)
	}
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	if err := strict.Decode(theirs); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
}

// Our own attachments pass the check that the server's model has.
func TestGolden_attachmentsAreValid(t *testing.T) {
	l := newLab(t)
	for name, story := range stories() {
		for _, n := range story {
			for _, z := range sizes() {
				var theirs model.MessageAttachment
				asTheServer(t, l.voice.render.attachment(n, tell(n), z), &theirs)
				if err := theirs.IsValid(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}
