package rabbitmq

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

var update = flag.Bool("update", false, "write docs/rabbitmq.md")

// notToBeHad are the plugin's names that the management API does not know, by
// their beginnings, each with the reason.
var notToBeHad = []struct{ name, why string }{
	{"erlang_mnesia_", "the API tells nothing of Mnesia but its transactions (`rabbitmq_schema_db_*`)"},
	{"erlang_vm_", "the API tells of the virtual machine what `rabbitmq_erlang_*` has, and the seven `erlang_vm_*` that are the same"},
	{"rabbitmq_alarms_file_descriptor_limit", "the API tells the alarms of memory and disk only; compare `rabbitmq_process_open_fds` with `rabbitmq_process_max_fds`"},
	{"rabbitmq_global_", "counters by protocol and type of queue are kept for the plugin alone; `rabbitmq_channel_*` and `rabbitmq_queue_*` have the sums"},
	{"rabbitmq_raft_", "the API does not tell how far a quorum queue's log is"},
	{"telemetry_scrape_", "of the plugin's own pages"},
	{"rabbitmq_exchange_", "RabbitMQ 4 counts by exchange for the plugin alone; `rabbitmq_channel_*` have the sums"},
	{"rabbitmq_queue_exchange_", "RabbitMQ 4 counts by exchange for the plugin alone; `rabbitmq_channel_*` have the sums"},
	{"rabbitmq_channel_prefetch", "the API of RabbitMQ 4 does not tell it: a prefetch for a whole channel is on its way out"},
	{"process_start_time_seconds", "of the plugin's own client; `rabbitmq_erlang_uptime_seconds` tells the same"},
}

// differs are the names whose values may differ between the plugin's page and
// what the API says, each with the reason.
var differs = map[string]string{
	"rabbitmq_process_open_fds":                               "each looks at another moment",
	"rabbitmq_process_open_tcp_sockets":                       "each looks at another moment",
	"rabbitmq_process_resident_memory_bytes":                  "each looks at another moment",
	"rabbitmq_disk_space_available_bytes":                     "each looks at another moment",
	"rabbitmq_erlang_processes_used":                          "each looks at another moment",
	"rabbitmq_erlang_scheduler_run_queue":                     "each looks at another moment",
	"rabbitmq_erlang_uptime_seconds":                          "grows; the API renews it each five seconds",
	"rabbitmq_queue_process_memory_bytes":                     "each looks at another moment",
	"rabbitmq_queue_process_reductions_total":                 "grows while the queues are asked",
	"rabbitmq_channel_process_reductions_total":               "grows while the channels are asked",
	"rabbitmq_queue_messages_published_total":                 "the API counts what reached a queue, on and on; the plugin of 3.10 what open channels published, routed or not",
	"erlang_vm_statistics_run_queues_length":                  "each looks at another moment",
	"erlang_vm_process_count":                                 "each looks at another moment",
	"erlang_vm_statistics_context_switches":                   "grows",
	"erlang_vm_statistics_garbage_collection_number_of_gcs":   "grows",
	"erlang_vm_statistics_garbage_collection_bytes_reclaimed": "grows",
	"erlang_vm_statistics_wallclock_time_milliseconds":        "grows; the API renews it each five seconds",
	"rabbitmq_erlang_gc_reclaimed_bytes_total":                "grows",
	"rabbitmq_erlang_gc_runs_total":                           "grows",
	"rabbitmq_erlang_scheduler_context_switches_total":        "grows",
	"rabbitmq_connection_process_reductions_total":            "grows while the connections are asked",
	"rabbitmq_io_write_time_seconds_total":                    "made of the average, which the API rounds to a microsecond",
	"rabbitmq_io_read_time_seconds_total":                     "made of the average, which the API rounds to a microsecond",
	"rabbitmq_io_sync_time_seconds_total":                     "made of the average, which the API rounds to a microsecond",
	"rabbitmq_io_seek_time_seconds_total":                     "made of the average, which the API rounds to a microsecond",
}

// series are a page's values by name and labels.
func series(page []*dto.MetricFamily) (types map[string]string, values map[string]float64) {
	types, values = map[string]string{}, map[string]float64{}
	for _, mf := range page {
		types[mf.GetName()] = strings.ToLower(mf.GetType().String())
		for _, m := range mf.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			slices.Sort(labels)
			values[mf.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue() +
				m.GetUntyped().GetValue() + m.GetSummary().GetSampleSum()
		}
	}
	return types, values
}

func nameOf(series string) string { name, _, _ := strings.Cut(series, "{"); return name }

// theirs reads the plugin's own page.
func theirs(t *testing.T, url string) []*dto.MetricFamily {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(maps.Values(families))
}

