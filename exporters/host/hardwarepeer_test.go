//go:build linux

package host

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

// What is configured with us is the same as the flags of node_exporter.
func TestHardware_optionsEqualNodeExporters(t *testing.T) {
	root := filepath.Join("testdata", "server")
	cfg := Config{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys")}
	cfg.BcachePriorities, cfg.RaplZoneLabel = true, true
	cfg.Chips = Filter{Exclude: "^platform_nct6775"}
	cfg.Sensors = Filter{Include: ";(temp|freq)[0-9]+$"}
	cfg.PowerSupplies = Filter{Exclude: "^AC$"}
	cfg.Tapes = Filter{Exclude: "^st0$"}
	cfg.Collectors.Only = []string{"bcache", "hwmon", "powersupplyclass", "rapl", "tapestats"}
	cfg.SetDefaults()
	all := plain(newMachine(cfg, fakeKernel(), discard()).collectors())
	_, url := startNodeExporter(t, all, "--path.procfs="+cfg.Proc, "--path.sysfs="+cfg.Sys,
		"--collector.bcache.priorityStats", "--collector.rapl.enable-zone-label",
		"--collector.hwmon.chip-exclude="+cfg.Chips.Exclude, "--collector.hwmon.sensor-include="+cfg.Sensors.Include,
		"--collector.powersupply.ignored-supplies="+cfg.PowerSupplies.Exclude, "--collector.tapestats.ignored-devices="+cfg.Tapes.Exclude)
	compareNames(t, all, url)
}

// A Btrfs and an XFS of this kernel, whose devices the kernel tells of.
func TestHardware_realFileSystemsEqualNodeExporters(t *testing.T) {
	mountImage(t, testenv.Program(t, "mkfs.btrfs", "btrfs-progs"), "-q", "-L", "backup")
	mountImage(t, testenv.Program(t, "mkfs.xfs", "xfsprogs"), "-q")
	var cfg Config
	cfg.Collectors.Only = []string{"btrfs", "xfs"}
	cfg.SetDefaults()
	all := plain(New(cfg, discard()))
	_, url := startNodeExporter(t, all)
	ours := compareNames(t, all, url)
	for _, want := range []string{`node_btrfs_device_errors_total{btrfs_dev_uuid="`, `node_btrfs_info{label="backup"`, "node_xfs_read_calls_total{"} {
		if !slices.ContainsFunc(ours, func(series string) bool { return strings.HasPrefix(series, want) }) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// compareNames wants the same series of the same types on both pages, and
// returns ours. What is told of them may change between two looks.
func compareNames(t *testing.T, all []frame.Collector, url string) []string {
	t.Helper()
	types := map[string]string{}
	page, err := fetch(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for name, mf := range page {
		for _, m := range mf.GetMetric() {
			if notOurs[name] == "" {
				types[series(name, m)] = mf.GetType().String()
			}
		}
	}
	spec := frame.Spec{Job: "node"}
	for _, c := range all {
		spec.Collectors = append(spec.Collectors, frame.Entry{Collector: c})
	}
	var ours []string
	for _, mf := range frame.NewTarget(spec, discard()).Gather(t.Context()) {
		for _, m := range mf.GetMetric() {
			if s := series(mf.GetName(), m); !strings.HasPrefix(s, "tocsin_collector_") {
				ours = append(ours, s)
				if types[s] != mf.GetType().String() {
					t.Errorf("%s is a %s for us, for them %q", s, mf.GetType(), types[s])
				}
				delete(types, s)
			}
		}
	}
	for _, s := range slices.Sorted(maps.Keys(types)) {
		t.Errorf("we lack %s", s)
	}
	return ours
}

// mountImage makes a file system in a file, and mounts it until the test ends.
func mountImage(t *testing.T, mkfs string, args ...string) {
	t.Helper()
	testenv.Root(t, "mounts a file system")
	mount, umount := testenv.Program(t, "mount", "mount"), testenv.Program(t, "umount", "mount")
	image, point := filepath.Join(t.TempDir(), "image"), t.TempDir()
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 320<<20); err != nil { // the smallest that mkfs.xfs makes, and a little
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), mkfs, append(args, image)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", mkfs, err, out)
	}
	if out, err := exec.CommandContext(t.Context(), mount, "-o", "loop", image, point).CombinedOutput(); err != nil {
		testenv.Skip(t, "a file system cannot be mounted from a file here: "+string(out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command(umount, point).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}
