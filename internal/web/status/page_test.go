package status

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden pages")

// now is the moment at which all pages of these tests are drawn.
var now = time.Date(2026, 11, 21, 14, 3, 22, 0, time.FixedZone("CET", 3600))

const day = 24 * time.Hour

func ago(d time.Duration) time.Time { return now.Add(-d) }

// calm is a site where all is well.
func calm() *Status {
	s := &Status{
		Language: "en", Site: "ville", Host: "guet", Version: "0.1.0", Now: now, Started: ago(73 * time.Hour),
		Soon: 21 * day, Last: 7 * day,
		Configuration: Configuration{File: "/etc/tocsin/tocsin.yml", LoadedAt: ago(26 * time.Hour)},
		Engine: &Engine{
			Series: 3048, Rules: 61, LastEvaluation: ago(3 * time.Second),
			Oldest: ago(40 * 24 * time.Hour), DiskBytes: 412_300_000, DiskLimitBytes: 5_000_000_000,
		},
		Messages: []Message{
			{At: ago(50 * time.Hour), Voice: "mattermost", Text: "Resolved: disk of app1 is full to 96 %"},
			{At: ago(51 * time.Hour), Voice: "mattermost", Text: "Firing: disk of app1 is full to 96 %"},
		},
	}
	for _, name := range []string{"guet", "app1", "db1"} {
		s.Targets = append(s.Targets, Target{Job: "node", Instance: name, State: Good, LastSuccess: ago(2 * time.Second)})
	}
	s.Targets = append(s.Targets,
		Target{Job: "postgres", Instance: "db1:main", State: Good, LastSuccess: ago(9 * time.Second)},
		Target{Job: "rabbitmq", Instance: "db1:bus", State: Good, LastSuccess: ago(12 * time.Second)})
	for i, name := range []string{"connexion", "demarches", "www"} {
		url := "https://" + name + ".ville.example"
		s.Targets = append(s.Targets, Target{Job: "probe", Instance: url, State: Good, LastSuccess: ago(20 * time.Second)})
		s.Certificates = append(s.Certificates, Certificate{Name: url, NotAfter: now.Add(time.Duration(40+17*i) * day)})
	}
	s.Bricks = []Brick{
		{Job: "brick", Instance: "cache", Name: "cache", Kind: "redis", Host: "db1", State: Good, Version: "7.0.15"},
		{Job: "brick", Instance: "demarches", Name: "demarches", Kind: "wcs", Host: "app1", State: Good, Version: "9.12.4", Since: ago(50 * time.Hour)},
	}
	s.Updates = []Update{{
		Project: "redis", Deployed: "7.0.15", NewestInLine: "7.0.15", Newest: "7.0.15",
		Link: "https://github.com/redis/redis/releases/tag/7.0.15", Asked: ago(3 * time.Hour), Read: ago(3 * time.Hour),
	}}
	return s
}

