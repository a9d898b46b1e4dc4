package rules

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"tocsin/internal/problem"
)

func texts(p problem.List) []string {
	var out []string
	for _, found := range p.All() {
		out = append(out, found.Text)
	}
	return out
}

// head is a file with one rule; the rest of the rule follows on line 5.
const head = `groups:
  - name: own
    rules:
      - alert: OwnDown
`

func TestParse_saysWhatIsWrongAndWhere(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"tab", "groups:\n\t- name: x\n", "r.yml:2: not valid YAML: found character that cannot start any token"},
		{"no mapping", "- a\n", "r.yml:1: the file must be a mapping with the keys groups"},
		{"typo in file", "group: []\n", "r.yml:1: the file has no key group; did you mean groups?"},
		{"groups no list", "groups: {a: b}\n", "r.yml:1: groups must be a list: lines that begin with -"},
		{"typo in group", "groups:\n  - name: x\n    intervall: 1m\n", "r.yml:3: a group has no key intervall; did you mean interval?"},
		{"no name", "groups:\n  - rules: []\n", "r.yml:2: a group has no name: write name: and a word of its own"},
		{"group twice", "groups:\n  - name: x\n  - name: x\n", "r.yml:3: group x exists already on line 2: give it another name"},
		{"bad interval", "groups:\n  - name: x\n    interval: 1 minute\n", `r.yml:3: interval: "1 minute" is not a duration: write a number with its unit, as 30s, 5m or 1h30m`},
		{"bad limit", "groups:\n  - name: x\n    limit: many\n", `r.yml:3: limit: "many" is not a whole number`},
		{"two documents", "groups: []\n---\ngroups: []\n", "r.yml:2: a second document begins here, which Prometheus would ignore: put its groups into the first"},
		{"typo in rule", head + "        exp: up == 0\n        expr: up == 0\n", "r.yml:5: a rule has no key exp; did you mean expr?"},
		{"no expr", head, "r.yml:4: rule OwnDown: has no expr: write the query that it rings on"},
		{"key twice", head + "        expr: up == 0\n        expr: up\n", "r.yml:6: a rule has the key expr twice: take one out"},
		{"alert and record", head + "        record: a:b\n        expr: up\n", "r.yml:4: a rule has either alert: or record:, with a name"},
		{"neither", "groups:\n  - name: own\n    rules:\n      - expr: up\n", "r.yml:4: a rule has either alert: or record:, with a name"},
		{"bad query", head + "        expr: up == == 0\n", "r.yml:5: rule OwnDown: expr: unexpected <op:==>"},
		{"bad query in a block", head + "        expr: |\n          up\n          == ==\n          0\n", "r.yml:7: rule OwnDown: expr: unexpected <op:==>"},
		{"unknown function", head + "        expr: rat(up[5m]) > 0\n", "r.yml:5: rule OwnDown: expr: unknown function with name \"rat\""},
		{"range vector", head + "        expr: up[5m]\n", "r.yml:5: rule OwnDown: expr: gives a range vector; a rule needs an instant vector"},
		{"bad for", head + "        expr: up == 0\n        for: 10\n", `r.yml:6: for: "10" is not a duration: write a number with its unit, as 30s, 5m or 1h30m`},
		{"bad label", head + "        expr: up == 0\n        labels: {se-verity: x}\n", "r.yml:6: se-verity is not a name for a label: letters, digits and _, no digit first"},
		{"label is a list", head + "        expr: up == 0\n        labels: {a: [x]}\n", "r.yml:6: must be a text"},
		{"recording with for", "groups:\n  - name: own\n    rules:\n      - record: a:b\n        expr: up\n        for: 1m\n", "r.yml:6: rule a:b: for: is for alerts, not for record: take it out"},
		{"recording with a bad name", "groups:\n  - name: own\n    rules:\n      - record: a-b\n        expr: up\n", "r.yml:4: rule a-b: is not a metric's name: letters, digits, _ and :, no digit first"},
		{
			"unknown template function", head + "        expr: up == 0\n        annotations:\n          summary: x\n          description: '{{ $value | humanise }}'\n",
			"r.yml:8: rule OwnDown: annotations.description: templates have no function humanise; did you mean humanize?",
		},
		{
			"unknown template field", head + "        expr: up == 0\n        annotations: {summary: '{{ .Lables.job }}'}\n",
			"r.yml:6: rule OwnDown: annotations.summary: templates have no field .Lables; did you mean Labels?",
		},
		{
			"template in a label", head + "        expr: up == 0\n        labels: {team: '{{ $lables.job }}'}\n",
			"r.yml:6: rule OwnDown: labels.team: the template fails: undefined variable \"$lables\"",
		},
		{
			"template without end", head + "        expr: up == 0\n        annotations: {summary: '{{ if true }}x'}\n",
			"r.yml:6: rule OwnDown: annotations.summary: the template fails: unexpected EOF",
		},
		{
			"template with a bad query", head + "        expr: up == 0\n        annotations: {summary: '{{ query \"up{\" }}'}\n",
			"r.yml:6: rule OwnDown: annotations.summary: the query up{: 1:4: parse error: unexpected end of input inside braces",
		},
		{
			"template without bounds", head + "        expr: up == 0\n        annotations: {summary: '{{ range 1000000000 }}x{{ end }}'}\n",
			"r.yml:6: rule OwnDown: annotations.summary: the template fails: the text is longer than 65536 bytes",
		},
		{
			"template with too many arguments", head + "        expr: up == 0\n        annotations: {summary: '{{ humanize 1 2 }}'}\n",
			"r.yml:6: rule OwnDown: annotations.summary: the template fails: <humanize>: wrong number of args for humanize: want 1 got 2",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := problem.New()
			Parse(p, "r.yml", []byte(c.text))
			got := strings.Join(texts(p), "\n")
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestParse_allProblemsAtOnce(t *testing.T) {
	p := problem.New()
	Parse(p, "r.yml", []byte(head+"        expr: up ==\n        for: 1\n        labels: {a: '{{ nope }}'}\n"))
	if len(p.All()) != 3 {
		t.Errorf("%d problems, want 3:\n%s", len(p.All()), strings.Join(texts(p), "\n"))
	}
}

func TestParse_goodFile(t *testing.T) {
	p := problem.New()
	f := Parse(p, "dir/r.yml", []byte(`groups:
  - name: own
    interval: 30s
    labels: {team: web}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      # Slow.
      - alert: Slow
        expr: (rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])) >= 0.5
        for: 1h30m
        keep_firing_for: 5m
        labels: &l {severity: warning}
        annotations: {summary: '{{ $labels.job }} is {{ $value | humanizeDuration }} late, {{ with query "max(up)" }}{{ . | first | value }}{{ end }}, {{ (toTime $labels.when).Year }}'}
      - alert: Raw
        expr: '{__name__="y", a="b"} offset 5m'
        labels: *l
`))
	if found := texts(p); len(found) > 0 {
		t.Fatal(strings.Join(found, "\n"))
	}
	if f.Name != "r.yml" || f.Source != "dir/r.yml" || time.Duration(f.Groups[0].Interval) != 30*time.Second {
		t.Errorf("read as %+v", f)
	}
	slow, raw := f.Groups[0].Rules[1], f.Groups[0].Rules[2]
	if diff := cmp.Diff(&Threshold{Op: ">=", Value: 0.5}, slow.Threshold); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"x_seconds_count", "x_seconds_sum"}, slow.Metrics); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"up"}, slow.TextMetrics); diff != "" {
		t.Error(diff)
	}
	if time.Duration(slow.For) != 90*time.Minute || slow.Severity() != "warning" || slow.Comment != "Slow." || slow.Line != 9 {
		t.Errorf("read as %+v", slow)
	}
	if raw.Threshold != nil || cmp.Diff([]string{"y"}, raw.Metrics) != "" || raw.Severity() != "warning" {
		t.Errorf("read as %+v", raw)
	}
}

