package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// installed makes the files that the example names, in a folder that stands
// for /etc/tocsin and /var/lib, and returns the example as it would be there.
func installed(t *testing.T) string {
	t.Helper()
	example, err := os.ReadFile(filepath.Join("..", "..", "tocsin.example.yml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.NewReplacer("/etc/tocsin", dir, "/var/lib/tocsin", filepath.Join(dir, "state")).Replace(string(example))
	cert, key := certificate(t)
	for name, content := range map[string]string{
		"ca.pem": cert, "cert.pem": cert, "key.pem": key,
		"users": "guet:$2y$05$abcdefghijklmnopqrstuu5LRo0g67cLT0nDDvhvTTXWaNwmF7u2.\n",
		"app1":  "marker-hunter2", "api": "marker-hunter2", "rabbitmq": "marker-hunter2", "wcs": "marker-hunter2", "github": "marker-hunter2", "mattermost": "marker-hunter2",
		"heartbeat":      "https://heartbeat.example/ping/marker-hunter2",
		"rules/mine.yml": "groups:\n  - name: mine\n    rules:\n      - {alert: QueueLong, expr: myapp_queue > 5, labels: {severity: warning}, annotations: {summary: a, description: b}}\n",
		"kinds/own.yml":  "kind: own\nrequests: {ping: {path: /ping}}\nhealth: {jq: .ping.body.ok}\n",
		"tocsin.yml":     text,
	} {
		write(t, filepath.Join(dir, name), content)
	}
	return filepath.Join(dir, "tocsin.yml")
}

func TestExample_loads(t *testing.T) {
	site, err := load(installed(t), Flags{}, testMachine())
	if err != nil {
		t.Fatal(err)
	}
	if w := site.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %q", w)
	}
	if got, want := site.Summary(), "this machine (guet), 2 other hosts, 1 PostgreSQL server, 1 broker, 2 bricks, 15 probes, 6 backups"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	if got := len(site.Unwatched()); got != 0 {
		t.Errorf("not watched: %q", site.Unwatched())
	}
	for _, name := range []string{"site-mine.yml", "host.yml"} {
		if len(site.RuleTexts()[name]) == 0 {
			t.Errorf("no rule file %s", name)
		}
	}
	if text := string(site.RuleTexts()["host.yml"]); !strings.Contains(text, "0.99") {
		t.Error("the override is not in the rules")
	}
}

// What the example shows is all that there is: each section of the site file
// stands in it.
func TestExample_isComplete(t *testing.T) {
	example, err := os.ReadFile(filepath.Join("..", "..", "tocsin.example.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"site", "listen", "external_url", "timezone", "language", "data_dir", "labels", "hosts", "engine", "web", "host",
		"postgres", "rabbitmq", "bricks", "kind_files", "backups", "probes", "alerts", "updates", "intervals", "metrics_from_elsewhere",
	} {
		if !strings.Contains("\n"+string(example), "\n"+key+":") {
			t.Errorf("the example has no %s", key)
		}
	}
}