// stormy is a site with every kind of trouble.
func stormy() *Status {
	s := calm()
	s.Alerts = []Alert{
		{
			Name: "CertificateExpiring", Severity: "warning", Since: ago(30 * time.Hour),
			Summary: "The certificate of https://www.ville.example expires in 12 days",
			Labels:  map[string]string{"alertname": "CertificateExpiring", "severity": "warning", "instance": "https://www.ville.example"},
			Silence: &Silence{By: "amina", Reason: "renewal is ordered", Until: now.Add(5 * time.Hour)},
		},
		{
			Name: "HostDiskFull", Severity: "warning", Since: ago(4 * time.Hour), NoDataSince: ago(11 * time.Minute),
			Summary:     "Disk /var of db1 is full to 97 %",
			Description: "Look first at what grew: `du -xh /var | sort -h | tail`, then at `systemctl --failed`.",
			Labels:      map[string]string{"host": "db1", "mountpoint": "/var", "job": "node"},
			Link:        "https://guet.ville.example/graph?g0.expr=up",
		},
		{
			Name: "ProbeFailing", Severity: "critical", Since: ago(12 * time.Minute),
			Summary:     "https://demarches.ville.example does not answer as it should: tls_expired",
			Description: "Users cannot reach it. The certificate ended 2 days ago; look at the renewal on app1.",
			Page:        "probes/demarches",
			Detail:      "x509: certificate has expired or is not yet valid: current time 2026-11-21T13:51:00Z is after 2026-11-19T09:00:00Z",
			Labels:      map[string]string{"brick": "demarches", "host": "app1", "instance": "https://demarches.ville.example"},
			Link:        "https://guet.ville.example/graph?g0.expr=probe_success",
		},
	}
	for i := range s.Targets {
		t := &s.Targets[i]
		switch t.Instance {
		case "https://demarches.ville.example":
			t.State, t.Since = Trouble, ago(12*time.Minute)
			t.Reason, t.Detail, t.Page = "tls_expired", "the certificate ended 2 days ago", "probes/demarches"
		case "https://www.ville.example":
			t.State, t.Name, t.Page, t.Detail = Faulty, "portail", "probes/portail", "ns2.ville.example is silent"
		case "db1":
			t.State, t.Since, t.LastSuccess = Down, ago(11*time.Minute), ago(11*time.Minute)
			t.Detail = "dial tcp 10.0.0.7:10617: connect: no route to host"
		case "app1":
			t.State, t.Since = Partial, ago(3*time.Hour)
			t.Failures = []Failure{{
				Collector: "filesystem", Reason: "stalled", Since: ago(3 * time.Hour),
				Error: "/mnt/archive (nfs4) did not answer; 11 of 12 mounts were measured",
			}}
		case "db1:bus":
			t.State, t.LastSuccess = Unknown, time.Time{}
		}
	}
	s.Certificates = append(s.Certificates,
		Certificate{Name: "https://demarches.ville.example", NotAfter: ago(53 * time.Hour), Reason: "tls_expired", Problem: "the certificate ended 2 days ago"},
		Certificate{Name: "smtp://mail.ville.example:587", Fingerprint: "ab12", NotAfter: now.Add(12*day + time.Hour)},
		Certificate{Name: "imaps://mail.ville.example", Fingerprint: "ab12", NotAfter: now.Add(12*day + time.Hour)})
	s.Bricks = append(s.Bricks,
		Brick{
			Job: "brick", Instance: "pad", Name: "pad", Kind: "etherpad", Host: "app1", State: Trouble, Reason: "refused",
			Detail: "dial tcp 192.0.2.7:9001: connect: connection refused", Since: ago(12 * time.Minute),
			Failed: []Part{{Name: "health", Reason: "refused", Detail: "dial tcp 192.0.2.7:9001: connect: connection refused"}},
		},
		Brick{
			Job: "brick", Instance: "portail", Name: "portail", Kind: "website", State: Partial, Version: "2.1",
			Failed:  []Part{{Name: "stats", Reason: "denied", Detail: "the server answered 403"}},
			Missing: []Part{{Name: "website_page_bytes", Reason: "missing"}, {Name: "website_users", Reason: "type"}},
		},
		Brick{Job: "brick", Instance: "new", Name: "new", Kind: "redis"},
		Brick{Job: "brick", Instance: "far", Name: "far", Kind: "redis", Host: "db2", State: Down, Detail: "connection refused"})
	s.Updates = append(s.Updates,
		Update{Project: "etherpad", Deployed: "2.4.2", NewestInLine: "2.5.3", Newest: "3.0.0", Behind: 4, BehindSince: ago(40 * day), NewLine: true, Security: true, Advisories: []string{"CVE-2026-12345"}, Asked: ago(time.Hour), Read: ago(time.Hour)},
		Update{Project: "traefik", Newest: "3.5.1", NewestInLine: "3.5.1", Asked: ago(time.Hour), Read: ago(time.Hour)},
		Update{Project: "wcs", Host: "app1", Deployed: "9.12.4", Newest: "9.12.4", NewestInLine: "9.12.4", Asked: ago(time.Hour), Read: ago(3 * day), Reason: "not_found", Detail: "https://git.example/wcs answered 404"})
	s.Gaps = []Gap{{What: "guet logins", Detail: "failed log-ins are not counted", Aside: true}, {What: "Targets of app2", Detail: "its list could not be read for 20 min; the last good one is used", Since: ago(20 * time.Minute)}}
	s.Configuration.Refused = "/etc/tocsin/tocsin.yml:14: alerts.mattermost.webhok_url: unknown key; did you mean webhook_url?"
	s.Configuration.RefusedAt = ago(35 * time.Minute)
	s.Messages = append(s.Messages,
		Message{At: ago(12 * time.Minute), Voice: "mattermost", Text: "Firing: https://demarches.ville.example does not answer as it should"},
		Message{At: ago(2 * time.Minute), Voice: "mattermost", Text: "Firing: db1 does not answer", Error: "the server answered 503"})
	return s
}

// starting is a hub whose database is being replayed, without a site file.
func starting() *Status {
	return &Status{
		Language: "fr", Host: "guet", Now: now, Started: ago(2 * time.Second), Starting: true,
		Configuration: Configuration{LoadedAt: ago(2 * time.Second)}, Engine: &Engine{},
		Targets: []Target{{Job: "node", Instance: "guet"}},
	}
}

