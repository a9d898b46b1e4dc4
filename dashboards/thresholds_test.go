package dashboards

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/bricks"
)

// TestSteps_ringAsTheRules colours the side on which each rule rings, and of
// two rules the one that is more urgent nearer to the end.
func TestSteps_ringAsTheRules(t *testing.T) {
	l, err := newLimits([]bricks.Kind{{Name: "pad", Alerts: []bricks.Alert{
		{Name: "PadFull", Expr: "pad_fill > 10", Severity: "warning"},
		{Name: "PadBursting", Expr: "pad_fill > 20", Severity: "critical"},
		{Name: "PadDown", Expr: "pad_up == 0", Severity: "critical"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	at := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		rules []string
		want  []step
	}{
		{[]string{"PadBursting", "PadFull"}, []step{{good, nil}, {warning, at(10)}, {bad, at(20)}}},
		{[]string{"HostMemoryLow"}, []step{{warning, nil}, {good, at(number(t, "HostMemoryLow"))}}},
		{[]string{"CertificateExpiring", "CertificateExpiringSoon"}, []step{
			{bad, nil},
			{warning, at(number(t, "CertificateExpiringSoon"))},
			{good, at(number(t, "CertificateExpiring"))},
		}},
	} {
		if diff := cmp.Diff(c.want, l.steps(c.rules...).Steps); diff != "" {
			t.Errorf("%v: %s", c.rules, diff)
		}
	}
	if len(l.wrong) > 0 {
		t.Fatalf("rules without a number: %v", l.wrong)
	}
	l.steps("PadDown", "NoSuchRule") // one asks whether, the other does not exist
	if diff := cmp.Diff([]string{"PadDown", "NoSuchRule"}, l.wrong); diff != "" {
		t.Error(diff)
	}
}

// TestPanels_ofAKind are drawn in a row for each brick, narrowed to the kind,
// coloured where their rule has a number.
func TestPanels_ofAKind(t *testing.T) {
	k := bricks.Kind{
		Name: "pad", Title: "Pad",
		Alerts: []bricks.Alert{{Name: "PadFull", Expr: "pad_fill > 10", Severity: "warning"}, {Name: "PadDown", Expr: "pad_up == 0", Severity: "critical"}},
		Panels: []bricks.Panel{
			{Title: "Fill", Description: "How full.", Type: "stat", Rule: "PadFull", Queries: []bricks.Query{{Expr: "pad_fill{$selector}"}}},
			{Title: "Up", Description: "Whether.", Type: "timeseries", Rule: "PadDown", Queries: []bricks.Query{{Expr: "rate(pad_total{$selector}[5m])"}}},
			{Title: "Words", Description: "Which.", Type: "table", Queries: []bricks.Query{{Expr: "pad_words{$selector}", Legend: "Words"}}},
		},
	}
	files, err := Files([]bricks.Kind{k})
	if err != nil {
		t.Fatal(err)
	}
	if files[len(files)-1].Name != "brick-pad.json" {
		t.Errorf("the last file is %s", files[len(files)-1].Name)
	}
	l, err := newLimits([]bricks.Kind{k})
	if err != nil {
		t.Fatal(err)
	}
	b := drawKind(l, k)
	if row := b.Panels[0]; row.Type != "row" || row.Repeat != "instance" {
		t.Errorf("first %+v", row)
	}
	fill, up, list := b.Panels[1], b.Panels[2], b.Panels[3]
	if fill.Type != "stat" || len(fill.FieldConfig.Defaults.Thresholds.Steps) != 2 ||
		fill.Targets[0].Expr != `pad_fill{job=~"$job",instance=~"$instance",kind="pad"}` {
		t.Errorf("%+v", fill)
	}
	if up.FieldConfig.Defaults.Thresholds != nil || up.Targets[0].Expr != `rate(pad_total{job=~"$job",instance=~"$instance",kind="pad"}[$__rate_interval])` {
		t.Errorf("%+v", up)
	}
	if list.Type != "table" || list.Targets[0].Format != "table" || !list.Targets[0].Instant {
		t.Errorf("%+v", list)
	}
	if drawKind(l, bricks.Kind{Name: "plain"}) != nil {
		t.Error("a kind without panels has a dashboard of its own")
	}
}
