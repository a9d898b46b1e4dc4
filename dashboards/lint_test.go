package dashboards

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/alerts/rules"
)

// units are the ids of Grafana's units that may be used: one that Grafana does
// not know is shown as text behind the number, without an error.
//
// Source: grafana/grafana packages/grafana-data/src/valueFormats/categories.ts.
var units = []string{
	"none", "short", "percent", "percentunit", "s", "ms", "d", "h", "bytes", "decbytes", "Bps", "bps", "pps",
	"ops", "iops", "reqps", "rps", "wps", "cps", "cpm", "opm", "dateTimeAsIso", "dateTimeFromNow", "dtdurations",
}

// drawn returns all dashboards.
func drawn(t *testing.T) []named {
	t.Helper()
	boards, err := boards(kinds(t))
	if err != nil {
		t.Fatal(err)
	}
	return boards
}

// each runs a check on every panel that is no row.
func (b *named) each(check func(p *panel)) {
	for i := range b.Panels {
		if b.Panels[i].Type != "row" {
			check(&b.Panels[i])
		}
	}
}

// Rule 1: the reader chooses the data source.
func TestLint01_dataSourceIsAVariable(t *testing.T) {
	for _, b := range drawn(t) {
		v := b.Templating.List[0]
		if v.Name != "datasource" || v.Type != "datasource" || v.Query != "prometheus" || v.Label != "Data source" {
			t.Errorf("%s: the first variable is %+v", b.name, v)
		}
		for _, v := range b.Templating.List[1:] {
			if v.Datasource == nil || *v.Datasource != prometheus() {
				t.Errorf("%s: variable %s asks %v", b.name, v.Name, v.Datasource)
			}
		}
		for _, a := range b.Annotations.List {
			if a.Datasource != prometheus() {
				t.Errorf("%s: annotation %s asks %v", b.name, a.Name, a.Datasource)
			}
		}
		b.each(func(p *panel) {
			if p.Datasource == nil || *p.Datasource != prometheus() {
				t.Errorf("%s: %s asks %v", b.name, p.Title, p.Datasource)
			}
			for _, q := range p.Targets {
				if q.Datasource != prometheus() {
					t.Errorf("%s: %s: query %s asks %v", b.name, p.Title, q.RefID, q.Datasource)
				}
			}
		})
		text, err := encode(b.board)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "__inputs") {
			t.Errorf("%s: __inputs is for dashboards that are imported by hand", b.name)
		}
	}
}

// Rule 2: fixed addresses.
func TestLint02_idsAreFixedAndUnique(t *testing.T) {
	uids := map[string]string{}
	for _, b := range drawn(t) {
		if len(b.UID) < 8 || len(b.UID) > 40 || !strings.HasPrefix(b.UID, "tocsin-") {
			t.Errorf("%s: uid %q", b.name, b.UID)
		}
		if other, twice := uids[b.UID]; twice {
			t.Errorf("%s and %s have the uid %s", b.name, other, b.UID)
		}
		uids[b.UID] = b.name
		text, err := encode(b.board)
		if err != nil {
			t.Fatal(err)
		}
		var top map[string]json.RawMessage
		if err := json.Unmarshal(text, &top); err != nil {
			t.Fatal(err)
		}
		if _, ok := top["id"]; ok {
			t.Errorf("%s: an id at the top belongs to one Grafana's database", b.name)
		}
		ids := map[int]bool{}
		for _, p := range b.Panels {
			if ids[p.ID] || p.ID == 0 {
				t.Errorf("%s: %s: id %d", b.name, p.Title, p.ID)
			}
			ids[p.ID] = true
		}
	}
}

// unscoped are the selectors that the variables job and instance do not
// narrow, each with its reason.
var unscoped = []struct{ uid, metric, reason string }{
	{overviewUID, "ALERTS", "a rule of the site's own may fire without job and instance, and must be seen"},
}

// outside are the metrics of probes, which carry the name of their brick: its
// dashboards narrow them by that.
func outside(b named, s string) bool {
	return strings.HasPrefix(b.UID, brickUID) && strings.Contains(s, `brick=~"$instance"`)
}

