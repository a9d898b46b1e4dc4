package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/migrate"
	"tocsin/internal/testenv"
)

// blackboxJob is the job that blackbox_exporter's documents show.
const blackboxJob = `
  - job_name: 'blackbox'
    metrics_path: /probe
    params:
      module: [http_2xx]
    static_configs:
      - targets:
        - http://127.0.0.1:1/status
        - 127.0.0.1:1
    relabel_configs:
      - source_labels: [__address__]
        target_label: __param_target
      - source_labels: [__param_target]
        target_label: instance
      - target_label: __address__
        replacement: 127.0.0.1:9115
`

// TestMigrate_keepsJobAndInstance migrates the prometheus.yml of Debian's
// package, with a blackbox job: a real Prometheus with the old file and a
// Tocsin with the new one call the machine and the probes the same.
func TestMigrate_keepsJobAndInstance(t *testing.T) {
	t.Parallel() // it waits most of the time
	testenv.Program(t, "prometheus", "prometheus")
	testenv.Program(t, "prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
	debian, err := os.ReadFile("/etc/prometheus/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	old := strings.TrimRight(string(debian), "\n") + "\n" + blackboxJob
	want := labelsOfPrometheus(t, old)
	want = slices.DeleteFunc(want, func(l string) bool { return strings.HasPrefix(l, "prometheus ") }) // itself

	modules, err := os.ReadFile("/etc/prometheus/blackbox.yml")
	if err != nil {
		t.Fatal(err)
	}
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	result, err := migrate.Prometheus(migrate.PrometheusInput{
		Name: filepath.Join(t.TempDir(), "prometheus.yml"), Data: []byte(old),
		Blackbox: "blackbox.yml", BlackboxData: modules, Hostname: hostname, Read: migrate.ReadFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	tocsin := newInstance(t, "migrated", string(result.Site)+"engine: off\n")
	tocsin.start()
	var groups []struct{ Labels map[string]string }
	if err := json.Unmarshal([]byte(tocsin.get("/sd")), &groups); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range groups {
		got = append(got, g.Labels["job"]+" "+g.Labels["instance"])
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("jobs and instances (-Prometheus +Tocsin):\n%s\nfrom:\n%s", diff, result.Site)
	}
}

// labelsOfPrometheus asks a real Prometheus what it calls its targets.
func labelsOfPrometheus(t *testing.T, config string) []string {
	t.Helper()
	server := &instance{t: t, address: strings.TrimPrefix(testenv.Prometheus(t, config), "http://")}
	var names []string
	eventually(t, time.Minute, "all targets", func() string { return strings.Join(names, ", ") }, func() bool {
		var answer struct {
			Data struct {
				ActiveTargets []struct{ Labels map[string]string }
			}
		}
		if json.Unmarshal([]byte(server.get("/api/v1/targets")), &answer) != nil {
			return false
		}
		names = nil
		for _, a := range answer.Data.ActiveTargets {
			names = append(names, a.Labels["job"]+" "+a.Labels["instance"])
		}
		return len(names) == 4
	})
	slices.Sort(names)
	return names
}
