package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// BenchmarkHundredBricks measures what a hundred services cost a Tocsin that
// is scraped each 15 s, as a share of one core. One round is one interval:
// run it with -benchtime 8x.
func BenchmarkHundredBricks(b *testing.B) {
	const count, interval = 100, 15 * time.Second
	stats, err := os.ReadFile("../../bricks/catalog/recorded/etherpad-stats-busy.json")
	if err != nil {
		b.Fatal(err)
	}
	pad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/health"):
			fmt.Fprint(w, `{"status": "pass", "releaseId": "2.5.3"}`)
		case strings.HasSuffix(r.URL.Path, "/stats"):
			_, _ = w.Write(stats)
		default:
			fmt.Fprint(w, `{"currentVersion": "1.3.1"}`)
		}
	}))
	b.Cleanup(pad.Close)
	var site strings.Builder
	site.WriteString("engine: off\nhost: {collectors: {only: [uname]}}\nbricks:\n")
	for i := range count {
		fmt.Fprintf(&site, "  - {kind: etherpad, name: pad-%d, url: %q}\n", i, fmt.Sprintf("%s/%d", pad.URL, i))
	}
	in := newInstance(b, "pads", site.String())
	in.start()
	page := func(i int) string { return in.get(fmt.Sprintf("/metrics/brick/pad-%d", i)) }
	whole := func(i int) bool { return contains(page(i), "\nbrick_up 1\n", "\netherpad_total_users ") }
	for i := range count {
		eventually(b, time.Minute, "the whole page", func() string { return page(i) }, func() bool { return whole(i) })
	}
	tick := time.NewTicker(interval / count)
	defer tick.Stop()
	began, used := time.Now(), in.process.CPU(b)
	for b.Loop() {
		for i := range count {
			<-tick.C
			if !whole(i) {
				b.Fatal(page(i))
			}
		}
	}
	b.ReportMetric(100*(in.process.CPU(b)-used).Seconds()/time.Since(began).Seconds(), "%core")
	b.ReportMetric(0, "ns/op")
}
