package bricks

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/alerts/rules"
	"tocsin/internal/problem"
	"tocsin/internal/strict"
	"tocsin/internal/testenv"
)

var update = flag.Bool("update", false, "rewrite docs/kinds.md")

func load(t testing.TB) []Kind {
	t.Helper()
	kinds, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

func TestLoad_eachKindCanBeRead(t *testing.T) {
	kinds := load(t)
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
		if k.Title == "" || k.About == "" || k.Example == "" || k.Source != k.Name+".yml" {
			t.Errorf("%s: lacks a title, a sentence about it or an example, or lies in the file %s", k.Name, k.Source)
		}
		if b := (Brick{Name: "x", URL: k.Example}); b.Address(k, k.RequestNames()[0]) == "" {
			t.Errorf("%s: its example %s is no address for it", k.Name, k.Example)
		}
	}
	if want := []string{"etherpad", "nginx", "prometheus", "redis", "wcs", "website"}; !cmp.Equal(want, names) {
		t.Error(cmp.Diff(want, names))
	}
}

func TestReference_pageIsCurrent(t *testing.T) {
	var got bytes.Buffer
	if err := WriteReference(&got, load(t)); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join("..", "docs", "kinds.md")
	if *update {
		if err := os.WriteFile(page, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("docs/kinds.md is not current, run go test ./bricks -update:\n%s", diff)
	}
}

// The rules of kinds keep to what the shipped ones do.
func TestAlerts_areRulesOfOurs(t *testing.T) {
	seen := map[string]string{}
	for _, k := range load(t) {
		text := k.RuleFile()
		if text == nil {
			continue
		}
		p := problem.New()
		file := rules.Parse(p, k.RuleFileName(), text)
		for _, found := range p.All() {
			t.Errorf("%s: %s", k.Name, found.Text)
		}
		for _, r := range rules.Alerts([]rules.File{file}) {
			if first, twice := seen[r.Alert]; twice {
				t.Errorf("%s is a rule of %s and of %s", r.Alert, first, k.Name)
			}
			seen[r.Alert] = k.Name
			if r.Threshold == nil {
				t.Errorf("%s: the outermost of %q is not a comparison with one number", r.Alert, r.Expr)
			}
			if !strings.Contains(r.Expr, "without (from)") {
				t.Errorf("%s: the label from is not aggregated away", r.Alert)
			}
			when, do := r.Purpose()
			if when == "" || do == "" {
				t.Errorf("%s: does not say when it fires and what to do", r.Alert)
			}
			for _, name := range r.Metrics {
				if name != "ALERTS" && !covered(k, name) {
					t.Errorf("%s: selects %s, which %s does not export", r.Alert, name, k.Name)
				}
			}
		}
	}
}

// A rule that is silent while another one fires waits longer than it, two
// evaluations, as the shipped ones do.
func TestAlerts_dependentWaitsLongerThanItsCause(t *testing.T) {
	checked := 0
	for _, k := range load(t) {
		waits := map[string]time.Duration{}
		for _, a := range k.Alerts {
			waits[a.Name] = time.Duration(a.For)
		}
		for _, a := range k.Alerts {
			for _, m := range regexp.MustCompile(`ALERTS\{alertname="(\w+)"`).FindAllStringSubmatch(a.Expr, -1) {
				cause, ok := waits[m[1]]
				if !ok {
					t.Errorf("%s is silent for %s, which %s does not have", a.Name, m[1], k.Name)
				}
				checked++
				if wait := waits[a.Name] - cause; wait < 10*time.Second {
					t.Errorf("%s waits %s longer than its cause %s", a.Name, wait, m[1])
				}
			}
		}
	}
	if checked == 0 {
		t.Error("no dependency was found")
	}
}

func covered(k Kind, name string) bool {
	return slices.ContainsFunc(k.MetricNames(), func(pattern string) bool {
		ok, err := filepath.Match(pattern, name)
		return ok && err == nil
	})
}

func TestPanels_drawWhatTheKindExports(t *testing.T) {
	for _, k := range load(t) {
		for _, panel := range k.Panels {
			for _, q := range panel.Queries {
				for _, m := range regexp.MustCompile(`(\w+)\{\$selector\}`).FindAllStringSubmatch(q.Expr, -1) {
					if !covered(k, m[1]) {
						t.Errorf("%s: panel %s: %s is not exported", k.Name, panel.Title, m[1])
					}
				}
			}
		}
	}
}

// Each rule of a kind fires in one of promtool's tests, and is silent in
// another sample of the same.
func TestAlerts_promtoolUnitTests(t *testing.T) {
	promtool := testenv.Program(t, "promtool", "prometheus")
	dir := t.TempDir()
	var tests []string
	var all strings.Builder
	files, err := filepath.Glob("testdata/alerts/*_test.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no unit tests: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
		tests = append(tests, filepath.Join(dir, filepath.Base(name)))
		if err := os.WriteFile(tests[len(tests)-1], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range load(t) {
		if text := k.RuleFile(); text != nil {
			path := filepath.Join(dir, k.RuleFileName())
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", "--lint-fatal", path).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", k.Name, err, out)
			}
		}
		for _, a := range k.Alerts {
			if !strings.Contains(all.String(), `alertname="`+a.Name+`", alertstate="firing", job=`) {
				t.Errorf("%s: no unit test expects it to fire", a.Name)
			}
		}
	}
	if out, err := exec.CommandContext(t.Context(), promtool, append([]string{"test", "rules"}, tests...)...).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// good is a kind that is right; each bad one changes something.
const good = `kind: pad
requests:
  health: {path: /health}
health: {jq: .health.body.ok}
metrics:
  - {name: pad_users, type: gauge, help: Users., value: .health.body.users}
`

func TestParse_badKinds(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"a slip in a key", "requests:", "request:", "pad.yml:2: request: unknown key; did you mean requests?"},
		{"no kind", "kind: pad", "title: Pad", "pad.yml:1: kind: is missing; write a word for the service, as etherpad"},
		{"a kind with capitals", "kind: pad", "kind: Pad", `pad.yml:1: kind: "Pad" is no name; use small letters, digits, - and _, beginning with a letter`},
		{"no health", "health: {jq: .health.body.ok}\n", "", "pad.yml:1: health.jq: is empty; write a jq expression, as .health.body.status"},
		{"broken jq", ".health.body.ok}", "'.health.body.ok ==' }", "pad.yml:4: health.jq: jq: the expression ends too early; a bracket, a quote or an operand is missing"},
		{"a request that is not there", ".health.body.users", ".helth.body.users", "pad.yml:6: metrics[0].value: reads the answer of no request; did you mean .health?"},
		{"the environment", ".health.body.users", "'.health | env.HOME'", "pad.yml:6: metrics[0].value: jq: env is not allowed: an expression sees the answers and nothing else"},
		{"an adapter", "{path: /health}", "{adapter: http_jsn}", `pad.yml:3: requests.health.adapter: "http_jsn" is no adapter; did you mean http_json?`},
		{"a path", "path: /health", "path: health", "pad.yml:3: requests.health.path: must begin with /, as /health"},
		{"a type", "type: gauge", "type: histogram", `pad.yml:6: metrics[0].type: "histogram" is not known; write gauge or counter`},
		{"a name of ours", "name: pad_users", "name: brick_users", "pad.yml:6: metrics[0].name: brick_users: names that begin with brick_ and tocsin_ are Tocsin's own; begin it with the service's name"},
		{"a label of ours", "value:", "labels: {host: .x}, value:", "pad.yml:6: metrics[0].labels.host: the label host is put on by others; choose another name"},
		{"an enum without numbers", "value:", "enum: {up: yes}, value:", `pad.yml:6: metrics[0].enum.up: "yes" is no number`},
		{"SQL that writes", "{path: /health}", "{adapter: postgres, queries: {q: DELETE FROM t}}", "pad.yml:3: requests.health.queries.q: must be a SELECT: a kind only reads"},
		{"two statements", "{path: /health}", "{adapter: postgres, queries: {q: 'SELECT 1; SELECT 2'}}", "pad.yml:3: requests.health.queries.q: must be one statement without a semicolon"},
		{"credentials that follow", "{path: /health}", "{path: /health, auth: basic, follow_redirects: true}", "pad.yml:3: requests.health.follow_redirects: a request with credentials follows nobody; take one of the two away"},
		{"everything passed on", "{path: /health}", "{adapter: http_prometheus, pass: ['*']}", `pad.yml:3: requests.health.pass[0]: "*" is no pattern of names; write one that begins with the metrics' prefix, as myapp_*`},
		{"two sources of releases", "kind: pad", "kind: pad\nreleases: {github: a/b, feed: 'https://c.example'}", "pad.yml:2: releases: has 2 sources; keep one of github, gitlab, gitea, feed and packages"},
		{"a tag without a group", "kind: pad", "kind: pad\nreleases: {github: a/b, tag: 'v1'}", `pad.yml:2: releases.tag: "v1" is no regular expression with a group ( ); write one as '^v?(\d+\.\d+\.\d+)$'`},
		{"a panel of all bricks", "kind: pad", "kind: pad\npanels: [{title: a, description: b, queries: [{expr: pad_users}]}]", "pad.yml:2: panels[0].queries[0].expr: has no $selector, so that it would show all bricks; write metric{$selector}"},
		{"a number that is text", "value:", "max_rows: many, value:", `pad.yml:6: metrics[0].max_rows: must be a whole number; it is "many"`},
		{"a test of nothing", "kind: pad", "kind: pad\ntests: [{name: a, answers: {helth: x}}]", "pad.yml:2: tests[0].answers.helth: there is no request helth; the requests are health"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(good, test.old, test.new, 1)
			if text == good {
				t.Fatal("nothing was changed")
			}
			_, faults := Parse("pad.yml", []byte(text))
			if got := (&strict.Error{File: "pad.yml", Faults: faults}).Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	if _, faults := Parse("pad.yml", []byte(good)); len(faults) > 0 {
		t.Errorf("the good kind: %v", faults)
	}
}

func TestRead_aSitesOwnKinds(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"pad.yml": good, "again.yml": good, "bad.yml": "kind: x\nnonsense: 1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := problem.New()
	kinds := Read(p.At("kind_files"), dir, []string{"pad.yml", "again.yml", "bad.yml", "none/*.yml", "["})
	var got []string
	for _, found := range p.All() {
		got = append(got, found.Path+": "+strings.ReplaceAll(found.Text, dir+"/", ""))
	}
	want := []string{
		"kind_files[1]: pad.yml and again.yml both define the kind pad; keep one",
		"kind_files[2]: bad.yml:2: nonsense: unknown key; the keys here are kind, title, about, example, defaults, probe, requests, health, version, start, metrics, compat, releases, alerts, panels, tests",
		`kind_files[3]: "none/*.yml" fits no file; write the path of a kind's file, as kinds/*.yml`,
		`kind_files[4]: "[" is not a pattern: a [ has no ]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(kinds) != 1 || !kinds[0].Own {
		t.Errorf("%d kinds", len(kinds))
	}
	own := kinds[0]
	own.Name = "redis"
	merged := Merge(load(t), []Kind{own})
	if k, ok := Find(merged, "redis"); !ok || !k.Own || len(merged) != len(load(t)) {
		t.Error("the site's own kind does not take the place of the shipped one")
	}
}

func TestBrick_whatDoesNotFitItsKind(t *testing.T) {
	redis, _ := Find(load(t), "redis")
	wcs, _ := Find(load(t), "wcs")
	for name, test := range map[string]struct {
		kind  Kind
		brick Brick
		want  string
	}{
		"another protocol":    {redis, Brick{URL: "https://a.example"}, "url: the kind redis is asked at an address as redis://127.0.0.1:6379; write that as url, or as requests.info.url"},
		"no such request":     {wcs, Brick{URL: "https://a.example", Requests: map[string]Access{"sqll": {}}}, "requests.sqll: the kind wcs has no such request; did you mean sql?"},
		"a password in a URL": {wcs, Brick{URL: "https://a.example", Requests: map[string]Access{"sql": {URL: "postgres://u:p@h/d"}}}, "requests.sql.url: has a password in it; take it out and write it into a file, named by password_file"},
		"not of the adapter":  {wcs, Brick{URL: "https://a.example", Requests: map[string]Access{"uwsgi": {URL: "redis://h"}}}, "requests.uwsgi.url: is no address for uwsgi; write one as unix:///run/wcs/stats.sock"},
		"a name alone":        {redis, Brick{URL: "redis://h", Requests: map[string]Access{"info": {Username: "u"}}}, "requests.info.username: has no password; write password_file too"},
	} {
		p := problem.New()
		test.brick.Validate(p, test.kind)
		if found := p.All(); len(found) != 1 || found[0].Path+": "+found[0].Text != test.want {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(_ *testing.T, text []byte) { _, _ = Parse("x.yml", text) })
}