// Rule 3: job and instance narrow everything.
func TestLint03_jobAndInstanceNarrowEverything(t *testing.T) {
	for _, b := range drawn(t) {
		for i, name := range []string{"job", "instance"} {
			v := b.Templating.List[i+1]
			if v.Name != name || !v.Multi || !v.IncludeAll || v.AllValue != ".+" || v.Refresh != 2 || v.Sort != 1 {
				t.Errorf("%s: variable %+v", b.name, v)
			}
		}
		check := func(where, expr string) {
			for _, s := range selectors(t, expr) {
				exempt := slices.ContainsFunc(unscoped, func(u struct{ uid, metric, reason string }) bool {
					return u.uid == b.UID && u.metric == s.Name
				})
				if text := s.String(); !exempt && !outside(b, text) && (!strings.Contains(text, `job=~"$job"`) || !strings.Contains(text, `instance=~"$instance"`)) {
					t.Errorf("%s: %s: %s is not narrowed by $job and $instance", b.name, where, text)
				}
			}
		}
		b.each(func(p *panel) {
			for _, q := range p.Targets {
				check(p.Title, q.Expr)
			}
		})
		for _, a := range b.Annotations.List {
			check("annotation "+a.Name, a.Expr)
		}
	}
}

// Rule 4: what a panel shows is said, in words and in its unit.
func TestLint04_panelsAreExplained(t *testing.T) {
	for _, b := range drawn(t) {
		if b.Title == "" || b.Description == "" {
			t.Errorf("%s: title %q, description %q", b.name, b.Title, b.Description)
		}
		b.each(func(p *panel) {
			if p.Title == "" || !strings.HasSuffix(p.Description, ".") || p.Description == p.Title {
				t.Errorf("%s: panel %q is described as %q", b.name, p.Title, p.Description)
			}
			if !slices.Contains(units, p.FieldConfig.Defaults.Unit) {
				t.Errorf("%s: %s: unit %q", b.name, p.Title, p.FieldConfig.Defaults.Unit)
			}
			for _, o := range p.FieldConfig.Overrides {
				for _, x := range o.Properties {
					if x.ID == "unit" && !slices.Contains(units, x.Value.(string)) {
						t.Errorf("%s: %s: %s: unit %v", b.name, p.Title, o.Matcher.Options, x.Value)
					}
				}
			}
			if len(p.Targets) == 0 {
				t.Errorf("%s: %s asks nothing", b.name, p.Title)
			}
			for i, q := range p.Targets {
				if q.RefID != string(rune('A'+i)) {
					t.Errorf("%s: %s: query %d is called %s", b.name, p.Title, i, q.RefID)
				}
			}
		})
	}
}

// Rule 6: every dashboard behaves alike.
func TestLint06_dashboardsBehaveAlike(t *testing.T) {
	for _, b := range drawn(t) {
		if b.Editable || b.Refresh != "30s" || b.GraphTooltip != 1 || b.Timezone != "browser" || b.SchemaVersion < 37 || b.SchemaVersion > 42 {
			t.Errorf("%s: %+v", b.name, b.board)
		}
		if len(b.Tags) != 2 || b.Tags[0] != suite || b.Tags[1] == "" {
			t.Errorf("%s: tags %v, want [suite, area]", b.name, b.Tags)
		}
	}
}

// Rule 7: each dashboard leads to all others, the overview to each by a click
// on what is wrong.
func TestLint07_dashboardsLeadToOneAnother(t *testing.T) {
	all := drawn(t)
	uid := regexp.MustCompile(`/d/([a-z0-9-]+)\?`)
	for _, b := range all {
		if len(b.Links) != 1 || b.Links[0].Type != "dashboards" || !slices.Equal(b.Links[0].Tags, []string{suite}) ||
			!b.Links[0].IncludeVars || !b.Links[0].KeepTime {
			t.Errorf("%s: links %+v", b.name, b.Links)
		}
		text, err := encode(b.board)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range uid.FindAllStringSubmatch(string(text), -1) {
			if !slices.ContainsFunc(all, func(o named) bool { return o.UID == m[1] }) {
				t.Errorf("%s leads to %s, which is no dashboard", b.name, m[1])
			}
		}
		if b.UID != overviewUID {
			continue
		}
		for _, o := range all {
			area := o.Tags[1]
			if o.UID != overviewUID && area != "kind" && !strings.Contains(string(text), "/d/"+o.UID+"?") {
				t.Errorf("the overview has no click that leads to %s", o.name)
			}
		}
	}
}

