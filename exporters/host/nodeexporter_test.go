//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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

const nodeExporterVersion = "v1.12.1"

// nodeExporter builds the exporter whose page ours must equal, once a machine
// and version, and returns its path.
func nodeExporter(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		testenv.Skip(t, "there is no folder to keep node_exporter in: "+err.Error())
	}
	folder := filepath.Join(cache, "tocsin-test", "node_exporter-"+nodeExporterVersion)
	program := filepath.Join(folder, "node_exporter")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	// Built aside and renamed: test binaries run side by side.
	aside := filepath.Join(folder, fmt.Sprintf("build-%d", os.Getpid()))
	if err := os.MkdirAll(aside, 0o755); err != nil {
		testenv.Skip(t, "there is no folder to keep node_exporter in: "+err.Error())
	}
	t.Cleanup(func() { _ = os.RemoveAll(aside) }) // a leftover is no fault of the test
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "install", "github.com/prometheus/node_exporter@"+nodeExporterVersion)
	build.Dir = aside // outside our module
	build.Env = append(os.Environ(), "GOBIN="+aside, "GOFLAGS=-buildvcs=false", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		testenv.Skip(t, fmt.Sprintf("node_exporter %s cannot be built: %v: %s", nodeExporterVersion, err, out))
	}
	if err := os.Rename(filepath.Join(aside, "node_exporter"), program); err != nil {
		t.Fatal(err)
	}
	return program
}

// ownCollectors are those that node_exporter does not have.
var ownCollectors = []string{"accounts", "audit", "certificates", "fail2ban", "firewall", "ipsec", "logins", "logs", "mounts", "packages", "platform", "ports", "storage", "units", "wireguard"}

// shared lists the collectors that node_exporter has too.
func shared() []string {
	return slices.DeleteFunc(Names(), func(name string) bool { return slices.Contains(ownCollectors, name) })
}

// startNodeExporter runs it with the collectors that we have, and returns the
// process and its page's address.
func startNodeExporter(t testing.TB, collectors []frame.Collector, more ...string) (*testenv.Process, string) {
	t.Helper()
	program := nodeExporter(t)
	address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
	args := []string{"--web.listen-address=" + address, "--web.disable-exporter-metrics", "--log.level=error", "--collector.disable-defaults"}
	for _, c := range collectors {
		if !slices.Contains(ownCollectors, c.Name()) {
			args = append(args, "--collector."+c.Name())
		}
	}
	process := testenv.Start(t, program, append(args, more...)...)
	testenv.WaitHTTP(t, "http://"+address+"/")
	return process, "http://" + address + "/metrics"
}

// fetch reads a page of another process.
func fetch(ctx context.Context, url string) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", response.Status, body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	return parser.TextToMetricFamilies(bytes.NewReader(body))
}

// notOurs are the families of node_exporter's page that come from elsewhere
// with us, or not at all, each with its reason.
var notOurs = map[string]string{
	"node_exporter_build_info":               "tells the exporter's own version; ours is tocsin_build_info",
	"node_scrape_collector_duration_seconds": "the frame puts it on the page, from its own clock",
	"node_scrape_collector_success":          "the frame puts it on the page",
}

