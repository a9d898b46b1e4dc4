package status

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/probes/probe"
)

// probed is a probe that went well and then failed.
func probed() *Probe {
	steps := []Step{
		{Text: "GET https://www.ville.example/"},
		{Phase: "resolve", Duration: 3 * time.Millisecond, Text: "www.ville.example is 192.0.2.8"},
		{Phase: "connect", Offset: 3 * time.Millisecond, Duration: 9 * time.Millisecond, Text: "connected to 192.0.2.8:443"},
		{Phase: "tls", Offset: 12 * time.Millisecond, Duration: 1300 * time.Millisecond, Text: "the certificate expired 3 days ago", Failed: true},
	}
	server := Server{
		Name: "www.ville.example", Address: "192.0.2.8:443", TLS: "TLS 1.3, TLS_AES_128_GCM_SHA256",
		Problems: []string{"expired 3 days ago"},
		Certificates: []Shown{
			{
				Subject: "CN=www.ville.example", Issuer: "CN=R11,O=Let's Encrypt,C=US", Serial: "04a1", Key: "ECDSA P-256", SignedBy: "SHA256-RSA",
				Fingerprint: strings.Repeat("ab", 32), Names: []string{"www.ville.example", "ville.example"}, NotBefore: ago(93 * day), NotAfter: ago(3 * day),
			},
			{Subject: "CN=R11,O=Let's Encrypt,C=US", Issuer: "CN=ISRG Root X1", Serial: "8a", Key: "RSA 2048", SignedBy: "SHA256-RSA", NotBefore: ago(600 * day), NotAfter: now.Add(400 * day)},
		},
	}
	failed := Look{
		At: ago(20 * time.Second), Duration: 1312 * time.Millisecond, State: Trouble, Reason: "tls_expired", Phase: "tls",
		Detail: "the certificate of www.ville.example expired on 2026-11-18", Steps: steps, Servers: []Server{server},
	}
	p := &Probe{
		Language: "en", Site: "ville", Host: "guet", Version: "0.1.0", Now: now, Name: "www", Instance: "https://www.ville.example",
		Told: "asked for the page, as a browser does", Every: 30 * time.Second, Places: []Place{{Name: "guet", Looks: []Look{failed}}},
	}
	for i := range 9 {
		p.Places[0].Looks = append(p.Places[0].Looks, Look{At: ago(time.Duration(50+30*i) * time.Second), Duration: 41 * time.Millisecond, State: Good})
	}
	return p
}

// places is a probe that is looked at from three of them, in French.
func places() *Probe {
	p := probed()
	p.Language = "fr"
	old := p.Places[0].Looks[0]
	old.At = ago(31 * time.Hour)
	renewed := old.Servers[0]
	renewed.Certificates, renewed.Problems = slices.Clone(renewed.Certificates), nil
	renewed.Certificates[0].NotBefore, renewed.Certificates[0].NotAfter = ago(3*day), now.Add(87*day)
	renewed.Certificates[0].Fingerprint = strings.Repeat("cd", 32)
	renewed.ChainEnds = now.Add(87 * day)
	p.Places = append(
		p.Places,
		Place{Name: "par1", Looks: []Look{{At: ago(4 * time.Second), Duration: 80 * time.Millisecond, State: Faulty, Faults: []string{"www.ville.example still takes TLS 1.0"}, Servers: []Server{renewed}}}, Failure: &old},
		Place{Name: "lyon", Looks: []Look{{At: ago(9 * time.Second), State: Down, Detail: "not measured: lyon refuses, write there\nprobe_allow: [www.ville.example]"}}},
		Place{Name: "neuf"},
	)
	return p
}

func TestDrawProbe_golden(t *testing.T) {
	page := NewPage()
	for name, probe := range map[string]*Probe{"probe": probed(), "probe_places_fr": places()} {
		var got bytes.Buffer
		if err := page.DrawProbe(&got, probe); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s is not there; write it with -update", file)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-update rewrites it):\n%s", file, diff)
		}
	}
}

func TestDrawProbe_headSaysFromWhere(t *testing.T) {
	page := NewPage()
	place := func(states ...State) Place {
		var p Place
		for _, s := range states {
			p.Looks = append(p.Looks, Look{State: s, Reason: "refused"})
		}
		return p
	}
	for want, all := range map[string][]Place{
		"<strong>up</strong>":                                       {place(Good, Trouble)},
		"<strong>down</strong>":                                     {place(Trouble, Good)},
		"<strong>up, but …</strong></p><p>weak</p>":                 {place(Good), {Looks: []Look{{State: Faulty, Faults: []string{"weak"}}}}},
		"<strong>Not looked at yet</strong>":                        {place(), place(Down)},
		"<strong>Down from everywhere (3 of 3 places)</strong>":     {place(Trouble), place(Trouble), place(Trouble)},
		"<strong>Down from 1 of 3 places</strong>":                  {place(Good), place(Trouble), place(Good)},
		"<strong>Down from everywhere (1 of 2 places)</strong>":     {place(Trouble), place(Down)},
		"<p>1 place could not look.</p>":                            {place(Trouble), place(Down)},
		"<p>the connection is refused</p><p>2 places could not loo": {place(Good), place(Trouble), place(Down), place()},
	} {
		var b bytes.Buffer
		if err := page.DrawProbe(&b, &Probe{Now: now, Places: all}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not said:\n%s", want, b.String()[strings.Index(b.String(), "<main>"):])
		}
	}
}

