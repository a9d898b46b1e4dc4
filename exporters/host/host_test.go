//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
)

var update = flag.Bool("update", false, "rewrite the golden pages")

// trees are machines whose /proc, /sys and /run lie under testdata.
var trees = []string{"vm", "server"}

// machine makes the collectors of a machine whose files lie under a folder.
// Its mount points are those of a machine's own root.
func machineIn(root string, k kernel) []frame.Collector {
	cfg := Config{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys")}
	cfg.SetDefaults()
	cfg.Collectors.Only = Names()
	cfg.Sysctl = Sysctl{ // as TestHost_equalsNodeExporterOnFixtures gives them to node_exporter
		Numbers: []string{"kernel.threads-max", "fs.file-nr", "fs.file-nr:total,current,max"},
		Texts:   []string{"kernel.seccomp.actions_avail"},
	}
	cfg.CPU, cfg.StatSoftirqs = CPU{Flags: Filter{Include: "^(aes|avx2?)$"}, Bugs: Filter{Include: "spectre"}}, true
	m := newMachine(cfg, k, discard())
	m.roots.udev = filepath.Join(root, "run/udev/data")
	m.cfg.Root, m.own = root, root // of files, not of mount points
	return plain(m.collectors())
}

// plain leaves out how often the collectors run: tests run them at once.
func plain(entries []frame.Entry) []frame.Collector {
	all := make([]frame.Collector, len(entries))
	for i, e := range entries {
		all[i] = e.Collector
	}
	return all
}

func tree(name string) []frame.Collector {
	return machineIn(filepath.Join("testdata", name), fakeKernel())
}

// fakeKernel answers the system calls, always the same.
func fakeKernel() kernel {
	return kernel{
		statfs: func(_ context.Context, path string) (usage, error) {
			if strings.HasSuffix(path, "/forbidden") {
				return usage{}, unix.EACCES
			}
			n := uint64(len(filepath.Base(path)))
			return usage{size: n << 30, free: n << 29, available: n << 28, files: n << 10, filesFree: n << 9}, nil
		},
		uname: func(u *unix.Utsname) error {
			copy(u.Sysname[:], "Linux")
			copy(u.Release[:], "6.1.0-18-amd64")
			copy(u.Version[:], "#1 SMP Debian 6.1.76-1")
			copy(u.Machine[:], "x86_64")
			copy(u.Nodename[:], "db1.ville.example")
			copy(u.Domainname[:], "(none)")
			return nil
		},
		adjtimex: func(t *unix.Timex) (int, error) {
			t.Status = nanoseconds | unix.STA_PLL
			t.Offset, t.Freq, t.Maxerror, t.Esterror = -250000, 32768, 42000, 17
			t.Constant, t.Tick, t.Tai = 7, 10000, 37
			return unix.TIME_OK, nil
		},
		btrfs: func(string) (string, []btrfsDevice, error) { return "", nil, unix.ENOTTY },
		now:   func() time.Time { return time.Unix(1767225600, 500e6).In(time.FixedZone("CET", 3600)) },
		dump:  fakeDump, ethtool: fakeEthtool, wifi: func() (wifiClient, error) { return fakeWifi{}, nil },
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// find returns the collector of that name.
func find(t testing.TB, all []frame.Collector, name string) frame.Collector {
	t.Helper()
	i := slices.IndexFunc(all, func(c frame.Collector) bool { return c.Name() == name })
	if i < 0 {
		t.Fatalf("there is no collector %s", name)
	}
	return all[i]
}

// result is what one run of one collector came to.
type result struct {
	samples map[string]float64 // name{label="value",...}
	reason  frame.Reason
	err     string
	took    time.Duration
}

// run lets the frame run one collector.
func run(t testing.TB, c frame.Collector, timeout time.Duration) result {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Job: "node", Collectors: []frame.Entry{{Collector: c}}}, discard())
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	start := time.Now()
	page := target.Gather(ctx)
	state := target.States()[0]
	return result{samples: flatten(page), reason: state.Reason, err: state.Error, took: time.Since(start)}
}

func flatten(page []*dto.MetricFamily) map[string]float64 {
	flat := map[string]float64{}
	for _, mf := range page {
		if strings.HasPrefix(mf.GetName(), "tocsin_collector_") {
			continue
		}
		for _, m := range mf.GetMetric() {
			flat[series(mf.GetName(), m)] = value(m)
		}
	}
	return flat
}

func series(name string, m *dto.Metric) string {
	labels := make([]string, 0, len(m.GetLabel()))
	for _, l := range m.GetLabel() {
		labels = append(labels, l.GetName()+"="+strconv.Quote(l.GetValue()))
	}
	if len(labels) == 0 {
		return name
	}
	slices.Sort(labels)
	return name + "{" + strings.Join(labels, ",") + "}"
}

func value(m *dto.Metric) float64 {
	return m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
}

// write puts files under a new folder and returns it.
func write(t testing.TB, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"proc", "sys"} { // procfs wants them to be there
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// page writes what all collectors send, sorted.
func page(t *testing.T, all []frame.Collector) (text []byte, states []frame.State) {
	t.Helper()
	spec := frame.Spec{Job: "node"}
	for _, c := range all {
		spec.Collectors = append(spec.Collectors, frame.Entry{Collector: c})
	}
	target := frame.NewTarget(spec, discard())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var b bytes.Buffer
	for _, mf := range target.Gather(ctx) {
		if strings.HasPrefix(mf.GetName(), "tocsin_collector_") {
			continue
		}
		slices.SortFunc(mf.GetMetric(), func(a, b *dto.Metric) int { return strings.Compare(series("", a), series("", b)) })
		if _, err := expfmt.MetricFamilyToText(&b, mf); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes(), target.States()
}

func TestHost_goldenPage(t *testing.T) {
	for _, name := range trees {
		t.Run(name, func(t *testing.T) {
			got, states := page(t, tree(name))
			for _, s := range states {
				if s.Reason != "" {
					t.Errorf("collector %s: %s: %s", s.Collector, s.Reason, s.Error)
				}
			}
			golden := filepath.Join("testdata", name, "page.prom")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the page is not %s; -update rewrites it (-want +got):\n%s", golden, diff)
			}
		})
	}
}

func TestHost_conformance(t *testing.T) {
	for _, name := range trees {
		for _, c := range tree(name) {
			t.Run(name+"/"+c.Name(), func(t *testing.T) {
				collectortest.Run(t, func(t testing.TB) frame.Collector {
					return find(t, tree(name), c.Name())
				})
			})
		}
	}
}

// An empty machine, a machine whose every file is empty, cut short or noise:
// no collector panics, and none says all is well but where there is nothing
// to be said.
func TestHost_survivesBrokenFiles(t *testing.T) {
	damage := map[string]func([]byte) []byte{
		"empty":    func([]byte) []byte { return nil },
		"newline":  func([]byte) []byte { return []byte("\n") },
		"cut":      func(b []byte) []byte { return b[:len(b)*2/3] },
		"noise":    func([]byte) []byte { return []byte("\x00\xff: : - \n12 x\ncpu\ncpu0\nintr\neth0: 1 2\n:\n") },
		"one byte": func(b []byte) []byte { return b[:min(1, len(b))] },
	}
	for kind, hurt := range damage {
		for _, name := range trees {
			t.Run(kind+"/"+name, func(t *testing.T) {
				_, states := page(t, machineIn(write(t, damaged(t, name, hurt)), fakeKernel()))
				for _, s := range states {
					switch s.Reason {
					case frame.ReasonPanic, frame.ReasonInvalid, frame.ReasonTimeout:
						t.Errorf("collector %s: %s: %s", s.Collector, s.Reason, s.Error)
					}
				}
			})
		}
	}
	t.Run("nothing at all", func(t *testing.T) {
		for _, c := range machineIn(write(t, nil), fakeKernel()) {
			r := run(t, c, time.Second)
			mustSpeak := slices.Contains([]string{"cpu", "diskstats", "filefd", "filesystem", "meminfo", "netdev", "netstat", "softnet", "stat", "sysctl"}, c.Name())
			if (r.reason != "") != mustSpeak {
				t.Errorf("collector %s without files: reason %q (%s)", c.Name(), r.reason, r.err)
			}
		}
	})
}

// damaged returns the files of a tree, each hurt.
func damaged(t testing.TB, tree string, hurt func([]byte) []byte) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := filepath.Join("testdata", tree)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		files[name] = string(hurt(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestHost_familiesOfAllCollectorsAreDistinct(t *testing.T) {
	owner := map[string]string{}
	for _, c := range tree("vm") {
		for _, f := range c.Families() {
			if owner[f.Name] != "" {
				t.Errorf("%s is declared by %s and by %s", f.Name, owner[f.Name], c.Name())
			}
			owner[f.Name] = c.Name()
		}
	}
}

// wantSamples compares some of the samples; -1 wants them absent.
func wantSamples(t *testing.T, r result, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		got, ok := r.samples[name]
		switch {
		case v == -1 && ok:
			t.Errorf("%s is there, with %v", name, got)
		case v != -1 && !ok:
			t.Errorf("%s is missing", name)
		case v != -1 && got != v:
			t.Errorf("%s is %v, want %v", name, got, v)
		}
	}
}

// anyReason stands for a failure whose reason the frame chooses.
const anyReason frame.Reason = "*"

// wantFailure wants a run to have failed, for a reason and with these words.
func wantFailure(t *testing.T, r result, reason frame.Reason, words ...string) {
	t.Helper()
	if r.reason != reason && (reason != anyReason || r.reason == "") {
		t.Errorf("reason is %q (%s), want %q", r.reason, r.err, reason)
	}
	for _, w := range words {
		if !strings.Contains(r.err, w) {
			t.Errorf("the error %q does not say %q", r.err, w)
		}
	}
}

var errTest = errors.New("test: the kernel refuses")

func ExampleNew() {
	var cfg Config
	cfg.SetDefaults()
	cfg.Collectors = Selection{Only: []string{"loadavg", "uname"}}
	for _, e := range New(cfg, slog.New(slog.DiscardHandler)) {
		fmt.Print(e.Collector.Name(), " ")
	}
	// Output: loadavg uname
}