// exporter is an instance whose engine is off.
func exporter() *Status {
	s := calm()
	s.Engine, s.Messages, s.Site = nil, nil, ""
	s.Certificates, s.Bricks, s.Updates = nil, nil, nil
	return s
}

// hostile has in every text what should never have been let through.
func hostile() *Status {
	s := stormy()
	const evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x00\xff\xfe\u202e\u2066fdp.exe\nsecond line & {{.}}"
	long := strings.Repeat("é<b>\"", 1000)
	s.Site, s.Host, s.Version = evil, evil, evil
	s.Alerts = append(s.Alerts, Alert{
		Name: evil, Severity: evil, Summary: evil, Description: evil + long, Detail: evil + long, Since: ago(time.Minute),
		Labels:  map[string]string{evil: evil, "long": long, "host": "\u202e" + evil},
		Silence: &Silence{By: evil, Reason: evil, Until: now}, Link: "javascript:alert(1)",
	})
	s.Targets = append(s.Targets, Target{
		Job: evil, Instance: evil, State: Trouble, Detail: evil + long, Since: ago(time.Minute),
		Failures: []Failure{{Collector: evil, Reason: evil, Error: evil + long, Since: ago(time.Minute)}},
	})
	s.Gaps = append(s.Gaps, Gap{What: evil, Detail: evil + long})
	s.Certificates = append(s.Certificates, Certificate{Name: evil, Fingerprint: evil, Reason: evil, Problem: evil}, Certificate{Name: evil + "2", Fingerprint: evil})
	part := Part{Name: evil, Reason: evil, Detail: evil + long}
	s.Bricks = append(s.Bricks, Brick{
		Job: evil, Instance: evil + "b", Name: evil, Kind: evil, Host: evil, State: Trouble, Reason: evil, Detail: evil + long,
		Version: evil, Failed: []Part{part}, Missing: []Part{part},
	})
	s.Updates = append(s.Updates, Update{
		Project: evil, Host: evil, Deployed: evil, NewestInLine: evil, Newest: evil, Behind: 1, Security: true,
		Advisories: []string{evil, long}, Link: "javascript:alert(3)", Reason: evil, Detail: evil + long,
	})
	s.Messages = append(s.Messages, Message{At: now, Voice: evil, Text: evil + long, Error: evil})
	s.Configuration = Configuration{File: evil, Refused: evil + long}
	s.Engine.Trouble = evil
	return s
}

func draw(t *testing.T, s *Status) string {
	t.Helper()
	p := NewPage()
	var b bytes.Buffer
	if err := p.Draw(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage_golden(t *testing.T) {
	frenchStorm := stormy()
	frenchStorm.Language = "fr"
	for name, s := range map[string]*Status{
		"calm": calm(), "stormy": stormy(), "stormy_fr": frenchStorm,
		"starting_fr": starting(), "exporter": exporter(), "hostile": hostile(),
	} {
		t.Run(name, func(t *testing.T) {
			got := draw(t, s)
			file := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("page differs from %s (-want +got); if it should, run with -update:\n%s", file, diff)
			}
		})
	}
}

func TestPage_hostileTextsAreHarmless(t *testing.T) {
	page := draw(t, hostile())
	if !strings.Contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Fatal("the hostile texts are not on the page at all")
	}
	for _, never := range []string{"<script", "<img", "javascript:", "\x00", "\xff", "\u202e", "\u2066"} {
		if strings.Contains(page, never) {
			t.Errorf("the page contains %q", never)
		}
	}
	// Every element of the page is one of the template's own.
	own := regexp.MustCompile(`</?([a-z0-9]+)`)
	allowed := " html head meta title link style body header footer main section article div p span strong h1 h2 h3 ul li " +
		"code table caption colgroup col thead tbody tr th td time bdi br a details summary dl dt dd "
	for _, m := range own.FindAllStringSubmatch(page, -1) {
		if !strings.Contains(allowed, " "+m[1]+" ") {
			t.Errorf("the page has an element %s", m[1])
		}
	}
	if len(page) > 200<<10 {
		t.Errorf("the page has %d bytes: long texts are not cut", len(page))
	}
}

func TestPage_policyAllowsItsOwnStyleAndNothingElse(t *testing.T) {
	p := NewPage()
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(draw(t, stormy()), -1)
	if len(style) != 1 {
		t.Fatalf("the page has %d styles", len(style))
	}
	sum := sha256.Sum256([]byte(style[0][1]))
	if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(p.Policy(), want) {
		t.Errorf("policy %q lacks %q", p.Policy(), want)
	}
	if strings.Contains(p.Policy(), "unsafe") || strings.Contains(draw(t, stormy()), " style=") {
		t.Error("the page needs an unsafe policy")
	}
}

