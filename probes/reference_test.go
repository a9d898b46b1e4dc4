package probes

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"tocsin/probes/probe"
)

// TestReference holds REFERENCE.md to the code; -update writes it anew.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Probes: reference\n\nMade from the code by `go test ./probes -run Reference -update`.\n\n" +
		"## Why a probe failed\n\nThe values of the label `reason` of `probe_failure_info`; there are no others.\n" +
		"Those that begin with `tls_` also stand in `probe_certificate_problem_info`, as far as they are about a certificate.\n\n" +
		"| reason | meaning |\n|---|---|\n")
	for _, r := range Reasons() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r, r.Meaning())
	}
	b.WriteString("\n## What of a certificate is not as it should be, though clients take it\n\n" +
		"The values of the label `warning` of `probe_certificate_warning_info`; there are no others. They make nothing fail.\n\n" +
		"| warning | meaning |\n|---|---|\n")
	for _, w := range probe.Warnings() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", w, w.Meaning())
	}
	b.WriteString("\n## Where it failed\n\nThe values of the label `phase` of `probe_failure_phase_info` and `probe_http_duration_seconds`: ")
	var phases []string
	for _, p := range probe.Phases() {
		phases = append(phases, "`"+string(p)+"`")
	}
	b.WriteString(strings.Join(phases, ", ") + ".\n\n## Metrics\n\nTargets may begin with: `" + strings.Join(Schemes(), "://`, `") +
		"://`.\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range Families() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, strings.Join(f.Labels, ", "), f.Help)
	}
	if *update {
		if err := os.WriteFile("REFERENCE.md", []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("REFERENCE.md is old (-update writes it anew):\n%s", diff)
	}
}

// TestFamilies_passPromlint holds all names to promlint, the inherited ones
// too: none of them needs an exemption.
func TestFamilies_passPromlint(t *testing.T) {
	var families []*dto.MetricFamily
	for _, f := range Families() {
		m := &dto.Metric{Gauge: &dto.Gauge{Value: new(float64)}}
		for i := range f.Labels {
			m.Label = append(m.Label, &dto.LabelPair{Name: &f.Labels[i], Value: new("x")})
		}
		families = append(families, &dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{m}})
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