// drift is by how much a gauge may differ between two looks at the machine,
// by the beginning of its name; all others must be equal. Counters must lie
// between what we read before and after.
func drift(name string, ours map[string]float64) (float64, bool) {
	switch {
	case strings.HasPrefix(name, "node_netstat_"), strings.HasPrefix(name, "node_nf_conntrack_stat_"):
		return 10, true // counters by nature, of another type
	case strings.HasPrefix(name, "node_tcp_connection_states"), strings.HasPrefix(name, "node_qdisc_backlog"),
		strings.HasPrefix(name, "node_qdisc_current_queue_length"), strings.HasPrefix(name, "node_sockstat_"), name == "node_nf_conntrack_entries", strings.HasPrefix(name, "node_udp_queues"):
		return 1e6, true
	case strings.HasPrefix(name, "node_memory_") && strings.Contains(name, "_bytes"):
		return 0.1 * ours["node_memory_MemTotal_bytes"], true
	case strings.HasPrefix(name, "node_memory_numa_"), strings.HasPrefix(name, "node_buddyinfo_"), strings.HasPrefix(name, "node_zoneinfo_"),
		strings.HasPrefix(name, "node_slabinfo_"), strings.HasPrefix(name, "node_vmstat_"):
		return 0.5*ours[name] + 1e6, true
	case strings.HasPrefix(name, "node_processes_"), strings.HasPrefix(name, "node_entropy_"), strings.HasPrefix(name, "node_sysctl_"):
		return 1000, true
	case strings.HasPrefix(name, "node_load"):
		return 5, true
	case strings.HasPrefix(name, "node_procs_"), strings.HasPrefix(name, "node_disk_io_now"):
		return 1000, true
	case strings.HasPrefix(name, "node_time_seconds"):
		return 5, true
	case strings.HasPrefix(name, cpuInfoHertz.Name):
		return 5e9, true // it follows the load
	case strings.HasPrefix(name, "node_timex_offset_seconds"), strings.HasPrefix(name, "node_timex_maxerror_seconds"),
		strings.HasPrefix(name, "node_timex_estimated_error_seconds"), strings.HasPrefix(name, "node_timex_frequency"):
		return 1, true
	case strings.HasPrefix(name, "node_filesystem_avail_bytes"), strings.HasPrefix(name, "node_filesystem_free_bytes"):
		return 5e9, true
	case strings.HasPrefix(name, "node_filesystem_files_free"):
		return 1e5, true
	default:
		return 0, false
	}
}

func TestHost_equalsNodeExporter(t *testing.T) {
	var cfg Config
	cfg.SetDefaults()
	cfg.Collectors.Only = shared()
	all := New(cfg, discard())
	process, url := startNodeExporter(t, plain(all))
	equalPages(t, 150, all, process, url)
	theirs, err := fetch(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(compatibility(theirs, frame.NewTarget(frame.Spec{Job: "node", Collectors: all}, discard()).Gather(t.Context())))
}

// compatibility is the table of make compat-node: each of their names with its
// type, the names of its labels, and how many series both have.
func compatibility(theirs map[string]*dto.MetricFamily, page []*dto.MetricFamily) string {
	ours := map[string]*dto.MetricFamily{}
	for _, mf := range page {
		ours[mf.GetName()] = mf
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nNAME\tTYPE\tLABELS\tTHEIRS\tOURS\t")
	total, same := 0, 0
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		a, b := theirs[name], ours[name]
		verdict := notOurs[name]
		if verdict == "" {
			total++
			if b != nil && a.GetType() == b.GetType() && labelNames(a) == labelNames(b) {
				same++
			} else {
				verdict = "DIFFERENT"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", name, strings.ToLower(a.GetType().String()), labelNames(a), len(a.GetMetric()), len(b.GetMetric()), verdict)
	}
	fmt.Fprintf(w, "%d of %d names have the same type and labels\n", same, total)
	_ = w.Flush() // into a buffer
	return b.String()
}

func labelNames(mf *dto.MetricFamily) string {
	names := map[string]bool{}
	for _, m := range mf.GetMetric() {
		for _, l := range m.GetLabel() {
			names[l.GetName()] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ",")
}

// The options of node_exporter that change what is sent.
func TestNetdev_optionsEqualNodeExporters(t *testing.T) {
	var cfg Config
	cfg.SetDefaults()
	cfg.Collectors.Only, cfg.InterfaceAddresses, cfg.InterfaceDetails = []string{"netdev"}, true, true
	all := New(cfg, discard())
	process, url := startNodeExporter(t, plain(all), "--collector.netdev.address-info", "--collector.netdev.enable-detailed-metrics")
	equalPages(t, len(netdevDetails)+1, all, process, url)
}

func TestCPU_optionsEqualNodeExporters(t *testing.T) {
	var cfg Config
	cfg.SetDefaults()
	cfg.Collectors.Only, cfg.StatSoftirqs = []string{"cpu", "cpufreq", "stat"}, true
	cfg.CPU = CPU{Flags: Filter{Include: "sse"}, Bugs: Filter{Include: "^spectre"}}
	all := New(cfg, discard())
	process, url := startNodeExporter(t, plain(all), "--collector.stat.softirq", "--collector.cpu.info.flags-include=sse", "--collector.cpu.info.bugs-include=^spectre")
	equalPages(t, 35, all, process, url)
}

func TestMountstats_equalsNodeExporters(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "proc/4242"), os.DirFS("testdata/server/proc/self")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("4242", filepath.Join(root, "proc/self")); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Proc: filepath.Join(root, "proc")}
	cfg.SetDefaults()
	cfg.Collectors.Only = []string{"mountstats"}
	all := New(cfg, discard())
	process, url := startNodeExporter(t, plain(all), "--path.procfs="+cfg.Proc)
	equalPages(t, 70, all, process, url)
}

// equalPages wants the page of these collectors to equal node_exporter's.
func equalPages(t *testing.T, fewest int, all []frame.Entry, process *testenv.Process, url string) {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Job: "node", Collectors: all}, discard())
	// Others mount, unmount and fill things while we look: look again.
	testenv.Eventually(t, 30*time.Second, "a page that equals node_exporter's", func(ctx context.Context) error {
		select {
		case <-process.Done():
			return fmt.Errorf("node_exporter ended: %s", process.Output())
		default:
		}
		before := target.Gather(ctx)
		theirs, err := fetch(ctx, url)
		if err != nil {
			return err
		}
		after := target.Gather(ctx)
		return errors.Join(compareTypes(theirs, after), compareSamples(fewest, theirs, before, after))
	})
	for _, s := range target.States() {
		if s.Reason != "" {
			t.Errorf("collector %s: %s: %s", s.Collector, s.Reason, s.Error)
		}
	}
}

