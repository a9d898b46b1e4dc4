package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

func overrides(t *testing.T, text string) Overrides {
	t.Helper()
	var o Overrides
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOverrides_saysWhatIsWrongAndWhere(t *testing.T) {
	read := problem.New()
	own := Parse(read, "own.yml", []byte(`groups:
  - name: own
    rules:
      - {alert: OwnAny, expr: some_metric and other_metric}
      - {alert: OwnSum, expr: "sum by (job, queue) (x) > 10", labels: {team: web}}
      - {alert: OwnLate, expr: x_seconds > 0.5}
`))
	if found := texts(read); len(found) > 0 {
		t.Fatal(found)
	}
	for _, c := range []struct{ text, want string }{
		{"HostDiskFul: {threshold: 0.9}", "rules.HostDiskFul: there is no rule of that name; did you mean HostDiskFull?"},
		{"Zzzzzz: {off: true}", "rules.Zzzzzz: there is no rule of that name"},
		{"HostDiskFull: {treshold: 0.9}", "rules.HostDiskFull.treshold: is not known here; did you mean threshold? (there are match, off, threshold, for, severity)"},
		{"HostDiskFull: 0.9", "rules.HostDiskFull: write what to change, as {threshold: 0.9}, or {off: true}"},
		{"HostDiskFull:", "rules.HostDiskFull: changes nothing: write threshold, for, severity or off"},
		{"HostDiskFull: {threshold: 90}", "rules.HostDiskFull.threshold: 90 is no ratio: write a number between 0 and 1, as 0.95 for 95 %"},
		{"HostDiskFull: {threshold: 90%}", `rules.HostDiskFull.threshold: "90%" is not a number: write 90 % as a ratio, 0.95 for 95 %`},
		{"HostDiskFull: {threshold: .nan}", "rules.HostDiskFull.threshold: NaN is not a number to compare with"},
		{"HostDiskFull: {threshold: full}", `rules.HostDiskFull.threshold: "full" is not a number`},
		{"HostDiskFull: {for: 5}", `rules.HostDiskFull.for: "5" is not a duration: write a number with its unit, as 0s, 30s or 5m`},
		{"HostDiskFull: {severity: urgent}", `rules.HostDiskFull.severity: "urgent" is none: write critical, warning or info`},
		{"HostDiskFull: {off: maybe}", `rules.HostDiskFull.off: "maybe" is neither true nor false`},
		{"HostDiskFull: {off: true, for: 5m}", "rules.HostDiskFull: off leaves nothing to change: take off out, or the rest"},
		{"HostDiskFull: {off: false}", "rules.HostDiskFull: changes nothing: write threshold, for, severity or off: true"},
		{"HostDiskFull: []", "rules.HostDiskFull: changes nothing: write threshold, for, severity or off"},
		{"HostDiskFull: {for: 1m, for: 2m}", "rules.HostDiskFull.for: is there twice: take one out"},
		{"HostDown: {threshold: 1}", "rules.HostDown.threshold: HostDown asks whether something is so (== 0), so it has no threshold; off, for and severity can be changed"},
		{"OwnAny: {threshold: 1}", "rules.OwnAny.threshold: OwnAny does not compare with one number, so it has no threshold"},
		{"OwnLate: {threshold: 2}", ""},
		{"HostDiskFull: [{match: {mountpoint: /b}, threshold: 0.99}]", ""},
		{"HostDiskFull: [{match: mountpoint, threshold: 0.99}]", "rules.HostDiskFull[0].match: write the labels that an alert must have, as {mountpoint: /backup}"},
		{"HostDiskFull: [{match: {mountpoint: [/a, /b]}, off: true}]", "rules.HostDiskFull[0].match: mountpoint must be one text; for several values write several entries"},
		{"HostDiskFull: [{match: {from: db1}, off: true}]", "rules.HostDiskFull[0].match.from: alerts of HostDiskFull never carry this label: it is aggregated away"},
		{"OwnSum: [{match: {host: db1}, off: true}]", "rules.OwnSum[0].match.host: alerts of OwnSum never carry this label: they have job, queue"},
		{"OwnSum: [{match: {team: web}, off: true}]", "rules.OwnSum[0].match.team: the rule itself gives this label to all alerts: leave it out of match"},
		{"HostDiskFull: [{match: {mount-point: /}, off: true}]", "rules.HostDiskFull[0].match.mount-point: is not the name of a label"},
		{"HostDiskFull: [{for: 1m}, {match: {host: a}, off: true}]", "rules.HostDiskFull[1]: is never reached: entry 1 has no match, so it fits all; put it last"},
		{
			"HostDiskFull: [{match: {host: a}, for: 1m}, {match: {host: a, mountpoint: /}, off: true}]",
			"rules.HostDiskFull[1]: is never reached: entry 1 fits all that this one does; put this one first",
		},
		{"HostDiskFull: [{match: {host: a, mountpoint: /}, off: true}, {match: {host: a}, for: 1m}, {threshold: 0.9}]", ""},
	} {
		t.Run(c.text, func(t *testing.T) {
			var o Overrides
			err := yaml.Unmarshal([]byte(c.text), &o)
			if err != nil {
				t.Fatal(err)
			}
			p := problem.New().At("rules")
			o.Validate(p, append(load(t), own))
			var got []string
			for _, found := range p.All() {
				got = append(got, found.Path+": "+found.Text)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOverrides_areWrittenAsTheyWereRead(t *testing.T) {
	for _, text := range []string{
		"HostDiskFull:\n    threshold: 0.9\n",
		"HostDiskFull:\n    - for: 5m\n      match:\n        mountpoint: /b\n      severity: info\n      threshold: 0.99\n    - \"off\": true\n",
	} {
		b, err := yaml.Marshal(overrides(t, text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, string(b)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRender_withoutOverridesIsByteForByte(t *testing.T) {
	files := load(t)
	got, err := Render(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if diff := cmp.Diff(string(f.Text()), string(got[f.Name])); diff != "" {
			t.Errorf("%s: %s", f.Name, diff)
		}
	}
}

const several = `
HostDiskFull:
  - {match: {mountpoint: /backup}, threshold: 0.99}
  - {match: {host: build1, mountpoint: "/it's $1"}, off: true}
  - {match: {host: test1}, severity: info, for: 1h}
  - {threshold: 0.9}
HostRebooted: {severity: info}
HostMemoryLow: {for: 0s}
HostClockOff: {off: true}
Watchdog: {severity: warning}
CertificateExpiringSoon: {threshold: 10}
`

func TestRender_appliesOverridesAndMovesNothingElse(t *testing.T) {
	files := load(t)
	o := overrides(t, several)
	p := problem.New()
	o.Validate(p, files)
	if found := texts(p); len(found) > 0 {
		t.Fatal(found)
	}
	after, err := Effective(files, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		for j, g := range f.Groups {
			now := after[i].Groups[j]
			if now.Name != g.Name || now.Interval != g.Interval {
				t.Errorf("group %s became %s", g.Name, now.Name)
			}
			var before, names []string
			for _, r := range g.Rules {
				switch r.Name() {
				case "HostClockOff": // off
				case "HostDiskFull":
					before = append(before, r.Name(), r.Name())
				default:
					before = append(before, r.Name())
				}
			}
			for _, r := range now.Rules {
				names = append(names, r.Name())
			}
			if diff := cmp.Diff(before, names); diff != "" {
				t.Errorf("%s: %s", g.Name, diff)
			}
		}
	}
	memory, _ := Find(after, "HostMemoryLow")
	rebooted, _ := Find(after, "HostRebooted")
	soon, _ := Find(after, "CertificateExpiringSoon")
	if memory.For != 0 || memory.Threshold.Value != 0.05 || rebooted.Severity() != "info" || soon.Threshold.Value != 10 {
		t.Errorf("applied as %+v\n%+v\n%+v", memory, rebooted, soon)
	}
	full := slicesOf(after, "HostDiskFull")
	if len(full) != 2 || time.Duration(full[1].For) != time.Hour || full[1].Severity() != "info" || full[0].Severity() != "critical" {
		t.Errorf("HostDiskFull became %+v", full)
	}
	original, _ := Find(files, "HostDiskFull")
	if diff := cmp.Diff(original.Annotations, full[1].Annotations); diff != "" {
		t.Error(diff)
	}
}

func slicesOf(files []File, name string) []Rule {
	var out []Rule
	for _, r := range Alerts(files) {
		if r.Alert == name {
			out = append(out, r)
		}
	}
	return out
}

func TestRender_twoFilesOfOneName(t *testing.T) {
	f := Parse(problem.New(), "a/x.yml", []byte("groups: []"))
	if _, err := Render([]File{f, f}, nil); err == nil || !strings.Contains(err.Error(), "rename one") {
		t.Errorf("got %v", err)
	}
}

// What a site's overrides make of the rules is standard to an old Prometheus
// too, and rings as they say.
func TestRender_promtoolAgrees(t *testing.T) {
	dir := t.TempDir()
	texts, err := Render(load(t), overrides(t, several))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for name, text := range texts {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	promtool(t, append([]string{"check", "rules", "--lint-fatal"}, paths...)...)

	var b strings.Builder
	b.WriteString("rule_files: [host.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n")
	for _, fs := range []struct {
		host, point string
		used        int
	}{
		{"a", "/backup", 98}, {"b", "/backup", 100}, {"build1", "/it's $1", 100}, {"test1", "/", 96}, {"c", "/", 91}, {"d", "/", 89},
	} {
		for _, v := range []struct {
			name  string
			value int
		}{{"size", 100}, {"free", 100 - fs.used}, {"avail", 100 - fs.used}} {
			fmt.Fprintf(&b, "      - {series: %q, values: %dx100}\n", fmt.Sprintf(
				"node_filesystem_%s_bytes{job=\"node\",instance=%q,host=%q,mountpoint=%q}", v.name, fs.host, fs.host, fs.point), v.value)
		}
	}
	b.WriteString(`    promql_expr_test:
      - expr: count by (host, mountpoint, severity, alertstate) (ALERTS{alertname="HostDiskFull"})
        eval_time: 30m
        exp_samples:
          - {labels: '{host="b", mountpoint="/backup", severity="critical", alertstate="firing"}', value: 1}
          - {labels: '{host="c", mountpoint="/", severity="critical", alertstate="firing"}', value: 1}
          - {labels: '{host="test1", mountpoint="/", severity="info", alertstate="pending"}', value: 1}
`)
	path := filepath.Join(dir, "host_test.yml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "test", "rules", path)
}
