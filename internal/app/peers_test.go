package app

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/testenv"
)

// inherited are the complaints of promtool about names that the world had
// before us: node_exporter's, and those of the linked-in libraries.
var inherited = []string{"node_", "go_", "process_", "prometheus_", "alertmanager_", "net_conntrack_", "promhttp_"}

// TestPeers holds a running hub to the tools that its users have: promtool,
// Prometheus and amtool, as Debian packs them.
func TestPeers(t *testing.T) {
	t.Parallel() // it waits most of the time
	hub := newInstance(t, "hub", `
probes: [{target: "http://127.0.0.1:1/", name: nobody}]
alerts: {rules: {HostRebooted: {off: true}}}
`)
	hub.start()
	t.Run("promtool check metrics", func(t *testing.T) { promtoolMetrics(t, hub) })
	t.Run("a Prometheus scrapes everything from sd", func(t *testing.T) { prometheusScrapes(t, hub) })
	t.Run("amtool silences and ends the silence", func(t *testing.T) { amtoolSilences(t, hub) })
	t.Run("the hub is a data source for Grafana", func(t *testing.T) { answersQueries(t, hub) })
}

func promtoolMetrics(t *testing.T, hub *instance) {
	promtool := testenv.Program(t, "promtool", "prometheus")
	for _, page := range []string{"/metrics", "/metrics/probe/nobody"} {
		cmd := exec.Command(promtool, "check", "metrics")
		cmd.Stdin = strings.NewReader(hub.get(page))
		out, _ := cmd.CombinedOutput() // complaints are exit code 3
		for line := range strings.Lines(string(out)) {
			line = strings.TrimSpace(line)
			ours := true
			for _, prefix := range inherited {
				ours = ours && !strings.HasPrefix(line, prefix)
			}
			if line != "" && ours {
				t.Errorf("%s: %s", page, line)
			}
		}
	}
}

func prometheusScrapes(t *testing.T, hub *instance) {
	prometheus := testenv.Prometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: tocsin
    http_sd_configs: [{url: "%s", refresh_interval: 1s}]
`, hub.url("/sd")))
	var active []struct {
		Health    string
		LastError string
		Labels    map[string]string
	}
	eventually(t, time.Minute, "all targets up", func() string { return fmt.Sprint(active) }, func() bool {
		var answer struct {
			Data struct{ ActiveTargets json.RawMessage }
		}
		other := &instance{t: t, address: strings.TrimPrefix(prometheus, "http://")}
		if json.Unmarshal([]byte(other.get("/api/v1/targets")), &answer) != nil ||
			json.Unmarshal(answer.Data.ActiveTargets, &active) != nil || len(active) != 2 {
			return false
		}
		for _, a := range active {
			if a.Health != "up" {
				return false
			}
		}
		return true
	})
	for _, a := range active {
		if a.Labels["job"] != "node" && a.Labels["job"] != "probe" {
			t.Errorf("job is %q", a.Labels["job"])
		}
	}
}

func amtoolSilences(t *testing.T, hub *instance) {
	amtool := testenv.Program(t, "amtool", "prometheus-alertmanager")
	run := func(args ...string) string {
		t.Helper()
		// On stderr it warns that its version is not the server's.
		out, err := exec.Command(amtool, append([]string{"--alertmanager.url=http://" + hub.address}, args...)...).Output()
		if err != nil {
			t.Fatalf("amtool %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	eventually(t, time.Minute, "the probe's alert", func() string { return run("alert", "query") }, func() bool {
		return contains(run("alert", "query"), "ProbeFailing")
	})
	id := run("silence", "add", "--author=drill", "--comment=a drill", "--duration=1h", "alertname=ProbeFailing")
	if got := run("silence", "query"); !contains(got, id, "ProbeFailing") {
		t.Errorf("silences: %s, want %s", got, id)
	}
	eventually(t, time.Minute, "the page says who silenced it", func() string { return hub.get("/") }, func() bool {
		return contains(hub.get("/"), "drill", "ilenced")
	})
	hub.process.Kill() // an acknowledged silence survives kill -9
	hub.start()
	if got := run("silence", "query"); !contains(got, id) {
		t.Errorf("after kill -9: %q, want silence %s", got, id)
	}
	run("silence", "expire", id)
	if got := run("silence", "query"); contains(got, id) {
		t.Errorf("expired, and still there: %s", got)
	}
}

func answersQueries(t *testing.T, hub *instance) {
	eventually(t, time.Minute, "a sample", func() string { return hub.get("/api/v1/query?query=node_load1") }, func() bool {
		return contains(hub.get("/api/v1/query?query=node_load1"), `"status":"success"`, `"job":"node"`)
	})
	if got := hub.get("/api/v1/rules"); !contains(got, `"HostDiskFull"`) || contains(got, `"HostRebooted"`) {
		t.Errorf("rules, one of them off: %.2000s", got)
	}
}

// TestReload_aBrokenFileChangesNothing and is told by log, metric and page.
func TestReload_aBrokenFileChangesNothing(t *testing.T) {
	t.Parallel() // it waits most of the time
	hub := newInstance(t, "hub", "site: before\n")
	hub.start()
	good, err := os.ReadFile(hub.config)
	if err != nil {
		t.Fatal(err)
	}
	hub.write("site: before\nwebhok_url: oops\n")
	reload(t, hub)
	eventually(t, 20*time.Second, "the refusal on the page and in the metric", func() string { return hub.process.Output() }, func() bool {
		return contains(hub.get("/"), "webhok_url") && contains(hub.get("/metrics"), "tocsin_config_last_reload_successful 0")
	})
	if out := hub.process.Output(); !contains(out, "configuration refused", filepath.Base(hub.config)+":4") {
		t.Errorf("log: %s", out)
	}
	if page := hub.get("/"); !contains(page, "before") {
		t.Error("the old site is gone from the page")
	}

	if err := os.WriteFile(hub.config, append(good, "labels: {ward: north}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	reload(t, hub)
	eventually(t, 20*time.Second, "the mended file is taken", func() string { return hub.process.Output() }, func() bool {
		return contains(hub.get("/sd"), `"ward":"north"`) && contains(hub.get("/metrics"), "tocsin_config_last_reload_successful 1")
	})
	eventually(t, 20*time.Second, "new label in the measurements", func() string { return hub.get("/api/v1/labels") }, func() bool {
		return contains(hub.get("/api/v1/label/ward/values"), "north")
	})
}

func reload(t *testing.T, in *instance) {
	t.Helper()
	if err := in.process.Signal(hangup); err != nil {
		t.Fatal(err)
	}
}

// TestRun_portTaken ends with clear words.
func TestRun_portTaken(t *testing.T) {
	first := newInstance(t, "first", "engine: off\n")
	first.start()
	second := newInstance(t, "second", "engine: off\n")
	second.address = first.address
	second.write("engine: off\n")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), runAsTocsin+"="+second.config)
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 3 || !contains(string(out), "address already in use; is another Tocsin running, or should listen (or --listen) name another address?") {
		t.Errorf("%v: %s", err, out)
	}
}