func TestParse_emptyFileHasNoRules(t *testing.T) {
	for _, text := range []string{"", "# only a remark\n", "---\n", "groups:\n", "{}"} {
		p := problem.New()
		if f := Parse(p, "r.yml", []byte(text)); len(f.Groups) != 0 || len(p.All()) != 0 {
			t.Errorf("%q: %+v, %v", text, f, p.All())
		}
	}
}

func TestRead_globsAndTellsWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/x.yml", "a/y.yml", "b/x.yml"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("groups: []\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := problem.New().At("rule_files")
	files := Read(p, dir, []string{"a/*.yml", "a/x.yml", "b/*.yml", "none/*.yml", "[", "a"})
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"site-x.yml", "site-y.yml", "site-x.yml", "site-a"}, names); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"rule_files[2]: " + dir + "/a/x.yml and " + dir + "/b/x.yml have the same name: rename one",
		`rule_files[3]: "none/*.yml" fits no file; write the path of a rule file, as rules.d/*.yml`,
		`rule_files[4]: "[" is not a pattern: a [ has no ]`,
		"rule_files[5]: read rules: read " + dir + "/a: is a directory",
	}
	var got []string
	for _, found := range p.All() {
		got = append(got, found.Path+": "+found.Text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	// Small seeds: a minimiser takes a minute for one of our files.
	f.Add([]byte(head + "        expr: max without (from) (up{job=\"node\"}) == 0\n        for: 15s\n"))
	f.Add([]byte(head + "        expr: |\n          (a / b) > 0.95 # c\n        labels: {severity: info}\n"))
	f.Add([]byte("groups: &a [*a]"))
	f.Add([]byte("groups:\n- name: x\n  rules:\n  - alert: A\n    expr: up\n    annotations: {s: '{{ range $l := .Labels }}{{ $l }}{{ end }}'}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p := problem.New()
		file := Parse(p, "r.yml", text)
		if len(p.All()) > 0 {
			return
		}
		// What is accepted here loads there,
		_, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			t.Errorf("Prometheus refuses what was accepted: %v in:\n%s", errs, text)
		}
		// and can be changed and written.
		low := 0.25
		o := Overrides{}
		for _, r := range Alerts([]File{file}) {
			if r.Threshold.Adjustable() {
				o[r.Alert] = Entries{List: []Entry{{Match: map[string]string{"a": "$1"}, Threshold: &low}}}
			}
		}
		if _, err := Effective([]File{file}, o); err != nil {
			t.Errorf("%v in:\n%s", err, text)
		}
	})
}
