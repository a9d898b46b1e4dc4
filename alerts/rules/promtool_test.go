package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/testenv"
)

// promtool runs Debian's promtool: what it accepts, an older Prometheus does.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), testenv.Program(t, "promtool", "prometheus"), args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestShipped_promtoolFindsNothingWrong(t *testing.T) {
	files, err := filepath.Glob("*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rule files: %v", err)
	}
	out := promtool(t, append([]string{"check", "rules", "--lint-fatal"}, files...)...)
	if strings.Contains(out, "duplicate") {
		t.Errorf("promtool warns:\n%s", out)
	}
}

func TestShipped_promtoolUnitTests(t *testing.T) {
	tests, err := filepath.Glob("testdata/*_test.yml")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no unit tests: %v", err)
	}
	promtool(t, append([]string{"test", "rules"}, tests...)...)
}

// Each rule is named by two unit tests at least: one that expects it and one
// that expects nothing of it.
func TestShipped_eachRuleHasUnitTests(t *testing.T) {
	tests, err := filepath.Glob("testdata/*_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range tests {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, r := range Alerts(load(t)) {
		expected := strings.Count(all.String(), `alertname="`+r.Alert+`", alertstate="firing", job=`)
		if r.Alert == "Watchdog" {
			expected = strings.Count(all.String(), `alertname="Watchdog", alertstate="firing"`)
		}
		if expected == 0 {
			t.Errorf("%s: no unit test expects it to fire", r.Alert)
		}
	}
}

func load(t testing.TB) []File {
	t.Helper()
	files, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return files
}
