package promtext

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// text writes families as a page, its lines sorted: their order means nothing.
func text(t testing.TB, families []*dto.MetricFamily) string {
	t.Helper()
	var b bytes.Buffer
	for _, mf := range families {
		if _, err := expfmt.MetricFamilyToText(&b, mf); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.SplitAfter(b.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// What a Memory makes of a page is what Salvage makes of it, whatever it read
// before.
func TestMemory_forgetsNothingAndKeepsNothing(t *testing.T) {
	const head = "# HELP a Help.\n# TYPE a counter\n"
	pages := []string{
		head + "a{x=\"1\"} 1\na{x=\"2\"} 2\nb 3\n",
		head + "a{x=\"1\"} 10\na{x=\"2\"} 20\nb NaN\n", // other values
		head + "a{x=\"2\"} 5\na{x=\"1\"} 4\nb 6\n",     // another order
		head + "a{x=\"1\"} 1\nb 3\n",                   // one less
		head + "a{x=\"1\"} 1\nb 3\nc 4\n",              // one more
		head + "a{x=\"1\"} 1 1795247447000\nb 3\n",     // a timestamp
		head + "a{x=\"1\"} 1 1795247447001\nb 3\n",
		"# TYPE a gauge\na{x=\"1\"} 1\nb 3\n",          // another type
		"# TYPE a gauge\na{x=\"1\"} 2\na{x=\"1\"} 3\n", // twice
		"# TYPE a gauge\na{x=\"1\"} 2\na{x=\"1\"} 4\n",
		"b{x=\"odd \"name\"\"} 1\na 2\n", // a line that is none
		"b{x=\"odd \"name\"\"} 1\na 3\n",
		"# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n",
		"# TYPE s summary\ns{quantile=\"0.5\"} 4\ns_sum 5\ns_count 6\n",
		"# TYPE h histogram\nh_bucket{le=\"1\",k=\"v\"} 1\nh_bucket{le=\"+Inf\",k=\"v\"} 2\nh_sum{k=\"v\"} 3\nh_count{k=\"v\"} 2\n",
		"# TYPE h histogram\nh_bucket{le=\"1\",k=\"v\"} 2\nh_bucket{le=\"+Inf\",k=\"v\"} 3\nh_sum{k=\"v\"} 4\nh_count{k=\"v\"} 3\n",
	}
	var m Memory
	changes := 0
	for i, page := range pages {
		got, lost, err := m.Families([]byte(page), 100, func([]*Family) { changes++ })
		families, wantLost, wantErr := Salvage([]byte(page), 100, all)
		var want []*dto.MetricFamily
		for _, f := range families {
			want = append(want, f.Metrics())
		}
		if fmt.Sprint(err, lost) != fmt.Sprint(wantErr, wantLost) || text(t, got) != text(t, want) {
			t.Errorf("page %d: %v %v\n%s\nwant\n%s", i, lost, err, text(t, got), text(t, want))
		}
	}
	if changes != len(pages)-5 { // the second and third, and each second of what is twice, a summary, a histogram
		t.Errorf("%d pages were read from the start, want %d", changes, len(pages)-5)
	}
	if _, _, err := m.Families([]byte("<html>"), 100, func([]*Family) {}); err == nil {
		t.Error("a web page is a page of metrics")
	}
}

// What changed did to a page stays while the page does.
func TestMemory_keepsChanges(t *testing.T) {
	var m Memory
	for i := range 3 {
		page := fmt.Sprintf("a{z=\"1\"} %d\n", i)
		got, _, err := m.Families([]byte(page), 100, func(f []*Family) {
			f[0].Samples[0].Labels = append(f[0].Samples[0].Labels, Label{"b", "2"})
		})
		if want := fmt.Sprintf("a{b=\"2\",z=\"1\"} %d\n", i); err != nil || !strings.Contains(text(t, got), want) {
			t.Errorf("%v\n%s, want %s", err, text(t, got), want)
		}
	}
}

func FuzzMemory(f *testing.F) {
	f.Add("a 1\nb{x=\"1\"} 2\n", "b{x=\"1\"} 3\na 2\n")
	f.Add("# TYPE a summary\na_sum 1\n", "# TYPE a summary\na_sum 2 3\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		var m Memory
		_, _, _ = m.Families([]byte(first), 100, func([]*Family) {})
		got, _, err := m.Families([]byte(second), 100, func([]*Family) {})
		var fresh Memory
		want, _, wantErr := fresh.Families([]byte(second), 100, func([]*Family) {})
		if (err == nil) != (wantErr == nil) || err == nil && text(t, got) != text(t, want) {
			t.Errorf("%v %v, want %v %v", got, err, want, wantErr)
		}
	})
}