func TestPage_everyTableIsNamedAndHeaded(t *testing.T) {
	page := draw(t, stormy())
	tables := strings.Count(page, "<table>")
	if tables < 5 {
		t.Fatalf("only %d tables", tables)
	}
	for _, part := range []string{"<caption>", "<thead>"} {
		if n := strings.Count(page, part); n != tables {
			t.Errorf("%d tables have %d %s", tables, n, part)
		}
	}
	if n := strings.Count(page, "<h1>"); n != 1 {
		t.Errorf("%d h1", n)
	}
}

func TestAlerts_worstAndOldestFirstSilencedLast(t *testing.T) {
	s := stormy()
	s.Alerts = append(s.Alerts, Alert{Name: "Older", Severity: "critical", Since: ago(time.Hour)})
	var names []string
	for _, a := range newView(s).Alerts {
		names = append(names, a.Name)
	}
	want := []string{"Older", "ProbeFailing", "HostDiskFull", "CertificateExpiring"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestWords_bothLanguagesSayEverything(t *testing.T) {
	for _, w := range []words{english, french} {
		v := reflect.ValueOf(w)
		for i := range v.NumField() {
			if v.Field(i).String() == "" {
				t.Errorf("%s: %s is empty", w.Lang, v.Type().Field(i).Name)
			}
		}
	}
	// A text that was left in English by mistake would be the same.
	same := map[string]bool{"Certificates": true, "Info": true, "Certificate": true, "Version": true, "ConfigTitle": true}
	e, f := reflect.ValueOf(english), reflect.ValueOf(french)
	for i := range e.NumField() {
		if name := e.Type().Field(i).Name; e.Field(i).String() == f.Field(i).String() && !same[name] {
			t.Errorf("%s is the same in both languages", name)
		}
	}
}

func TestText_timesSizesAndNumbers(t *testing.T) {
	en, fr := &pen{w: english, now: now}, &pen{w: french, now: now}
	for _, c := range []struct{ got, want string }{
		{en.at(ago(42 * time.Second)).Ago, "42 s ago"},
		{en.at(ago(61 * time.Minute)).Ago, "1 h 01 ago"},
		{fr.at(ago(72 * time.Hour)).Ago, "il y a 3 jours"},
		{en.at(ago(time.Minute)).Text, "14:02"},
		{en.at(ago(24 * time.Hour)).Text, "2026-11-20 14:03"},
		{en.at(now.Add(time.Hour)).Ago, ""},
		{en.at(time.Time{}).Text, ""},
		{en.at(now.UTC()).Text, "14:03"},
		{en.number(1234567), "1,234,567"},
		{fr.number(-1234), "-1\u202f234"},
		{en.number(999), "999"},
		{en.bytes(999), "999 B"},
		{en.bytes(1_500), "1.5 kB"},
		{fr.bytes(1_500_000), "1,5 Mo"},
		{en.bytes(4_200_000_000_000_000), "4200 TB"},
		{link("https://a.example/x?y=z"), "https://a.example/x?y=z"},
		{link("javascript:alert(1)"), ""},
		{link("//a.example"), ""},
		{link("https://"), ""},
	} {
		if got := strings.ReplaceAll(c.got, "\u00a0", " "); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestClean_cutsAndTellsHowLongItWas(t *testing.T) {
	got := english.clean(strings.Repeat("é", 5000), 10)
	if want := strings.Repeat("é", 10) + " … (5000 characters)"; got != want {
		t.Errorf("got %q", got)
	}
	if got := english.clean("  a\x1b[31mb\r\n\tc\u2028 ", 50); got != "a [31mb \n\tc" {
		t.Errorf("got %q", got)
	}
	if got := english.clean("plain", 5); got != "plain" {
		t.Errorf("got %q", got)
	}
}

func TestPage_aStormIsCutAndCounted(t *testing.T) {
	s := calm()
	for range 1234 {
		s.Alerts = append(s.Alerts, Alert{Name: "HostDown", Severity: "critical", Description: strings.Repeat("x", 4096)})
		s.Targets = append(s.Targets, Target{Job: "node", Instance: "h", State: Down})
	}
	page := draw(t, s)
	if n := strings.Count(page, "<article"); n != maxAlerts {
		t.Errorf("%d alerts are shown", n)
	}
	for _, want := range []string{"1234 alerts are firing", "And 1034 more."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestPage_whileStartingUnknownIsNoGap(t *testing.T) {
	s := starting()
	if v := newView(s); len(v.Gaps) != 0 || v.Head.Title != "Démarrage" {
		t.Errorf("gaps %v, headline %v", v.Gaps, v.Head)
	}
	s.Starting = false
	if v := newView(s); len(v.Gaps) != 1 {
		t.Errorf("after the start: gaps %v", v.Gaps)
	}
}
