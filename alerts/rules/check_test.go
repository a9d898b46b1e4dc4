package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/problem"
)

func TestCheckMetrics_findsWhatNobodyExports(t *testing.T) {
	own := Parse(problem.New(), "own.yml", []byte(`groups:
  - name: own
    rules:
      - {record: "job:up:sum", expr: sum by (job) (up)}
      - {alert: A, expr: "job:up:sum + node_lod1 + node_memory_Any + foreign_x + foreign > 0"}
      - {alert: B, expr: "ALERTS == scrape_duration_seconds", annotations: {summary: '{{ query "node_laod1" }}'}}
      - {alert: C, expr: "{__name__=~\"x.*\"} > 0"}
`))
	own.Own = true
	shipped := Parse(problem.New(), "host.yml", []byte("groups: [{name: g, rules: [{alert: Shipped, expr: quite_unknown > 1}]}]"))
	exported := []string{"node_load1", "node_memory_*", "node_boot_time_seconds"}
	got := CheckMetrics([]File{shipped, own}, exported, []string{"foreign_*"})
	want := []problem.Problem{
		{Path: "alerts.rules.Shipped", Text: "nothing exports the metric quite_unknown; if another exporter has it, list it under metrics_from_elsewhere"},
		{Path: "alerts.rule_files", Text: "own.yml:5: rule A: nothing exports the metric foreign; did you mean foreign_*?"},
		{Path: "alerts.rule_files", Text: "own.yml:5: rule A: nothing exports the metric node_lod1; did you mean node_load1?"},
		{Path: "alerts.rule_files", Text: "own.yml:6: rule B: nothing exports the metric node_laod1; did you mean node_load1?"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSources_endsAtWhatIsMeasured(t *testing.T) {
	files := load(t)
	for name, want := range map[string][]string{
		"HostDown":               {"up"},
		"HostRebooted":           {"node_boot_time_seconds", "node_time_seconds"},
		"HostFileSystemReadOnly": {"node_filesystem_readonly"},
		"ProbeFailing":           {"probe_domain_info", "probe_failure_info", "probe_journey_failed_step_info", "probe_ldap_plaintext_bind_accepted", "probe_mailtrip_failed_step_info", "probe_oidc_problem_info", "probe_saml_problem_info", "probe_smtp_plaintext_auth_offered", "probe_ssl_earliest_cert_expiry", "probe_success"},
		"Watchdog":               nil,
	} {
		r, _ := Find(files, name)
		got, err := Sources(files, r.Expr)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := Sources(files, "up =="); err == nil {
		t.Error("a broken expression is no error")
	}
}