func TestDrawProbe_whatMustNotAnswer(t *testing.T) {
	p := &Probe{Now: now, Closed: true, Places: []Place{
		{Name: "guet", Looks: []Look{{State: Good}}},
		{Name: "lyon", Looks: []Look{{State: Trouble, Reason: "port_open"}}},
	}}
	for language, want := range map[string][]string{
		"en": {"<strong>Open from 1 of 2 places</strong>", "closed, as it must be", "</span>open</span>"},
		"fr": {"<strong>Ouvert, vu de 1 sur 2 lieux</strong>", "fermé, comme il se doit", "</span>ouvert</span>"},
	} {
		p.Language = language
		var b bytes.Buffer
		if err := NewPage().DrawProbe(&b, p); err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(b.String(), text) {
				t.Errorf("it does not say %q:\n%s", text, b.String()[strings.Index(b.String(), "<main>"):])
			}
		}
	}
}

func TestDrawProbe_certificatesThatDiffer(t *testing.T) {
	shown := func(prints ...string) Place {
		look := Look{State: Good}
		for i, f := range prints {
			look.Servers = append(look.Servers, Server{Name: string(rune('a' + i)), Certificates: []Shown{{Subject: "CN=www", Fingerprint: f, NotAfter: now}}})
		}
		return Place{Name: "par", Looks: []Look{look, {Servers: []Server{{Name: "a", Certificates: []Shown{{Fingerprint: "old"}}}}}}}
	}
	const differs = "does not show every place the same certificate"
	for _, c := range []struct {
		places []Place
		times  int
	}{
		{[]Place{shown("1"), shown("1")}, 0},
		{[]Place{shown("1"), shown("2")}, 1},
		{[]Place{shown("1", "2"), shown("1", "3"), shown("1", "2")}, 1},
		{[]Place{shown("1", "2"), shown("3", "4")}, 2},
		{[]Place{shown("1"), shown(), {Name: "new"}}, 0},
		{[]Place{shown("1"), shown("")}, 0},
		{[]Place{shown("1", "2")}, 0},
	} {
		var b bytes.Buffer
		if err := NewPage().DrawProbe(&b, &Probe{Now: now, Places: c.places}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), differs); got != c.times {
			t.Errorf("it is said %d times, want %d: %s", got, c.times, b.String()[strings.Index(b.String(), "<main>"):])
		}
	}
}

func TestDrawProbe_hostileTextsAreHarmless(t *testing.T) {
	const hostile = "<script>alert(1)</script>\u202e\"'&"
	p := probed()
	p.Instance, p.Name, p.Told, p.Site, p.Places[0].Name = hostile, hostile, hostile, hostile, hostile
	look := &p.Places[0].Looks[0]
	look.Faults = []string{hostile}
	look.Reason, look.Meaning, look.Detail, look.Steps[0].Text = hostile, hostile, hostile, strings.Repeat(hostile, 1000)
	p.Places = append(p.Places, p.Places[0])
	other := *look
	other.Servers = []Server{{Name: hostile, Certificates: []Shown{{Fingerprint: hostile, Subject: hostile, Issuer: hostile}}}}
	p.Places[1].Looks = []Look{other}
	c := &look.Servers[0].Certificates[0]
	c.Subject, c.Issuer, c.Names, look.Servers[0].Name, look.Servers[0].Problems[0] = hostile, hostile, []string{hostile}, hostile, hostile
	page := NewPage()
	var b bytes.Buffer
	if err := page.DrawProbe(&b, p); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script") || strings.Contains(b.String(), "\u202e") || b.Len() > 60_000 {
		t.Errorf("%d bytes:\n%s", b.Len(), b.String())
	}
}

func TestProbeWords_bothLanguagesSayEverything(t *testing.T) {
	for name, w := range map[string]probeWords{"english": probeEnglish, "french": probeFrench} {
		for i, v := 0, reflect.ValueOf(w); i < v.NumField(); i++ {
			if v.Field(i).String() == "" {
				t.Errorf("%s: %s is empty", name, v.Type().Field(i).Name)
			}
		}
	}
}

func TestProbeReasons_haveWords(t *testing.T) {
	known := probeReasons()
	for _, reason := range probe.Reasons() {
		if words := known[string(reason)]; words[0] == "" || words[1] == "" {
			t.Errorf("%s has no words in English and French", reason)
		}
	}
}
