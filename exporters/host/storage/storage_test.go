//go:build linux

package storage

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
)

// machine puts files and links (path to target) under a new folder. Its
// mounts are those given, their paths below the folder.
func machine(t testing.TB, files, links map[string]string, mounts ...Mount) Machine {
	t.Helper()
	root := t.TempDir()
	place := func(name string) string {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, content := range files {
		if err := os.WriteFile(place(name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range links {
		if err := os.Symlink(target, place(name)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range mounts {
		if mounts[i].Path != "" {
			mounts[i].Path = filepath.Join(root, mounts[i].Path)
		}
	}
	return Machine{
		Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys"), Root: root,
		Mounts: func() ([]Mount, error) { return mounts, nil },
	}
}

// run collects once, and returns the samples and the error's text.
func run(t testing.TB, m Machine) (samples map[string]float64, problem string) {
	t.Helper()
	target := frame.NewTarget(frame.Spec{Job: "node", Collectors: []frame.Entry{{Collector: New(m)}}}, slog.New(slog.DiscardHandler))
	samples = map[string]float64{}
	for _, mf := range target.Gather(t.Context()) {
		if strings.HasPrefix(mf.GetName(), "tocsin_collector_") {
			continue
		}
		for _, metric := range mf.GetMetric() {
			labels := ""
			for _, l := range metric.GetLabel() {
				labels += "," + l.GetName() + "=" + strconv.Quote(l.GetValue())
			}
			samples[strings.TrimPrefix(mf.GetName(), "tocsin_host_")+"{"+strings.TrimPrefix(labels, ",")+"}"] = metric.GetGauge().GetValue()
		}
	}
	return samples, target.States()[0].Error
}

// want wants these samples and no others.
func want(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		if have, ok := got[name]; !ok || have != v {
			t.Errorf("%s is %v (%v), want %v", name, have, ok, v)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is there", name)
		}
	}
}

const luks = "CRYPT-LUKS2-0c8f-x\n"

func TestEncrypted_waysDownToTheDisks(t *testing.T) {
	// /boot on a partition; / on LVM on LUKS on a partition; /srv on a RAID of
	// two LUKS; /half on a RAID of which one is not; /data on a partition of a
	// RAID on LUKS.
	files := map[string]string{
		"sys/block/sda/sda1/partition": "1\n", "sys/block/sda/sda2/partition": "2\n",
		"sys/block/dm-0/dm/name": "root_crypt\n", "sys/block/dm-0/dm/uuid": luks,
		"sys/block/dm-1/dm/name": "vg0-root\n", "sys/block/dm-1/dm/uuid": "LVM-abc\n",
		"sys/block/dm-2/dm/name": "b\n", "sys/block/dm-2/dm/uuid": "CRYPT-LUKS1-0c8f-b\n",
		"sys/block/dm-3/dm/name": "verity\n", "sys/block/dm-3/dm/uuid": "CRYPT-VERITY-0c8f-v\n",
		"sys/block/md2/md2p1/partition": "1\n", "sys/block/loop0/loop/backing_file": "/image\n", "sys/block/sdb/size": "1\n",
	}
	links := map[string]string{
		"sys/block/dm-0/slaves/sda2": "../../sda/sda2", "sys/block/dm-1/slaves/dm-0": "../../dm-0", "sys/block/dm-2/slaves/sdb": "../../sdb",
		"sys/block/dm-3/slaves/sdb": "../../sdb",
		"sys/block/md0/slaves/dm-0": "../../dm-0", "sys/block/md0/slaves/dm-2": "../../dm-2",
		"sys/block/md1/slaves/dm-0": "../../dm-0", "sys/block/md1/slaves/sdb": "../../sdb",
		"sys/block/md2/slaves/dm-0": "../../dm-0", "sys/block/round/slaves/round": "../../round",
		"sys/dev/block/8:1": "../../block/sda/sda1", "sys/dev/block/254:1": "../../block/dm-1", "sys/dev/block/9:0": "../../block/md0",
		"sys/dev/block/9:1": "../../block/md1", "sys/dev/block/259:0": "../../block/md2/md2p1", "sys/dev/block/254:3": "../../block/dm-3",
		"sys/dev/block/7:0": "../../block/loop0", "sys/dev/block/1:1": "../../block/round", "sys/dev/block/1:2": "../../block/gone",
		"sys/class/block/dm-2": "../../block/dm-2", "sys/class/block/sdb": "../../block/sdb",
	}
	on := func(point, major, minor string) Mount {
		return Mount{Point: point, Major: major, Minor: minor, Kind: "ext4"}
	}
	samples, problem := run(t, machine(t, files, links,
		on("/boot", "8", "1"), on("/", "254", "1"), on("/srv", "9", "0"), on("/half", "9", "1"), on("/data", "259", "0"),
		on("/verity", "254", "3"), on("/image", "7", "0"), on("/round", "1", "1"), on("/gone", "1", "2"), on("/tmp", "0", "40"),
		on("/covered", "8", "1"), on("/covered", "9", "0"),
		Mount{Point: "/btrfs", Major: "0", Minor: "50", Kind: "btrfs", Source: "/dev/mapper/b"},
		Mount{Point: "/btrfs2", Major: "0", Minor: "51", Kind: "btrfs", Source: "/dev/sdb"},
	))
	if problem != "" {
		t.Error(problem)
	}
	want(t, samples, map[string]float64{
		`mount_encrypted{mountpoint="/boot"}`: 0, `mount_encrypted{mountpoint="/"}`: 1, `mount_encrypted{mountpoint="/srv"}`: 1,
		`mount_encrypted{mountpoint="/half"}`: 0, `mount_encrypted{mountpoint="/data"}`: 1, `mount_encrypted{mountpoint="/verity"}`: 0,
		`mount_encrypted{mountpoint="/covered"}`: 1, `mount_encrypted{mountpoint="/btrfs"}`: 1, `mount_encrypted{mountpoint="/btrfs2"}`: 0,
	})
}

func TestCrypttab_whatIsOpen(t *testing.T) {
	files := map[string]string{
		"sys/block/dm-0/dm/name": "open\n", "sys/block/dm-0/dm/uuid": luks,
		"sys/block/dm-1/dm/name": "volume\n", "sys/block/dm-1/dm/uuid": "LVM-abc\n",
		"etc/crypttab": "# a comment\n\nopen UUID=1 none luks\n closed\tUUID=2 none luks,discard\nopen UUID=1\nlater UUID=3 none luks,noauto\nvolume UUID=4\nnot-noauto UUID=5 none x-noauto\n",
	}
	samples, problem := run(t, machine(t, files, nil))
	if problem != "" {
		t.Error(problem)
	}
	want(t, samples, map[string]float64{
		`luks_mapping_open{mapping="open"}`: 1, `luks_mapping_open{mapping="closed"}`: 0, `luks_mapping_open{mapping="volume"}`: 0, `luks_mapping_open{mapping="not-noauto"}`: 0,
	})
}

func TestCrypttab_closedToUsIsNotDetected(t *testing.T) {
	if err := optional(&fs.PathError{Op: "open", Path: "/etc/crypttab", Err: unix.EACCES}); err != nil {
		t.Errorf("the collector fails by %v", err)
	}
	if err := optional(&fs.PathError{Op: "read", Path: "/etc/crypttab", Err: unix.EIO}); err == nil {
		t.Error("an error of the disk is passed over")
	}
}

func TestCrypttab_badLinesAndTooMany(t *testing.T) {
	samples, problem := run(t, machine(t, map[string]string{"etc/crypttab": "a UUID=1\nb\nc UUID=3\n"}, nil))
	want(t, samples, map[string]float64{`luks_mapping_open{mapping="a"}`: 0})
	if !strings.Contains(problem, `malformed line "b\n"`) || !strings.Contains(problem, "etc/crypttab") {
		t.Errorf("the error is %q", problem)
	}
	var many strings.Builder
	for i := range maxMappings + 10 {
		many.WriteString("m" + strconv.Itoa(i) + " UUID=1\n")
	}
	samples, problem = run(t, machine(t, map[string]string{"etc/crypttab": many.String()}, nil))
	if len(samples) != maxMappings || !strings.Contains(problem, "more than") {
		t.Errorf("%d samples, %q", len(samples), problem)
	}
}

func TestThinPools_areNamed(t *testing.T) {
	samples, _ := run(t, machine(t, map[string]string{
		"sys/block/dm-4/dm/name": "vg0-pool-tpool\n", "sys/block/dm-4/dm/uuid": "LVM-abc-tpool\n",
		"sys/block/dm-5/dm/name": "vg0-pool\n", "sys/block/dm-5/dm/uuid": "LVM-abc-pool\n",
	}, nil))
	want(t, samples, map[string]float64{`thin_pool_info{pool="vg0-pool"}`: 1})
}

func TestArrays_progressAndMismatches(t *testing.T) {
	md := func(n, level, action, completed, mismatch string) map[string]string {
		f := "sys/block/md" + n + "/md/"
		return map[string]string{f + "level": level + "\n", f + "sync_action": action + "\n", f + "sync_completed": completed + "\n", f + "mismatch_cnt": mismatch + "\n"}
	}
	files := map[string]string{"sys/block/md9/md/level": "raid0\n"}
	for _, one := range []map[string]string{
		md("0", "raid1", "resync", "25 / 100", "0"), md("1", "raid5", "idle", "none", "128"), md("2", "raid6", "resync", "delayed", "0"),
		md("3", "raid6", "check", "1 / 0", "x"), md("4", "raid6", "check", "x / 2", "7"), md("5", "raid6", "check", "3 / 2", "7"),
	} {
		maps.Copy(files, one)
	}
	samples, problem := run(t, machine(t, files, nil))
	want(t, samples, map[string]float64{
		`md_sync_progress_ratio{action="resync",device="md0"}`: 0.25, `md_sync_progress_ratio{action="check",device="md5"}`: 1,
		`md_mismatch_sectors{device="md0",level="raid1"}`: 0, `md_mismatch_sectors{device="md1",level="raid5"}`: 128, `md_mismatch_sectors{device="md2",level="raid6"}`: 0,
		`md_mismatch_sectors{device="md4",level="raid6"}`: 7, `md_mismatch_sectors{device="md5",level="raid6"}`: 7,
	})
	for _, word := range []string{"array md3", "array md4"} {
		if !strings.Contains(problem, word) {
			t.Errorf("the error %q does not say %q", problem, word)
		}
	}
}

func TestZFS_snapshotsAreListedAndNotTouched(t *testing.T) {
	m := machine(t, map[string]string{
		"proc/spl/kstat/zfs/dead/state": "SUSPENDED\n", "proc/spl/kstat/zfs/tank/state": "ONLINE\n",
		"srv/.zfs/snapshot/a/x": "", "srv/.zfs/snapshot/b/x": "", "dead/.zfs/snapshot/a/x": "",
	}, map[string]string{"none/.zfs/snapshot": "/nonexistent"},
		Mount{Source: "tank/srv", Kind: "zfs", Path: "srv", Major: "0"}, Mount{Source: "tank/srv", Kind: "zfs", Path: "srv", Major: "0"},
		Mount{Source: "dead/x", Kind: "zfs", Path: "dead", Major: "0"}, Mount{Source: "tank/none", Kind: "zfs", Path: "none", Major: "0"},
		Mount{Source: "tank/hidden", Kind: "zfs", Major: "0"}, Mount{Source: "x", Kind: "tmpfs", Path: "srv", Major: "0"},
	)
	changed := time.Unix(1700000000, 0)
	if err := os.Chtimes(filepath.Join(m.Root, "srv/.zfs/snapshot"), changed, changed); err != nil {
		t.Fatal(err)
	}
	samples, problem := run(t, m)
	if problem != "" {
		t.Error(problem)
	}
	want(t, samples, map[string]float64{`zfs_snapshots{dataset="tank/srv"}`: 2, `zfs_snapshots_changed_timestamp_seconds{dataset="tank/srv"}`: 1.7e9})
}

func TestSMART_stateFilesOfSmartd(t *testing.T) {
	const folder = "var/lib/smartmontools/"
	samples, problem := run(t, machine(t, map[string]string{
		folder + "smartd.A-1.ata.state":    "# smartd state file\nata-error-count = 4\nata-smart-attribute.0.id = 5\nata-smart-attribute.1.id = 197\nata-smart-attribute.1.raw = 8\nata-smart-attribute.2.id = 1\nata-smart-attribute.2.raw = 99\nata-smart-attribute.3.raw = 7\nself-test-errors = x\n",
		folder + "smartd.A-1.ata.state~":   "ata-error-count = 3\n",
		folder + "smartd.B-2.nvme.state":   "nvme-err-log-entries = 12\nself-test-errors = 2\n",
		folder + "smartd.C\xff.scsi.state": "",
		folder + "attrlog.A-1.ata.csv":     "2026-01-01 00:00:00;\t5;100;0;\n",
		folder + "drivedb/drivedb.h":       "",
	}, nil))
	if problem != "" {
		t.Error(problem)
	}
	want(t, samples, map[string]float64{
		`smart_error_log_entries{disk="A-1.ata"}`: 4, `smart_attribute_raw{attribute="reallocated_sectors",disk="A-1.ata"}`: 0, `smart_attribute_raw{attribute="pending_sectors",disk="A-1.ata"}`: 8,
		`smart_error_log_entries{disk="B-2.nvme"}`: 12, `smart_self_test_errors{disk="B-2.nvme"}`: 2,
	})
}

func TestCollector_emptyMachine(t *testing.T) {
	m := machine(t, nil, nil)
	samples, problem := run(t, m)
	if len(samples) > 0 || problem != "" {
		t.Errorf("%v, %q", samples, problem)
	}
	m.Mounts = func() ([]Mount, error) { return nil, fs.ErrPermission }
	if _, problem := run(t, m); problem == "" {
		t.Error("mounts that cannot be listed are no error")
	}
}

func TestCollector_stopsBeforeAnotherDatasetIsAsked(t *testing.T) {
	m := machine(t, map[string]string{"srv/.zfs/snapshot/a/x": ""}, nil, Mount{Source: "tank", Kind: "zfs", Path: "srv", Major: "0"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := New(m)
	if err := c.Collect(ctx, frame.NewSink(c.Families())); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestCollector_conformance(t *testing.T) {
	collectortest.Run(t, func(t testing.TB) frame.Collector {
		return New(machine(t, map[string]string{
			"etc/crypttab": "a UUID=1\n", "sys/block/md0/md/mismatch_cnt": "0\n", "sys/block/md0/md/sync_completed": "1 / 2\n", "sys/block/md0/md/sync_action": "check\n",
			"sys/block/dm-4/dm/name": "p-tpool\n", "sys/block/dm-4/dm/uuid": "LVM-a-tpool\n", "sys/block/sda/size": "1\n", "srv/.zfs/snapshot/a/x": "",
			"var/lib/smartmontools/smartd.A.ata.state": "ata-error-count = 4\nself-test-errors = 1\nata-smart-attribute.0.id = 5\n",
		}, map[string]string{"sys/dev/block/8:0": "../../block/sda"},
			Mount{Source: "tank", Kind: "zfs", Path: "srv", Major: "0"}, Mount{Source: "/dev/sda", Kind: "ext4", Major: "8", Minor: "0", Point: "/"}))
	})
}

func FuzzCrypttab(f *testing.F) {
	f.Add("# x\na UUID=1 none luks,noauto\nb UUID=2\n")
	f.Fuzz(func(t *testing.T, content string) {
		names, _ := parseCrypttab(content)
		seen := map[string]bool{}
		for _, name := range names {
			if name == "" || seen[name] {
				t.Errorf("%q gives %q", content, names)
			}
			seen[name] = true
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add("self-test-errors = 1\nata-smart-attribute.0.id = 5\nata-smart-attribute.0.raw = 8\n")
	f.Fuzz(func(t *testing.T, content string) {
		if state := parseState(content); len(state.raw) > len(attributes) {
			t.Errorf("%q gives %v", content, state.raw)
		}
	})
}

func FuzzProgress(f *testing.F) {
	f.Add("33551104 / 390620288")
	f.Fuzz(func(t *testing.T, text string) {
		if ratio, doing, _ := progress(text); doing && !(ratio >= 0 && ratio <= 1) {
			t.Errorf("%q is %v", text, ratio)
		}
	})
}
