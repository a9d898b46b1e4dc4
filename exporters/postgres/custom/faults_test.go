package custom_test

import (
	"regexp"
	"testing"

	"tocsin/exporters/postgres/custom"
	"tocsin/internal/strict"
)

// TestReadOld_faults: what is wrong in a queries.yaml is told with its place,
// and what to write instead.
func TestReadOld_faults(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key": {
			"a:\n  qery: SELECT 1 AS n\n  metrics: [{n: {usage: GAUGE}}]\n",
			"q.yaml:2: a.qery: unknown key; did you mean query?",
		},
		"unknown usage": {
			"a:\n  query: SELECT 1 AS n\n  metrics:\n    - n:\n        usage: GUAGE\n",
			`q.yaml:5: a.metrics[0].n.usage: "GUAGE" is no usage; write GAUGE`,
		},
		"usage in small letters": {
			"a:\n  query: SELECT 1 AS n\n  metrics:\n    - n: {usage: gauge}\n",
			`q.yaml:4: a.metrics[0].n.usage: "gauge" is no usage; write GAUGE`,
		},
		"no query":     {"a:\n  metrics: [{n: {usage: GAUGE}}]\n", "q.yaml:1: a: is missing query; write the statement"},
		"no metrics":   {"a:\n  query: SELECT 1\n", "q.yaml:1: a: is missing metrics; write its columns, as metrics: [{count: {usage: GAUGE, description: How many there are}}]"},
		"two in one":   {"a:\n  query: SELECT 1\n  metrics:\n    - {n: {usage: GAUGE}, m: {usage: GAUGE}}\n", "q.yaml:4: a.metrics[0]: must be one column, as - count: {usage: GAUGE, description: How many there are}; it has 2"},
		"twice":        {"a:\n  query: SELECT 1\n  metrics:\n    - n: {usage: GAUGE}\n    - n: {usage: LABEL}\n", "q.yaml:5: a.metrics[1].n: is listed twice; keep one"},
		"no mapping":   {"a:\n  query: SELECT 1\n  metrics:\n    - n: {usage: MAPPEDMETRIC}\n", "q.yaml:4: a.metrics[0].n: is missing metric_mapping; write which text is which number, as metric_mapping: {up: 1, down: 0}"},
		"odd mapping":  {"a:\n  query: SELECT 1\n  metrics:\n    - n: {usage: GAUGE, metric_mapping: {a: 1}}\n", "q.yaml:4: a.metrics[0].n.metric_mapping: is for usage: MAPPEDMETRIC alone; take it away, or change the usage"},
		"a range":      {"a:\n  query: SELECT 1\n  runonserver: new\n  metrics: [{n: {usage: GAUGE}}]\n", `q.yaml:3: a.runonserver: is no range of versions; write one as ">=10.0.0 <14.0.0", with || between two ranges`},
		"a label":      {"a:\n  query: SELECT 1\n  metrics:\n    - instance: {usage: LABEL}\n", "q.yaml:4: a.metrics[0].instance: instance is put on by whoever scrapes; give the column another name by AS"},
		"a name":       {"a b:\n  query: SELECT 1\n  metrics: [{n: {usage: GAUGE}}]\n", "q.yaml:1: a b: makes the metric's name, which must be letters, digits and _; write one as shop_orders\nq.yaml:3: a b.metrics[0].n: makes the metric's name, which must be letters, digits and _; write one as shop_orders"},
		"own names":    {"tocsin_a:\n  query: SELECT 1\n  metrics: [{n: {usage: DISCARD}}]\n", ""},
		"cache":        {"a:\n  query: SELECT 1\n  cache_seconds: 1000000\n  metrics: [{n: {usage: GAUGE}}]\n", "q.yaml:3: a.cache_seconds: 1000000 is more than a day; write 86400 at most"},
		"no mapping 2": {"- a\n", `q.yaml:1: the file must be lines of "key: value"; it begins with a list`},
		"no YAML":      {"a: [\n", "q.yaml:1: not YAML; check indentation, quotes and brackets here"},
		"empty":        {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := custom.ReadOld([]byte(c.text), "")
			got := ""
			if len(faults) > 0 {
				got = (&strict.Error{File: "q.yaml", Faults: faults}).Error()
			}
			if got != c.want {
				t.Errorf("it says\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// lineBreak is what ends a line of YAML 1.1, as its library counts.
var lineBreak = regexp.MustCompile(`\r\n|[\r\n\x{85}\x{2028}\x{2029}]`)

func FuzzReadOld(f *testing.F) {
	f.Add("\r? []")
	f.Add("a:\n  query: SELECT 1 AS n\n  runonserver: \">=9.4 <10 || 12\"\n  metrics:\n    - n: {usage: MAPPEDMETRIC, metric_mapping: {a: 1}}\n")
	f.Add("a: &x {query: q, metrics: [{n: {usage: LABEL}}]}\nb: *x\n")
	f.Fuzz(func(t *testing.T, text string) {
		plans, faults := custom.ReadOld([]byte(text), ".")
		for _, fault := range faults {
			if fault.Text == "" || fault.Line < 0 || fault.Line > len(lineBreak.FindAllString(text, -1))+1 {
				t.Errorf("%+v", fault)
			}
		}
		for _, p := range plans {
			p.Families()
		}
	})
}