func compareTypes(theirs map[string]*dto.MetricFamily, ours []*dto.MetricFamily) error {
	var errs []error
	for _, mf := range ours {
		other, ok := theirs[mf.GetName()]
		if ok && other.GetType() != mf.GetType() {
			errs = append(errs, fmt.Errorf("%s is a %v, theirs is a %v", mf.GetName(), mf.GetType(), other.GetType()))
		}
	}
	return errors.Join(errs...)
}

// compareSamples compares a page of theirs, which must have so many series,
// with what we gathered before and after it.
func compareSamples(fewest int, theirFamilies map[string]*dto.MetricFamily, beforePage, afterPage []*dto.MetricFamily) error {
	before, after := flatten(beforePage), flatten(afterPage)
	theirs := map[string]float64{}
	counters := map[string]bool{}
	for name, mf := range theirFamilies {
		if notOurs[name] != "" {
			continue
		}
		for _, m := range mf.GetMetric() {
			theirs[series(name, m)] = value(m)
			counters[series(name, m)] = mf.GetType() == dto.MetricType_COUNTER
		}
	}
	var errs []error
	if len(theirs) < fewest {
		errs = append(errs, fmt.Errorf("their page has %d series only", len(theirs)))
	}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		low, ok := before[name]
		high, ok2 := after[name]
		if !ok || !ok2 {
			errs = append(errs, fmt.Errorf("we lack %s", name))
			continue
		}
		margin, drifts := drift(name, after)
		if counters[name] {
			margin, drifts = 0.02, true // a tick or two: the kernel's idle time now and then goes back
		}
		low, high = min(low, high), max(low, high)
		rounding := 1e-12 * math.Abs(high) // a thousandth is a product for one, a quotient for the other
		margin += rounding
		if got := theirs[name]; got < low-margin || got > high+margin || (!drifts && min(math.Abs(got-low), math.Abs(got-high)) > rounding) {
			if !math.IsNaN(got) {
				errs = append(errs, fmt.Errorf("%s is %v for them, %v to %v for us", name, got, low, high))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, ok := theirs[name]; !ok {
			errs = append(errs, fmt.Errorf("they lack %s", name))
		}
	}
	return errors.Join(errs...)
}

// The fixtures, seen by node_exporter: what this machine does not have
// (throttled cores, a device mapper, a bond) is compared there.
func TestHost_equalsNodeExporterOnFixtures(t *testing.T) {
	// Whose numbers come by system call or netlink, not from the files. Of
	// mountstats it wants to know the number of its own process.
	elsewhere := []string{"ethtool", "filesystem", "mountstats", "netdev", "network_route", "qdisc", "selinux", "tcpstat", "time", "timex", "uname", "wifi"}
	program := nodeExporter(t)
	for _, name := range trees {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join("testdata", name)
			address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
			args := []string{
				"--web.listen-address=" + address, "--web.disable-exporter-metrics", "--log.level=error", "--collector.disable-defaults",
				"--path.procfs=" + root + "/proc", "--path.sysfs=" + root + "/sys", "--path.udev.data=" + root + "/run/udev/data", "--path.rootfs=" + root,
				"--collector.sysctl.include=kernel.threads-max", "--collector.sysctl.include=fs.file-nr",
				"--collector.sysctl.include=fs.file-nr:total,current,max", "--collector.sysctl.include-info=kernel.seccomp.actions_avail",
				"--collector.stat.softirq", "--collector.cpu.info.flags-include=^(aes|avx2?)$", "--collector.cpu.info.bugs-include=spectre",
			}
			ours := map[string]float64{}
			for _, c := range tree(name) {
				if !slices.Contains(elsewhere, c.Name()) && !slices.Contains(ownCollectors, c.Name()) {
					args = append(args, "--collector."+c.Name())
					maps.Copy(ours, run(t, c, 10*time.Second).samples)
				}
			}
			// Of netdev the file alone can be compared.
			args = append(args, "--collector.netdev", "--no-collector.netdev.netlink", "--no-collector.arp.netlink")
			for series, v := range run(t, find(t, tree(name), "netdev"), 10*time.Second).samples {
				if !strings.HasPrefix(series, netdevNoHandler.Name) {
					ours[series] = v
				}
			}
			testenv.Start(t, program, args...)
			testenv.WaitHTTP(t, "http://"+address+"/")
			page, err := fetch(t.Context(), "http://"+address+"/metrics")
			if err != nil {
				t.Fatal(err)
			}
			theirs := map[string]float64{}
			for name, mf := range page {
				for _, m := range mf.GetMetric() {
					if notOurs[name] == "" {
						theirs[series(name, m)] = value(m)
					}
				}
			}
			if name == "server" {
				// Theirs is from sysfs and from cpuinfo, with two helps: not valid, and so
				// partly lost.
				delete(theirs, `node_cpu_frequency_hertz{core="0",cpu="0",package="0"}`)
				delete(theirs, `node_cpu_frequency_hertz{core="1",cpu="1",package="0"}`)
				delete(theirs, `node_cpu_frequency_hertz{core="0",cpu="2",package="1"}`)
				delete(theirs, `node_cpu_frequency_hertz{cpu="0"}`)
				delete(ours, `node_cpu_frequency_hertz{cpu="0"}`)
			}
			for _, name := range slices.Sorted(maps.Keys(theirs)) {
				if _, different := differences[name]; different {
					continue
				}
				if got, ok := ours[name]; !ok || math.Abs(got-theirs[name]) > 1e-9*math.Abs(got) {
					t.Errorf("%s is %v for them, for us %v (%v)", name, theirs[name], got, ok)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(ours)) {
				if _, ok := theirs[name]; !ok {
					t.Errorf("they lack %s", name)
				}
			}
		})
	}
}
