package feed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/testenv"
)

// What a hostile feed may cost at most.
const (
	maxMemory = 64 << 20 // resident, above idle
	maxTime   = 3 * time.Second
)

const (
	atomHead = `<feed xmlns="http://www.w3.org/2005/Atom">`
	rssHead  = `<rss version="2.0"><channel><title>t</title>`
)

// Each of these costs gofeed alone seconds, gigabytes or the whole process.
func TestParse_hostileFeedsAreRefused(t *testing.T) {
	namespaces := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(` xmlns:n` + strconv.Itoa(i) + `="u` + strconv.Itoa(i) + `"`)
		}
		return b.String()
	}
	deep := strings.Repeat("<a"+namespaces(30)+">", 30)
	for _, c := range []struct {
		name string
		body io.Reader
		want error
	}{
		{"foreign elements in each other, 2 M levels", repeated(atomHead+`<u xmlns="y">`, "<u>", 2_000_000, ""), ErrHostile},
		{"the same, closed and prefixed", repeated(`<feed xmlns="http://www.w3.org/2005/Atom" xmlns:z="y">`, "<z:u></z:u><z:u>", 2_000_000, ""), ErrHostile},
		{"native elements in each other, 1 M levels", repeated(rssHead, "<abcd>", 1_000_000, ""), ErrHostile},
		{"1,000 namespaces on one element", repeated(atomHead+`<x:y xmlns:x="y"`+namespaces(1000)+">", "<x:z/>", 50_000, "</x:y></feed>"), ErrHostile},
		{"30 namespaces on each of 30 levels", repeated(atomHead+deep, "<b/>", 50_000, ""), ErrHostile},
		{"30 namespaces in scope of 59,000 elements", repeated(atomHead+`<x:y xmlns:x="y"`+namespaces(30)+">", "<x:z/>", 59_000, "</x:y></feed>"), nil},
		{"1,000 attributes", repeated(atomHead+"<entry", " a='1'", 1000, "/></feed>"), ErrHostile},
		{"2 MB of CDATA pieces", repeated(rssHead+`<item><x:a xmlns:x="y">`, "<![CDATA[x]]>", 160_000, "</x:a></item></channel></rss>"), ErrHostile},
		{"1,900 CDATA pieces of 4 kB", repeated(rssHead+`<item><x:a xmlns:x="y">`, "<![CDATA["+strings.Repeat("x", 4000)+"]]>", 1900, "</x:a></item></channel></rss>"), ErrHostile},
		{"15 CDATA pieces of 500 kB", repeated(rssHead+`<item><x:a xmlns:x="y">`, "<![CDATA["+strings.Repeat("x", 500_000)+"]]>", 15, "</x:a></item></channel></rss>"), nil},
		{"one title of 100 MB", repeated(rssHead+"<item><title>", strings.Repeat("x", 1000), 100_000, "</title></item></channel></rss>"), ErrTooLarge},
		{"one title of 7 MB", repeated(rssHead+"<item><title>", strings.Repeat("x", 1000), 7_000, "</title></item></channel></rss>"), nil},
		{"2.5 M entries", repeated(atomHead, "<entry><id>x</id></entry>", 2_500_000, "</feed>"), ErrHostile},
		{"60,000 small elements", repeated(rssHead+"<item>", "<category>x</category>", 59_000, "</item></channel></rss>"), nil},
		{"2,000 entries of 28 parts", repeated(rssHead, "<item>"+strings.Repeat("<category>x</category>", 28)+"</item>", 2000, "</channel></rss>"), nil},
		{"2,000 entries of foreign parts", repeated(`<rss version="2.0" xmlns:x="y"><channel>`, "<item>"+strings.Repeat(`<x:a b="c">x</x:a>`, 28)+"</item>", 2000, "</channel></rss>"), nil},
		{"entities that multiply", strings.NewReader(`<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;">]><rss><channel><title>&lol1;</title></channel></rss>`), ErrHostile},
		{"an entity from a file", strings.NewReader(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY xxe SYSTEM "file:///etc/passwd">]><rss><channel><title>&xxe;</title></channel></rss>`), ErrHostile},
		{"a document type in the middle", strings.NewReader(rssHead + `<!ELEMENT a>`), ErrHostile},
		{"UTF-16", strings.NewReader("\xff\xfe<\x00r\x00s\x00s\x00>\x00"), ErrHostile},
		{"an encoding that hides markup", strings.NewReader(`<?xml version="1.0" encoding="ISO-2022-JP"?>` + rssHead), ErrHostile},
		{"UTF-7", strings.NewReader(`<?xml version="1.0" encoding='utf-7'?>` + rssHead), ErrHostile},
		{"a second XML declaration", strings.NewReader(rssHead + `<?xml encoding="gb18030"?><item/>`), ErrHostile},
		{"deep JSON", repeated(`{"items":`, "[", 1_000_000, ""), ErrHostile},
		{"2 M JSON items", repeated(`{"version":"https://jsonfeed.org/version/1.1","items":[{}`, ",{}", 2_000_000, "]}"), ErrHostile},
		{"14,000 JSON items", repeated(`{"version":"https://jsonfeed.org/version/1.1","items":[{}`, ",{}", 14_000, "]}"), ErrHostile},
		{"2,000 JSON items", repeated(`{"version":"https://jsonfeed.org/version/1.1","items":[{}`, ",{}", 1999, "]}"), nil},
		{"an HTML page", strings.NewReader("<!doctype html><html><body>Please log in</body></html>"), ErrHostile},
		{"an HTML page without a type", strings.NewReader("<html><body>Please log in</body></html>"), ErrNoFeed},
		{"nothing", strings.NewReader(""), ErrNoFeed},
		{"white space", repeated("", " ", 10_000, ""), ErrNoFeed},
		{"a picture", strings.NewReader("\x89PNG\r\n\x1a\n"), ErrNoFeed},
		{"a feed that breaks off", strings.NewReader(github(3, 3)[:2000]), ErrNoFeed},
		{"bytes that are no text", strings.NewReader(rssHead + "<item><title>\xff\xfe\xfd</title></item></channel></rss>"), ErrNoFeed},
	} {
		t.Run(c.name, func(t *testing.T) {
			took, memory, entries, err := measure(t, c.body)
			t.Logf("| %s | %.0f ms | %.1f MiB | %d entries | %v |", c.name, 1000*took.Seconds(), float64(memory)/(1<<20), entries, err)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if took > maxTime && !raced {
				t.Errorf("took %s", took)
			}
			if memory > maxMemory && !raced {
				t.Errorf("took %d MiB", memory>>20)
			}
		})
	}
}

// measure parses and tells the process' peak of resident memory above what it
// was before.
func measure(t *testing.T, body io.Reader) (took time.Duration, memory int64, entries int, err error) {
	t.Helper()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		testenv.Skip(t, "the peak of memory cannot be reset here: "+err.Error())
	}
	idle := peak(t)
	began := time.Now()
	all, err := Parse(t.Context(), body, DefaultLimits())
	return time.Since(began), peak(t) - idle, len(all), err
}

func peak(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	kb, err := strconv.ParseInt(string(bytes.Fields(after)[0]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// A feed that drips is left at its deadline, and what was begun ends.
func TestParse_leavesAFeedThatDrips(t *testing.T) {
	limits := DefaultLimits()
	limits.Time = 50 * time.Millisecond
	r, w := io.Pipe()
	defer w.Close()
	began := time.Now()
	_, err := Parse(t.Context(), r, limits)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestParse_endsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Parse(ctx, strings.NewReader(github(1, 1)), DefaultLimits()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
