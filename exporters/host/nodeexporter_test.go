//go:build linux

package host

import (
	"bytes"
	"context"
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