// page is ours, its lists included.
func page(t *testing.T, c Config) []*dto.MetricFamily {
	t.Helper()
	entries, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all []*dto.MetricFamily
	for _, e := range []frame.Entry{entries[1], entries[0]} { // the lists first
		target := frame.NewTarget(frame.Spec{Job: "test", Collectors: []frame.Entry{{Collector: e.Collector}}}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		all = append(all, target.Gather(ctx)...)
		cancel()
		if s := target.States()[0]; s.Reason != "" {
			t.Errorf("%s: %s: %s", e.Collector.Name(), s.Reason, s.Error)
		}
	}
	return slices.DeleteFunc(all, func(mf *dto.MetricFamily) bool { return strings.HasPrefix(mf.GetName(), "tocsin_") })
}

// settled waits until the broker has counted all that was done: its figures
// are renewed every five seconds.
func settled(t *testing.T, b *testenv.Broker) {
	t.Helper()
	last := ""
	testenv.Eventually(t, time.Minute, "settled statistics", func(context.Context) error {
		_, values := series(theirs(t, b.Prometheus+"/metrics"))
		now := fmt.Sprint(values["rabbitmq_channel_messages_published_total{}"], values["rabbitmq_queue_messages{}"], values["rabbitmq_channel_messages_acked_total{}"],
			values["rabbitmq_queue_messages_published_total{}"], values["rabbitmq_queue_messages_unacked{}"])
		if before := last; before != now || values["rabbitmq_channel_messages_published_total{}"] == 0 {
			last = now
			time.Sleep(6 * time.Second)
			return fmt.Errorf("still moving: %s, then %s", before, now)
		}
		return nil
	})
	time.Sleep(7 * time.Second) // the management API's database is a little later still
}

// TestCompat_plugin is make compat-rabbitmq: ours against the page of the real
// plugin on the same broker, name by name, in both modes.
func TestCompat_plugin(t *testing.T) {
	b := testenv.RabbitMQ(t, "")
	traffic(t, b)
	settled(t, b)
	t.Run("plugin", func(t *testing.T) { comparePlugin(t, b) })
	t.Run("management", func(t *testing.T) { compareManagement(t, b) })
	t.Run("queues", func(t *testing.T) { compareQueues(t, b) })
}

// comparePlugin wants every series of the plugin, with its type and labels,
// and values between those before and after; and one label more.
func comparePlugin(t *testing.T, b *testenv.Broker) {
	_, before := series(theirs(t, b.Prometheus+"/metrics"))
	ourTypes, ours := series(page(t, entry(b, ModePlugin)))
	types, after := series(theirs(t, b.Prometheus+"/metrics"))
	for name, typ := range types {
		if ourTypes[name] != typ {
			t.Errorf("%s is %q, want %s", name, ourTypes[name], typ)
		}
	}
	same, moved := 0, 0
	for s := range after {
		if _, ok := before[s]; !ok {
			continue // born meanwhile
		}
		value, ok := ours[s]
		if nameOf(s) == identityFamily.Name {
			value, ok = ours[strings.Replace(s, `rabbitmq_node=`, `rabbitmq_endpoint="aggregated",rabbitmq_node=`, 1)]
		}
		switch {
		case !ok:
			t.Errorf("%s is missing", s)
		case value == after[s] || value == before[s] || math.IsNaN(value) && math.IsNaN(after[s]):
			same++
		case types[nameOf(s)] == "counter" && (value < before[s] || value > after[s]):
			t.Errorf("%s is %v, not between %v and %v", s, value, before[s], after[s])
		default:
			moved++
		}
	}
	t.Logf("%d families with type and labels as the plugin's; of %d series %d with the same value, %d moved between two looks; rabbitmq_identity_info has the label rabbitmq_endpoint more",
		len(types), len(ours), same, moved)
}

// compareManagement wants of each name of the plugin what the API knows of it.
func compareManagement(t *testing.T, b *testenv.Broker) {
	types, plugin := series(theirs(t, b.Prometheus+"/metrics"))
	ourTypes, ours := series(page(t, entry(b, ModeManagement)))
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERIES\tPLUGIN\tMANAGEMENT\t")
	same, count, absent := 0, 0, map[string]bool{}
	for _, s := range slices.Sorted(maps.Keys(plugin)) {
		name := nameOf(s)
		value, ok := ours[s]
		if name == identityFamily.Name {
			value, ok = ours[strings.Replace(s, `rabbitmq_node=`, `rabbitmq_endpoint="aggregated",rabbitmq_node=`, 1)]
		}
		if !ok {
			if reason(name) == "" {
				t.Errorf("%s is missing, and nothing says why", s)
			}
			absent[name] = true
			continue
		}
		count++
		why := differs[name]
		switch {
		case ourTypes[name] != types[name]:
			t.Errorf("%s is a %s, want a %s", name, ourTypes[name], types[name])
		case value == plugin[s]:
			same++
		case why == "" && !near(value, plugin[s], types[name]):
			t.Errorf("%s is %v, the plugin says %v", s, value, plugin[s])
		}
		fmt.Fprintf(w, "%s\t%v\t%v\t%s\n", s, plugin[s], value, why)
	}
	for s := range ours {
		if _, ok := types[nameOf(s)]; !ok && nameOf(s) != unreachableFamily.Name {
			t.Errorf("%s is not on the plugin's page", s)
		}
	}
	for name := range absent {
		if _, ok := ourTypes[name]; ok {
			t.Errorf("%s is there in part", name)
		}
	}
	_ = w.Flush()
	t.Logf("%d series of %d have the same value; %d names are not to be had:\n%s", same, count, len(absent), table.String())
	if b.Newer {
		return // the table in the documentation is that of Debian's
	}
	reference(t, slices.Sorted(maps.Keys(ourTypes)), slices.Sorted(maps.Keys(absent)))
}

// near tells whether two looks at a broker that has nothing to do agree: what
// it does for those who look is counted too.
func near(a, b float64, typ string) bool {
	return math.Abs(a-b) <= 0.05*max(math.Abs(a), math.Abs(b)) || typ == "counter" && math.Abs(a-b) <= 50
}

func reason(name string) string {
	for _, n := range notToBeHad {
		if strings.HasPrefix(name, n.name) {
			return n.why
		}
	}
	return ""
}

// compareQueues wants of each queue the same from both, where the API knows it.
func compareQueues(t *testing.T, b *testenv.Broker) {
	families := []string{"queue_coarse_metrics", "queue_metrics", "vhost_status", "exchange_names"}
	mode := func(mode string) (map[string]string, map[string]float64) {
		c := entry(b, mode)
		c.Families = families
		types, values := series(page(t, c))
		maps.DeleteFunc(values, func(s string, _ float64) bool {
			return !strings.HasPrefix(s, eachPrefix) && !strings.HasPrefix(s, "rabbitmq_cluster_")
		})
		return types, values
	}
	types, plugin := series(theirs(t, b.Prometheus+"/metrics/detailed?family="+strings.Join(families, "&family=")))
	ourTypes, ours := mode(ModePlugin)
	apiTypes, api := mode(ModeManagement)
	for s, v := range plugin {
		name := nameOf(s)
		if !strings.HasPrefix(name, eachPrefix) && !strings.HasPrefix(name, "rabbitmq_cluster_") {
			continue
		}
		if value, ok := ours[s]; !ok || ourTypes[name] != types[name] || value != v && !math.IsNaN(v) && !moves(name) {
			t.Errorf("plugin mode: %s is %s %v, want %s %v", s, ourTypes[name], value, types[name], v)
		}
		value, ok := api[s]
		switch {
		case !ok && math.IsNaN(v): // the plugin writes NaN of what there is none
		case !ok && strings.Contains(s, `queue="stream"`) || strings.Contains(name, "_disk_"): // the API does not know it
		case !ok || apiTypes[name] != types[name] || value != v && !moves(name):
			t.Errorf("management mode: %s is %s %v, want %s %v", s, apiTypes[name], value, types[name], v)
		}
	}
	t.Logf("%d series of %d queues on the plugin's page, %d passed on, %d made of the API", len(plugin), 6, len(ours), len(api))
}

// moves tells whether a queue's value changes while one looks.
func moves(name string) bool {
	return strings.Contains(name, "reductions") || strings.Contains(name, "process_memory")
}

// reference holds docs/rabbitmq.md to what was found.
func reference(t *testing.T, have, absent []string) {
	var table strings.Builder
	table.WriteString("| names | how many | why not |\n|---|---|---|\n")
	for _, n := range notToBeHad {
		count := 0
		for _, name := range absent {
			if strings.HasPrefix(name, n.name) {
				count++
			}
		}
		if count == 0 {
			continue // a newer version's
		}
		star := ""
		if strings.HasSuffix(n.name, "_") {
			star = "*"
		}
		fmt.Fprintf(&table, "| `%s%s` | %d | %s |\n", n.name, star, count, n.why)
	}
	table.WriteString("\n| had from the management API | where its value may differ |\n|---|---|\n")
	for _, name := range have {
		if strings.HasPrefix(name, eachPrefix) {
			continue
		}
		fmt.Fprintf(&table, "| `%s` | %s |\n", name, differs[name])
	}
	const path, begin, end = "../../docs/rabbitmq.md", "<!-- generated: make compat-rabbitmq -->\n", "<!-- end -->"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(doc), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	if old == table.String() {
		return
	}
	if !*update {
		t.Errorf("%s is not current; run go test ./exporters/rabbitmq -run Compat -update", path)
		return
	}
	if err := os.WriteFile(path, []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
