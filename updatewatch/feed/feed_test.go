package feed

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"

	"tocsin/internal/testenv"
)

func parse(t testing.TB, body string) []Entry {
	t.Helper()
	all, err := Parse(t.Context(), strings.NewReader(body), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestParse_readsWhatPublishersSend(t *testing.T) {
	at := time.Date(2026, 8, 13, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		body string
		want Entry
	}{
		"Atom": {
			`<?xml version="1.0" encoding="UTF-8"?><!-- a licence --><feed xmlns="http://www.w3.org/2005/Atom"><entry><id>tag:x,1:v1.2</id><title>One &amp; two</title><link href="https://x.example/v1.2"/><updated>2026-08-13T10:00:00Z</updated><content type="html"><![CDATA[<b>bold</b> a>b]]></content></entry></feed>`,
			Entry{ID: "tag:x,1:v1.2", Title: "One & two", Link: "https://x.example/v1.2", Text: "<b>bold</b> a>b", Published: at},
		},
		"RSS with a byte order mark and no guid": {
			"\xef\xbb\xbf<rss version='2.0'><channel><item><title>v1.2</title><link>https://x.example/v1.2</link><pubDate>Thu, 13 Aug 2026 10:00:00 GMT</pubDate><description>caf&eacute;</description></item></channel></rss>",
			Entry{Title: "v1.2", Link: "https://x.example/v1.2", Text: "café", Published: at},
		},
		"ISO-8859-1": {
			"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><rss><channel><item><title>\xe9t\xe9 1.2</title></item></channel></rss>",
			Entry{Title: "été 1.2"},
		},
		"RDF": {
			`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><item rdf:about="x"><title>v1.2</title><link>https://x.example/</link></item></rdf:RDF>`,
			Entry{Title: "v1.2", Link: "https://x.example/"},
		},
		"JSON": {
			`{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"1","title":"v1.2 \"{[,","url":"https://x.example/","content_text":"a","date_published":"2026-08-13T10:00:00Z"}]}`,
			Entry{ID: "1", Title: `v1.2 "{[,`, Link: "https://x.example/", Text: "a", Published: at},
		},
		"a control character, sloppy tags, a date that is none": {
			"<rss><channel><item><title>v1\x0b.2</title><link nofollow rel=x >https://x.example/</link><pubDate>soon</pubDate></item></channel></rss>",
			Entry{Title: "v1 .2", Link: "https://x.example/"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, c.body)
			if len(got) != 1 {
				t.Fatalf("%d entries", len(got))
			}
			if diff := cmp.Diff(c.want, got[0]); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

func TestParse_aFeedWithoutEntriesIsNoError(t *testing.T) {
	if got := parse(t, `<feed xmlns="http://www.w3.org/2005/Atom"><title>nothing yet</title></feed>`); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestParse_givesWhatGofeedAloneGives(t *testing.T) {
	body := github(100, 12)
	alone, err := gofeed.NewParser().Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(entries(alone), parse(t, body)); diff != "" {
		t.Errorf("- alone, + guarded:\n%s", diff)
	}
}

// The guard may cost a tenth of what the parser does. Both take turns, and the
// quickest of each counts: others may be at work on this machine.
func TestParse_guardCostsATenthAtMost(t *testing.T) {
	if testing.Short() || raced {
		testenv.Skip(t, "takes some seconds, and tells nothing under the race detector")
	}
	body := github(100, 12)
	var ratio float64
	for range 5 {
		guarded, alone := time.Hour, time.Hour
		for range 30 {
			began := time.Now()
			parse(t, body)
			guarded = min(guarded, time.Since(began))
			began = time.Now()
			if _, err := gofeed.NewParser().Parse(strings.NewReader(body)); err != nil {
				t.Fatal(err)
			}
			alone = min(alone, time.Since(began))
		}
		ratio = guarded.Seconds() / alone.Seconds()
		t.Logf("100 entries, %d kB: guarded %s, alone %s: %.3f times", len(body)/1000, guarded, alone, ratio)
		if ratio <= 1.1 {
			return
		}
	}
	t.Errorf("guarded it takes %.2f times as long", ratio)
}

func BenchmarkParse_guarded(b *testing.B) {
	body := github(100, 12)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		parse(b, body)
	}
}

func BenchmarkParse_gofeedAlone(b *testing.B) {
	body := github(100, 12)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gofeed.NewParser().Parse(strings.NewReader(body)); err != nil {
			b.Fatal(err)
		}
	}
}
