package status

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func drawn(t *testing.T, p *Probe) string {
	t.Helper()
	var b bytes.Buffer
	if err := NewPage().DrawProbe(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()[strings.Index(b.String(), "<main>"):]
}

func wantTexts(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("it does not say %q:\n%s", text, page)
		}
	}
}

func TestDrawProbe_whatCouldNotBeMeasured(t *testing.T) {
	t.Parallel()
	down := func(d time.Duration) Look {
		return Look{At: ago(d), State: Down, Detail: "the password’s file cannot be read"}
	}
	p := &Probe{Now: now, Places: []Place{{Looks: []Look{down(time.Minute), down(19 * time.Minute), {At: ago(time.Hour), State: Good}}}}}
	wantTexts(t, drawn(t, p), "<strong>Not measured since 13:44</strong>", "<p>the password’s file cannot be read</p>", `class="head warn"`)
	p.Language, p.Places[0].Blind = "fr", ago(33*time.Minute)
	wantTexts(t, drawn(t, p), "<strong>Non mesurée depuis 13:30</strong>")
}

func TestDrawProbe_faultsThatFailNothing(t *testing.T) {
	t.Parallel()
	look := Look{
		At: ago(time.Second), State: Faulty, Faults: []string{"ns2 is silent", "ns3 is late"},
		Steps: []Step{{Phase: "processing", Text: "ns2: no answer", Failed: true}},
	}
	p := &Probe{Now: now, Name: "zone", Instance: "zone://ville.example", Places: []Place{{Looks: []Look{look}}}}
	page := drawn(t, p)
	wantTexts(t, page, "<strong>up, but …</strong></p><p>ns2 is silent</p><p>ns3 is late</p>", `class="state warn"><span class="sign" aria-hidden="true">!</span>up, but …`,
		`<tr class="fault">`, "<h1><bdi>zone</bdi></h1><p class=\"soft small\"><bdi>zone://ville.example</bdi></p>")
	if strings.Contains(page, "bad") {
		t.Errorf("it is red:\n%s", page)
	}
	p.Language = "fr"
	p.Told = "the name servers of ville.example and of the zone above it are asked about it, at most 32 addresses"
	wantTexts(t, drawn(t, p), "<strong>répond, mais…</strong>", "<td>traitement</td>", "0,0\u00a0ms",
		"Ce que fait une mesure\u00a0: les serveurs de noms de ville.example et de la zone au-dessus sont interrogés à ce sujet, sur au plus 32 adresses.")
}
