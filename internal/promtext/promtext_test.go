package promtext

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func all(string) bool { return true }

func TestParse_bothFormats(t *testing.T) {
	classic := `# HELP app_requests_total Requests.
# TYPE app_requests_total counter
app_requests_total{path="/a\"b\\c\nd",code="200"} 17 1795247447000
# TYPE app_seconds histogram
app_seconds_bucket{le="1"} 2
app_seconds_bucket{le="+Inf"} 3
app_seconds_sum 1.5
app_seconds_count 3
app_bare NaN
# TYPE app_up gauge
app_up 1
`
	open := `# TYPE app_requests counter
# HELP app_requests Requests.
app_requests_total{path="/a\"b\\c\nd",code="200"} 17 1795247447.0 # {trace_id="x"} 0.5
app_requests_created 1795247000.0
# TYPE app_seconds histogram
app_seconds_bucket{le="1"} 2
app_seconds_bucket{le="+Inf"} 3
app_seconds_sum 1.5
app_seconds_count 3
app_bare NaN
# TYPE app_up gauge
app_up 1
# EOF
nonsense after the end
`
	requests := &Family{Name: "app_requests_total", Help: "Requests.", Type: "counter", Samples: []Sample{
		{Name: "app_requests_total", Labels: []Label{{"path", "/a\"b\\c\nd"}, {"code", "200"}}, Value: 17},
	}}
	want := []*Family{
		requests,
		{Name: "app_seconds", Type: "histogram", Samples: []Sample{
			{Name: "app_seconds_bucket", Labels: []Label{{"le", "1"}}, Value: 2},
			{Name: "app_seconds_bucket", Labels: []Label{{"le", "+Inf"}}, Value: 3},
			{Name: "app_seconds_sum", Value: 1.5},
			{Name: "app_seconds_count", Value: 3},
		}},
		{Name: "app_bare", Type: "untyped", Samples: []Sample{{Name: "app_bare", Value: math.NaN()}}},
		{Name: "app_up", Type: "gauge", Samples: []Sample{{Name: "app_up", Value: 1}}},
	}
	same := cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
	for name, text := range map[string]string{"classic": classic, "OpenMetrics": open} {
		got, err := Parse([]byte(text), all)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestParse_keepsOnlyWhatIsWanted(t *testing.T) {
	got, err := Parse([]byte("a 1\nb{x=\"1\"} 2\na{y=\"2\"} 3\n"), func(name string) bool { return name == "a" })
	if err != nil || len(got) != 1 || len(got[0].Samples) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestParse_refuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":         {"# only a comment\n", "it has no sample"},
		"HTML":            {"<html>\n", "line 1: it does not begin with the name of a metric"},
		"no value":        {"a 1\nb\n", "line 2: it does not begin with the name of a metric"},
		"text":            {"a hunter2\n", "line 1: its value is no number"},
		"open quote":      {"a{b=\"c\n", "line 1: a label has no closing quote"},
		"no quote":        {"a{b=c} 1\n", "line 1: its labels are not name=\"value\""},
		"not UTF-8":       {"a{b=\"\xff\"} 1\n", "line 1: a label is no text of at most 1024 bytes"},
		"a long label":    {"a{b=\"" + strings.Repeat("x", 2000) + "\"} 1\n", "line 1: a label is no text of at most 1024 bytes"},
		"too many":        {strings.Repeat("a 1\n", maxSamples+1), "line 20001: more than 20000 samples are wanted"},
		"too many labels": {"a{" + strings.Repeat("b=\"1\",", 65) + "} 1\n", "line 1: it has more than 64 labels"},
	} {
		_, err := Parse([]byte(test.text), all)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a 1\n", "# TYPE a histogram\na_bucket{le=\"1\"} 2\n", "a{b=\"\\n\"} NaN 12 # {x=\"y\"} 1\n# EOF\n", "a{b=\"c\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		families, err := Parse(page, all)
		if err == nil && len(families) == 0 && !strings.Contains(string(page), "_created") {
			t.Error("no error and no family")
		}
	})
}

// A page that is passed on as a whole loses what cannot be read, no more.
func TestSalvage(t *testing.T) {
	page := "a 1\nb{x=\"odd \"name\"\"} 1\nb{x=\"1\"} 2\nb{x=\"2\"} 3\nc\n"
	got, lost, err := Salvage([]byte(page), 2, all)
	want := []*Family{
		{Name: "a", Type: "untyped", Samples: []Sample{{Name: "a", Value: 1}}},
		{Name: "b", Type: "untyped", Samples: []Sample{{Name: "b", Labels: []Label{{"x", "1"}}, Value: 2}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if lost.Lines != 2 || lost.Samples != 1 || lost.First.Error() != "line 2: its labels are not name=\"value\"" {
		t.Errorf("%+v", lost)
	}
	if _, _, err := Salvage([]byte("<html>\n"), 2, all); err == nil || err.Error() != "line 1: it does not begin with the name of a metric" {
		t.Errorf("of a web page: %v", err)
	}
	if _, _, err := Salvage(nil, 2, all); err == nil || err.Error() != "it has no sample" {
		t.Errorf("of nothing: %v", err)
	}
}

// Scan gives what Parse gives, while the page comes.
func TestScan_asParse(t *testing.T) {
	page := "# TYPE a counter\n# HELP a Help.\na{x=\"1\",y=\"2\"} 1\n<p>\na 2\nunwanted 3\nb{z=\"\"} 4"
	var got, bad []string
	wanted := func(name string) bool { return name != "unwanted" }
	err := Scan(iotest.OneByteReader(strings.NewReader(page)), wanted, func(err error) { bad = append(bad, err.Error()) }, func(f *Family, s Sample) error {
		got = append(got, fmt.Sprint(f.Name, f.Type, f.Help, s.Labels, s.Value))
		return nil
	})
	if want := "[acounterHelp.[{x 1} {y 2}] 1 acounterHelp.[] 2 buntyped[{z }] 4]"; fmt.Sprint(got) != want || err != nil || len(bad) != 1 {
		t.Errorf("%v, %v, %v", got, bad, err)
	}
	mine := errors.New("enough")
	if err := Scan(strings.NewReader(page), all, nil, func(*Family, Sample) error { return mine }); !errors.Is(err, mine) {
		t.Error(err)
	}
	if err := Scan(strings.NewReader("a 1\n"+strings.Repeat("b", maxLine+1)), all, nil, func(*Family, Sample) error { return nil }); err == nil || err.Error() != "a line is longer than 65536 bytes" {
		t.Errorf("a long line: %v", err)
	}
}

// Each sample that is sent on has the labels that it had on the page.
func TestMetrics_labels(t *testing.T) {
	var page strings.Builder
	for i := range 700 { // more than are made at once
		fmt.Fprintf(&page, "a{i=\"%d\",empty=\"\",k=\"v\"} %d\n", i, i)
	}
	families, err := Parse([]byte(page.String()), all)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range families[0].Metrics().GetMetric() {
		if len(m.GetLabel()) != 2 || m.GetLabel()[0].GetValue() != fmt.Sprint(i) || m.GetLabel()[1].GetValue() != "v" || m.GetUntyped().GetValue() != float64(i) {
			t.Fatalf("%d: %v", i, m)
		}
	}
}
