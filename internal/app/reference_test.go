package app

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/alerts"
	"tocsin/alerts/heartbeat"
	"tocsin/exporters/host"
	"tocsin/exporters/host/addresses"
	"tocsin/exporters/host/backups"
	"tocsin/exporters/postgres"
	"tocsin/exporters/rabbitmq"
	"tocsin/internal/frame"
	"tocsin/internal/web"
	"tocsin/probes"
)

var update = flag.Bool("update", false, "write the reference pages")

const metricsPage = "../../docs/metrics.md"

// TestReference_metrics holds docs/metrics.md to the code: each family that a
// collector declares, and each metric that Tocsin registers about itself.
func TestReference_metrics(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Metrics
Every metric that this Tocsin exports, as its code declares it. Generated: ` + "`go test ./internal/app -run Reference -update`" + `.
Names with ` + "`*`" + ` are patterns: the kernel decides the rest. ` + "`job`, `instance`" + ` and the target's labels are put on by
whoever scrapes, and are not listed.

## Every page
`)
	table(&b, frame.Families())
	b.WriteString("\n## This machine: `/metrics`, job `node`\nNames, types and labels are node_exporter's, but for those that begin with `tocsin_`.\n\n")
	table(&b, host.Families())
	b.WriteString("\n### Backups\nOn the same page, of the backups that the site file names.\n\n")
	table(&b, backups.Families())
	b.WriteString("\n### Addresses that move\nOn the same page, of the addresses that the site file names.\n\n")
	table(&b, addresses.Families())
	b.WriteString("\n## PostgreSQL: `/metrics/postgres/{name}`, job `postgres`\nNames, types and labels are postgres_exporter's, but for those that begin with `tocsin_`.\n\n")
	table(&b, postgres.Families())
	b.WriteString("\n## RabbitMQ: `/metrics/rabbitmq/{id}`, job `rabbitmq`\nNames, types and labels are those of the plugin rabbitmq_prometheus: what its version sends is passed on, and what the management\nAPI knows of it is made of that where the plugin does not answer. docs/rabbitmq.md tells more.\n\n")
	table(&b, rabbitmq.Families())
	b.WriteString("\n## Probes: `/metrics/probe/{id}`, job `probe`\nNames, types and labels are blackbox_exporter's; what it does not have is ours.\n\n")
	table(&b, probes.Families())
	b.WriteString("\n## Tocsin itself: `/metrics`\nBeside these there are `go_*` and `process_*` of the Go client, and on a hub `prometheus_*` and `alertmanager_*` of the\nsystems that are linked in.\n\n")
	table(&b, ownFamilies(t))

	if *update {
		if err := os.WriteFile(metricsPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(metricsPage)
	if err != nil || string(have) != b.String() {
		t.Errorf("%s is not what the code says (%v); run go test ./internal/app -run Reference -update", filepath.Base(metricsPage), err)
	}
}

func table(b *strings.Builder, families []*frame.Family) {
	b.WriteString("| metric | type | labels | what it tells |\n|---|---|---|---|\n")
	families = slices.Clone(families)
	slices.SortFunc(families, func(a, b *frame.Family) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range slices.CompactFunc(families, func(a, b *frame.Family) bool { return a.Name == b.Name }) {
		labels := slices.Sorted(slices.Values(f.Labels))
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, strings.Join(labels, ", "), strings.ReplaceAll(f.Help, "|", "\\|"))
	}
}

// silent is a voice that is only there to be measured.
type silent struct{ alerts.Voice }

func (silent) Name() string { return "console" }

// ownFamilies collects what an App registers, by registering all of it.
func ownFamilies(t *testing.T) []*frame.Family {
	t.Helper()
	reg, _ := newMetrics("test")
	alerts.Measure(silent{}, reg)
	heartbeat.New(heartbeat.Config{}, heartbeat.Options{Healthy: func() (bool, string) { return true, "" }, Registerer: reg})
	if _, err := web.New(web.Options{
		View: func() *web.View { return nil }, Own: reg, Registerer: reg, Log: slog.New(slog.DiscardHandler),
		Reload: func(context.Context) error { return nil }, Ready: func() (bool, string) { return true, "" },
		Status: func(context.Context) *web.Status { return nil },
	}); err != nil {
		t.Fatal(err)
	}
	described := make(chan *prometheus.Desc)
	go func() {
		reg.Describe(described)
		close(described)
	}()
	var out []*frame.Family
	for d := range described {
		if f, ok := family(d); ok && strings.HasPrefix(f.Name, "tocsin_") {
			out = append(out, f)
		}
	}
	if len(out) < 8 {
		t.Fatalf("only %d own metrics were found", len(out))
	}
	return out
}

// family reads a description, which the client shows only as text.
func family(d *prometheus.Desc) (*frame.Family, bool) {
	text := d.String()
	between := func(from, to string) string {
		_, rest, _ := strings.Cut(text, from)
		s, _, _ := strings.Cut(rest, to)
		return s
	}
	f := &frame.Family{Name: between(`fqName: "`, `"`), Help: between(`help: "`, `", `)}
	for l := range strings.SplitSeq(between("variableLabels: {", "}"), ",") {
		if l != "" {
			f.Labels = append(f.Labels, l)
		}
	}
	for l := range strings.SplitSeq(between("constLabels: {", "}"), ",") {
		if name, _, ok := strings.Cut(l, "="); ok {
			f.Labels = append(f.Labels, name)
		}
	}
	if strings.HasSuffix(f.Name, "_total") {
		f.Type = frame.Counter
	}
	return f, f.Name != ""
}
