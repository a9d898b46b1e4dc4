package promtext

import (
	"math"
	"strings"
	"testing"

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