// Rule 8: a colour and an alert agree.
func TestLint08_thresholdsAreTheRulesOwn(t *testing.T) {
	for _, b := range drawn(t) {
		b.each(func(p *panel) {
			var ring []float64
			for _, name := range p.rules {
				ring = append(ring, number(t, name))
			}
			seen := map[float64]bool{}
			check := func(th *thresholds) {
				if len(th.Steps) == 0 || th.Steps[0].Value != nil {
					t.Errorf("%s: %s: the first threshold has no null", b.name, p.Title)
					return
				}
				for _, s := range th.Steps[1:] {
					switch {
					case s.Value == nil:
						t.Errorf("%s: %s: a second null", b.name, p.Title)
					case slices.Contains(ring, *s.Value):
						seen[*s.Value] = true
					case *s.Value != 1 || len(ring) > 0: // one is enough to count
						t.Errorf("%s: %s turns %s at %v, which is no number of %v", b.name, p.Title, s.Color, *s.Value, p.rules)
					}
				}
			}
			if th := p.FieldConfig.Defaults.Thresholds; th != nil {
				check(th)
			}
			for _, o := range p.FieldConfig.Overrides {
				for _, x := range o.Properties {
					if th, ok := x.Value.(*thresholds); ok {
						check(th)
					}
				}
			}
			for i, v := range ring {
				if !seen[v] {
					t.Errorf("%s: %s does not show the number %v of %s", b.name, p.Title, v, p.rules[i])
				}
			}
		})
	}
}

// number is the one that a rule compares with.
func number(t *testing.T, name string) float64 {
	t.Helper()
	l, err := newLimits(kinds(t))
	if err != nil {
		t.Fatal(err)
	}
	r, ok := l.rule(name)
	if !ok {
		t.Fatalf("there is no rule %s with a number", name)
	}
	return r.Threshold.Value
}

// Rule 9: what the newest schema insists on, and published dashboards forget.
func TestLint09_schemaIsWhole(t *testing.T) {
	for _, b := range drawn(t) {
		b.each(func(p *panel) {
			if p.FieldConfig.Overrides == nil {
				t.Errorf("%s: %s: overrides are null", b.name, p.Title)
			}
			if p.FieldConfig.Defaults.NoValue == "" {
				t.Errorf("%s: %s says nothing when it has nothing", b.name, p.Title)
			}
		})
	}
}

// Rule 10: only rows repeat, and nothing is nested.
func TestLint10_onlyRowsRepeat(t *testing.T) {
	for _, b := range drawn(t) {
		for _, p := range b.Panels {
			if p.Repeat != "" && p.Type != "row" {
				t.Errorf("%s: %s repeats", b.name, p.Title)
			}
			if len(p.Panels) > 0 {
				t.Errorf("%s: %s has panels inside", b.name, p.Title)
			}
			if p.Type == "row" && (p.Collapsed == nil || *p.Collapsed) {
				t.Errorf("%s: row %s is shut", b.name, p.Title)
			}
		}
	}
}

// Rule 12: the rules that panels colour by say what they are for. That all
// rules do, and what promtool says of them, alerts/rules tests.
func TestLint12_rulesAreDescribed(t *testing.T) {
	files, err := rules.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.Alerts(files) {
		if r.Annotations["description"] == "" || r.Severity() == "" {
			t.Errorf("%s: description %q, severity %q", r.Alert, r.Annotations["description"], r.Severity())
		}
	}
}
