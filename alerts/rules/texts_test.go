package rules

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/frame"
)

// An occasion is one alert whose texts are shown in the golden file.
type occasion struct {
	Rule   string
	Labels map[string]string
	Value  float64
	Series string // what queries in the texts find
}

// The texts are rendered by Prometheus' own package, once with what their
// queries want and once with nothing, and read by people in the golden file.
func TestTexts_asPrometheusRendersThem(t *testing.T) {
	files := load(t)
	source, err := os.ReadFile("testdata/occasions.yml")
	if err != nil {
		t.Fatal(err)
	}
	var occasions []occasion
	if err := yaml.Unmarshal(source, &occasions); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	shown := map[string]bool{}
	for _, o := range occasions {
		r, ok := Find(files, o.Rule)
		if !ok {
			t.Errorf("there is no rule %s", o.Rule)
			continue
		}
		shown[o.Rule] = true
		full, empty := newEvaluator(t, "load 1m\n"+indent(o.Series)), newEvaluator(t, "load 1m\n")
		fmt.Fprintf(&b, "%s\n", o.Rule)
		for _, name := range []string{"summary", "description", "summary_fr", "description_fr"} {
			fmt.Fprintf(&b, "  %-15s%s\n", name, expand(t, full, r, o, name))
		}
		if len(r.TextMetrics) > 0 {
			fmt.Fprintf(&b, "  %-15s%s\n", "without data", expand(t, empty, r, o, "summary"))
		}
	}
	for _, r := range Alerts(files) {
		if !shown[r.Alert] {
			t.Errorf("testdata/occasions.yml has none for %s", r.Alert)
		}
	}
	if strings.Contains(b.String(), "  ,") || strings.Contains(b.String(), "no value") {
		t.Errorf("a text has a hole:\n%s", b.String())
	}
	golden(t, "testdata/texts.golden", b.Bytes())
}

func indent(series string) string {
	var b strings.Builder
	for line := range strings.Lines(series) {
		b.WriteString("  " + line)
	}
	return b.String()
}

func expand(t *testing.T, e evaluator, r Rule, o occasion, name string) string {
	t.Helper()
	query := func(_ context.Context, q string, when time.Time) (promql.Vector, error) { return e.at(t, q, when), nil }
	data := template.AlertTemplateData(o.Labels, nil, "", promql.Sample{F: o.Value})
	text, err := template.NewTemplateExpander(t.Context(), definitions+r.Annotations[name], r.Alert, data,
		model.Time(0), query, nil, nil).Expand()
	if err != nil {
		t.Errorf("%s: %s: %v", r.Alert, name, err)
	}
	return text
}

// probeReasons reads the closed list of probes/probe from its source: rooms do
// not import one another, but a reason without words would be noticed late.
func probeReasons(t *testing.T) (certificate, others []string) {
	t.Helper()
	source, err := os.ReadFile("../../probes/probe/reason.go")
	if err != nil {
		t.Fatal(err)
	}
	rule, _ := Find(load(t), "CertificateInvalid")
	for _, m := range regexp.MustCompile(`Reason += "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		if regexp.MustCompile(`[|"]` + m[1] + `[|"]`).MatchString(rule.Expr) {
			certificate = append(certificate, m[1])
		} else {
			others = append(others, m[1])
		}
	}
	if len(certificate) < 8 || len(others) < 15 {
		t.Fatalf("only the reasons %v and %v were found", certificate, others)
	}
	return certificate, others
}

// backupReasons reads the closed list of exporters/host/backups likewise.
func backupReasons(t *testing.T) (place, newest []string) {
	t.Helper()
	source, err := os.ReadFile("../../exporters/host/backups/finding.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(reason|flaw)\w+ +reason = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		if m[1] == "flaw" {
			newest = append(newest, m[2])
		} else {
			place = append(place, m[2])
		}
	}
	if len(place) != 6 || len(newest) != 6 {
		t.Fatalf("the reasons %v and %v were found", place, newest)
	}
	return place, newest
}

// A reason that the templates do not know is shown bare.
func TestTexts_haveWordsForEachReason(t *testing.T) {
	files := load(t)
	certificate, others := probeReasons(t)
	var collector []string
	for _, r := range frame.Reasons() {
		collector = append(collector, string(r))
	}
	place, newest := backupReasons(t)
	for name, reasons := range map[string][]string{
		"ProbeFailing": others, "CertificateInvalid": certificate, "CollectorFailing": collector,
		"BackupUnreadable": place, "BackupInvalid": newest,
	} {
		r, _ := Find(files, name)
		for _, annotation := range []string{"summary", "summary_fr"} {
			bare := saysOf(t, r, annotation, "zzz")
			words := map[string]string{}
			for _, reason := range reasons {
				text := saysOf(t, r, annotation, reason)
				if text == strings.ReplaceAll(bare, "zzz", reason) {
					t.Errorf("%s has no words for the reason %s in %s: %s", name, reason, annotation, text)
				}
				if other, twice := words[text]; twice {
					t.Errorf("%s says the same for %s and %s: %s", name, other, reason, text)
				}
				words[text] = reason
			}
		}
	}
}

// saysOf renders an annotation for a failure of this reason.
func saysOf(t *testing.T, r Rule, annotation, reason string) string {
	t.Helper()
	labels := map[string]string{"job": "j", "instance": "i"}
	more := ""
	switch r.Alert {
	case "CollectorFailing":
		labels["collector"] = "c"
		more = `,collector="c"`
	case "BackupUnreadable", "BackupInvalid":
		labels["backup"], labels["place"] = "b", "p"
		more = `,backup="b",place="p"`
	}
	e := newEvaluator(t, fmt.Sprintf("load 1m\n  %s{job=\"j\",instance=\"i\"%s,reason=%q} 1\n", r.TextMetrics[0], more, reason))
	return expand(t, e, r, occasion{Labels: labels}, annotation)
}
