//go:build linux

package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
)

const (
	mdHead  = "Personalities : [raid1]\n"
	mdWhole = "md0 : active raid1 sdb1[1] sda1[0]\n      100 blocks super 1.2 [2/2] [UU]\n\n"
	uuid    = "0d1f6a52-77f2-4c1c-8a4e-2b6a1d90c311"
)

// What files that are missing, cut or odd come to: the rest is sent, and no
// number is made up.
func TestHardware_filesInPart(t *testing.T) {
	cases := []struct {
		name, collector string
		files           map[string]string
		want            map[string]float64
		reason          frame.Reason
		words           []string
	}{
		{"cut", "filefd", map[string]string{"proc/sys/fs/file-nr": "5\t0\n"}, map[string]float64{"node_filefd_allocated": -1}, frame.ReasonError, []string{"file-nr", "malformed"}},
		{
			"one array that is cut costs itself", "mdadm",
			map[string]string{"proc/mdstat": mdHead + "md1 : active raid1 sdd1[1]\n      100 blo\n\n" + mdWhole + "md2 : active\n"},
			map[string]float64{`node_md_disks{device="md0",state="active"}`: 2, `node_md_disks_required{device="md1"}`: -1, `node_md_disks_required{device="md2"}`: -1},
			frame.ReasonError,
			[]string{"mdstat", "md1 :", "md2 :"},
		},
		{
			"a recovery without its progress is not told as whole", "mdadm",
			map[string]string{"proc/mdstat": mdHead + "md0 : active raid1 sdb1[1] sda1[0]\n      100 blocks super 1.2 [2/1] [U_]\n      [=>..]  recovery = 12.\n"},
			map[string]float64{`node_md_blocks_synced{device="md0"}`: -1, `node_md_state{device="md0",state="active"}`: -1},
			frame.ReasonError,
			[]string{"recovery"},
		},
		{
			"arrays of /sys are told though mdstat is odd", "mdadm",
			map[string]string{"proc/mdstat": "md0 :\n", "sys/block/md0/md/level": "raid1\n", "sys/block/md0/md/degraded": "1\n", "sys/block/md0/md/raid_disks": "x\n"},
			map[string]float64{`node_md_degraded{device="md0"}`: 1, `node_md_raid_disks{device="md0"}`: -1},
			frame.ReasonError,
			[]string{"raid_disks"},
		},
		{"no arrays", "mdadm", map[string]string{"proc/mdstat": "Personalities : \nunused devices: <none>\n"}, nil, "", nil},
		{
			"without nuse, as before Linux 6.8", "nvme",
			map[string]string{"sys/class/nvme/nvme0/model": "A\n", "sys/class/nvme/nvme0/nvme0n1/size": "10\n", "sys/class/nvme/nvme0/nvme0n1/queue/logical_block_size": "512\n"},
			map[string]float64{
				`node_nvme_namespace_size_bytes{device="nvme0",nsid="1"}`: 5120, `node_nvme_namespace_used_bytes{device="nvme0",nsid="1"}`: -1,
				`node_nvme_info{cntlid="",device="nvme0",firmware_revision="",model="A",serial="",state=""}`: 1,
			},
			"", nil,
		},
		{
			"a zone that does not answer is not at 0 degrees", "thermal_zone",
			map[string]string{"sys/class/thermal/thermal_zone0/type": "acpitz\n", "sys/class/thermal/thermal_zone1/type": "cpu\n", "sys/class/thermal/thermal_zone1/temp": "41000\n"},
			map[string]float64{`node_thermal_zone_temp{type="acpitz",zone="0"}`: -1, `node_thermal_zone_temp{type="cpu",zone="1"}`: 41},
			"", nil,
		},
		{
			"an empty file of a tape, which makes procfs panic", "tapestats",
			map[string]string{"sys/class/scsi_tape/st0/stats/in_flight": "", "sys/class/scsi_tape/st0/stats/read_cnt": "7\n"},
			map[string]float64{`node_tape_io_now{device="st0"}`: -1, `node_tape_reads_completed_total{device="st0"}`: 7},
			"", nil,
		},
		{
			"an empty file of bcache, which makes procfs panic", "bcache",
			map[string]string{
				"sys/fs/bcache/" + uuid + "/congested": "", "sys/fs/bcache/" + uuid + "/tree_depth": "2\n", "sys/fs/bcache/" + uuid + "/btree_cache_size": "1.?k\n",
				"sys/fs/bcache/" + uuid + "/bdev0/writeback_rate_debug": "rate:\t\t2.0k/sec\ntarget:\t\tx\n",
			},
			map[string]float64{
				`node_bcache_congested{uuid="` + uuid + `"}`: -1, `node_bcache_tree_depth{uuid="` + uuid + `"}`: 2, `node_bcache_btree_cache_size_bytes{uuid="` + uuid + `"}`: -1,
				`node_bcache_writeback_rate{backing_device="bdev0",uuid="` + uuid + `"}`: 2048, `node_bcache_dirty_target_bytes{backing_device="bdev0",uuid="` + uuid + `"}`: -1,
			},
			frame.ReasonError,
			[]string{"btree_cache_size", `target:`},
		},
		{
			"an odd number costs itself", "bcachefs",
			map[string]string{
				"sys/fs/bcachefs/u/btree_cache_size": "many\n", "sys/fs/bcachefs/u/counters/data_read": "since mount: 1\nsince filesystem creation: 2k\n", "sys/fs/bcachefs/u/counters/x": "",
				"sys/fs/bcachefs/u/errors": "a 1\nb x\nc\n", "sys/fs/bcachefs/u/dev-1/io_errors": "IO errors since 8 y ago\n read: 5\n",
			},
			map[string]float64{
				`node_bcachefs_btree_cache_size_bytes{uuid="u"}`: -1, `node_bcachefs_data_read_total{uuid="u"}`: 2048, `node_bcachefs_errors_total{error_type="a",uuid="u"}`: 1,
				`node_bcachefs_errors_total{error_type="b",uuid="u"}`: -1, `node_bcachefs_device_io_errors_total{device="1",type="read",uuid="u"}`: -1, `node_bcachefs_device_durability{device="1",uuid="u"}`: -1,
			},
			frame.ReasonError,
			[]string{"btree_cache_size", `"b x`},
		},
		{
			"without commit_stats, as before Linux 6.0", "btrfs",
			map[string]string{"sys/fs/btrfs/" + uuid + "/label": "backup\n", "sys/fs/btrfs/" + uuid + "/devices/sdc/size": "2\n"},
			map[string]float64{
				`node_btrfs_info{label="backup",uuid="` + uuid + `"}`: 1, `node_btrfs_commits_total{uuid="` + uuid + `"}`: -1, `node_btrfs_global_rsv_size_bytes{uuid="` + uuid + `"}`: -1,
				`node_btrfs_device_size_bytes{device="sdc",uuid="` + uuid + `"}`: 1024,
			},
			"", nil,
		},
		{
			"two that are one inside", "btrfs",
			map[string]string{"sys/fs/btrfs/a-1/metadata_uuid": "a-1\n", "sys/fs/btrfs/b-2/metadata_uuid": "a-1\n"},
			map[string]float64{`node_btrfs_info{label="",uuid="a-1"}`: 1, `node_btrfs_info{label="",uuid="b-2"}`: 1},
			"", nil,
		},
		{
			"a line cut short costs its end", "xfs",
			map[string]string{"sys/fs/xfs/sda1/stats/stats": "extent_alloc 1 2 x 4\nrw 5 6\nnew_in_linux9 1\n"},
			map[string]float64{`node_xfs_extent_allocation_blocks_allocated_total{device="sda1"}`: 2, `node_xfs_extent_allocation_blocks_freed_total{device="sda1"}`: -1, `node_xfs_read_calls_total{device="sda1"}`: 6},
			frame.ReasonError,
			[]string{`malformed line "extent_alloc 1 2 x 4`},
		},
		{
			"a bad number costs itself", "zfs",
			map[string]string{"proc/spl/kstat/zfs/arcstats": "13 1\nname type data\nhits 4 12\nmisses 4 -\nbad!name 4 1\nsize 3 -5\n", "proc/spl/kstat/zfs/tank/state": ""},
			map[string]float64{"node_zfs_arc_hits": 12, "node_zfs_arc_misses": -1, "node_zfs_arc_size": -5, `node_zfs_zpool_state{state="online",zpool="tank"}`: -1},
			frame.ReasonError,
			[]string{"misses", "bad!name", "tank/state: empty"},
		},
		{
			"rows without channels", "edac",
			map[string]string{"sys/devices/system/edac/mc/mc0/ce_count": "3\n", "sys/devices/system/edac/mc/mc0/csrow0/ue_count": "x\n", "sys/devices/system/edac/mc/mc0/csrow0/ch0_ce_count": "1\n"},
			map[string]float64{
				`node_edac_correctable_errors_total{controller="0"}`: 3, `node_edac_csrow_uncorrectable_errors_total{controller="0",csrow="0"}`: -1,
				`node_edac_channel_correctable_errors_total{channel="0",controller="0",csrow="0",dimm_label="unknown"}`: 1,
			},
			frame.ReasonError,
			[]string{"csrow0/ue_count"},
		},
		{
			"zones that are not numbered are counted", "rapl",
			map[string]string{
				"sys/class/powercap/a/name": "dram\n", "sys/class/powercap/a/energy_uj": "1000000\n", "sys/class/powercap/b/name": "dram\n", "sys/class/powercap/b/energy_uj": "2000000\n",
				"sys/class/powercap/c/name": "long_term unit\n", "sys/class/powercap/c/energy_uj": "", "sys/class/powercap/d/name": "psys!1\n", "sys/class/powercap/d/energy_uj": "3000000\n",
			},
			map[string]float64{`node_rapl_dram_joules_total{index="0",path="ROOT/sys/class/powercap/a"}`: 1, `node_rapl_dram_joules_total{index="1",path="ROOT/sys/class/powercap/b"}`: 2, `node_rapl_psys_1_joules_total{index="0",path="ROOT/sys/class/powercap/d"}`: 3},
			"", nil,
		},
		{
			"what is no number is told, the rest sent", "powersupplyclass",
			map[string]string{"sys/class/power_supply/BAT0/capacity": "low\n", "sys/class/power_supply/BAT0/voltage_now": "11000000\n", "sys/class/power_supply/BAT0/status": "Full\n"},
			map[string]float64{`node_power_supply_capacity{power_supply="BAT0"}`: -1, `node_power_supply_voltage_volt{power_supply="BAT0"}`: 11, `node_power_supply_info{power_supply="BAT0",status="Full"}`: 1},
			frame.ReasonError,
			[]string{"capacity", `"low"`},
		},
		{
			"a bad word costs itself", "drbd",
			map[string]string{"proc/drbd": "version: 8.4 (api:1/proto:86-101)\nns:7\n 0: cs:Connected ro:Primary ds:UpToDate/x\n ns:1 nr:x\n"},
			map[string]float64{
				`node_drbd_connected{device="drbd0"}`: 1, `node_drbd_node_role_is_primary{device="drbd0",node="local"}`: -1,
				`node_drbd_disk_state_is_up_to_date{device="drbd0",node="remote"}`: 0, `node_drbd_network_sent_bytes_total{device="drbd0"}`: 1024, `node_drbd_network_received_bytes_total{device="drbd0"}`: -1,
			},
			frame.ReasonError,
			[]string{"ro:Primary", "nr:x"},
		},
		{
			"odd links, and what is no device", "pcidevice",
			map[string]string{"sys/bus/pci/devices/0000:00:1f.2/max_link_speed": "fast\n", "sys/bus/pci/devices/0000:00:1f.2/class": "x\n", "sys/bus/pci/devices/none/class": "0x1\n"},
			map[string]float64{
				`node_pcidevice_max_link_transfers_per_second{bus="00",device="1f",function="2",segment="0000"}`: -1, `node_pcidevice_sriov_numvfs{bus="00",device="1f",function="2",segment="0000"}`: 0,
			},
			frame.ReasonError,
			[]string{"max_link_speed", "1f.2/class"},
		},
		{
			"another maker's card", "drm",
			map[string]string{"sys/class/drm/card0/device/uevent": "DRIVER=ast\n", "sys/class/drm/card1/device/uevent": "DRIVER=amdgpu\n"},
			map[string]float64{`node_drm_card_info{card="card0",memory_vendor="",power_performance_level="",unique_id="",vendor="amd"}`: -1, `node_drm_card_info{card="card1",memory_vendor="",power_performance_level="",unique_id="",vendor="amd"}`: 1, `node_drm_gpu_busy_percent{card="card1"}`: -1},
			"", nil,
		},
		{
			"files that are no sensors, and sensors that are no numbers", "hwmon",
			map[string]string{
				"sys/class/hwmon/hwmon0/name": "k10temp\n", "sys/class/hwmon/hwmon0/temp1_input": "cold\n", "sys/class/hwmon/hwmon0/temp1_": "1\n", "sys/class/hwmon/hwmon0/temp1x": "1\n",
				"sys/class/hwmon/hwmon0/temp99999999999999999999_input": "1\n", "sys/class/hwmon/hwmon0/input": "1\n", "sys/class/hwmon/hwmon0/temp2_input": "-3500\n",
				"sys/class/hwmon/hwmon1/temp1_input": "1000\n",
			},
			map[string]float64{
				`node_hwmon_temp_celsius{chip="k10temp",sensor="temp1"}`: -1, `node_hwmon_temp_celsius{chip="k10temp",sensor="temp2"}`: -3.5, `node_hwmon_temp_celsius{chip="hwmon1",sensor="temp1"}`: 1,
				`node_hwmon_chip_names{chip="k10temp",chip_name="k10temp"}`: 1,
			},
			"", nil,
		},
	}
	for _, tc := range cases {
		t.Run(tc.collector+"/"+tc.name, func(t *testing.T) {
			root := write(t, tc.files)
			r := run(t, find(t, machineIn(root, fakeKernel()), tc.collector), time.Second)
			want := map[string]float64{}
			for series, v := range tc.want {
				want[strings.ReplaceAll(series, "ROOT", root)] = v
			}
			wantSamples(t, r, want)
			wantFailure(t, r, tc.reason, tc.words...)
		})
	}
}

func TestDMI_isReadOnce(t *testing.T) {
	root := write(t, map[string]string{"sys/class/dmi/id/bios_vendor": "A\xffB\n"})
	c := find(t, machineIn(root, fakeKernel()), "dmi")
	want := map[string]float64{"node_dmi_info{bios_vendor=\"A\uFFFDB\"}": 1}
	wantSamples(t, run(t, c, time.Second), want)
	if err := os.RemoveAll(filepath.Join(root, "sys/class/dmi")); err != nil {
		t.Fatal(err)
	}
	wantSamples(t, run(t, c, time.Second), want)
}

// Where the kernel tells of the devices, they come with their ids and errors.
func TestBtrfs_devicesByTheKernelsAnswer(t *testing.T) {
	root := write(t, map[string]string{
		"sys/fs/btrfs/" + uuid + "/devices/sdc/size": "2\n", "sys/fs/btrfs/a-1/devices/sdd/size": "4\n",
		"proc/1/mountinfo": "30 1 0:30 / /backup rw - btrfs /dev/sdc rw\n31 1 0:30 /home /home rw - btrfs /dev/sdc rw\n32 1 8:1 / / rw - ext4 /dev/sda1 rw\nx\n",
	})
	k := fakeKernel()
	var asked []string
	k.btrfs = func(path string) (string, []btrfsDevice, error) {
		asked = append(asked, path)
		return strings.ReplaceAll(uuid, "-", ""), []btrfsDevice{{path: "/dev/sdc", uuid: "d", size: 2048, used: 512, errorCounts: [5]uint64{1, 2, 3, 4, 5}}}, nil
	}
	r := run(t, find(t, machineIn(root, k), "btrfs"), time.Second)
	const labels = `btrfs_dev_uuid="d",device="sdc",`
	wantSamples(t, r, map[string]float64{
		`node_btrfs_device_size_bytes{` + labels + `uuid="` + uuid + `"}`:                     2048,
		`node_btrfs_device_unused_bytes{` + labels + `uuid="` + uuid + `"}`:                   1536,
		`node_btrfs_device_errors_total{` + labels + `type="generation",uuid="` + uuid + `"}`: 5,
		`node_btrfs_device_size_bytes{btrfs_dev_uuid="",device="sdd",uuid="a-1"}`:             2048,
		`node_btrfs_device_size_bytes{btrfs_dev_uuid="",device="sdc",uuid="` + uuid + `"}`:    -1,
	})
	wantFailure(t, r, "")
	if len(asked) != 1 || asked[0] != "/backup" {
		t.Errorf("asked %q; one file system is asked once", asked)
	}
}

// A sensor whose read never returns holds up neither the page nor, but for
// itself, any goroutine; what was read before is on the page.
func TestHwmon_aFileThatNeverAnswers(t *testing.T) {
	root := write(t, map[string]string{
		"sys/class/hwmon/hwmon0/name": "good\n", "sys/class/hwmon/hwmon0/temp1_input": "40000\n",
		"sys/class/hwmon/hwmon1/name": "stuck\n", "sys/class/hwmon/hwmon1/temp1_crit": "90000\n",
	})
	pipe := filepath.Join(root, "sys/class/hwmon/hwmon1/temp1_input") // its open waits for a writer
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	c := find(t, machineIn(root, fakeKernel()), "hwmon")
	target := frame.NewTarget(frame.Spec{Job: "node", Collectors: []frame.Entry{{Collector: c}}}, discard())
	const reading = `node_hwmon_temp_celsius{chip="stuck",sensor="temp1"}`
	gather := func() map[string]float64 {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		return flatten(target.Gather(ctx))
	}
	if page := gather(); page[`node_hwmon_temp_celsius{chip="good",sensor="temp1"}`] != 40 {
		t.Errorf("what was read before it hung is missing: %v", page)
	}
	if s := target.States()[0]; s.Reason != frame.ReasonTimeout {
		t.Errorf("reason %q (%s)", s.Reason, s.Error)
	}
	goroutines := runtime.NumGoroutine()
	for range 20 {
		gather()
	}
	if s := target.States()[0]; s.Reason != frame.ReasonStillRunning {
		t.Errorf("reason %q (%s)", s.Reason, s.Error)
	}
	if now := runtime.NumGoroutine(); now > goroutines+5 {
		t.Errorf("goroutines grew from %d to %d over 20 pages", goroutines, now)
	}
	writer, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	testenv.Eventually(t, 10*time.Second, "the reading", func(context.Context) error {
		if _, err := writer.WriteString("51000\n"); err != nil {
			return err
		}
		if gather()[reading] != 51 {
			return errors.New(target.States()[0].Error)
		}
		return nil
	})
}

// A chip whose folder hangs is the same, the kernel's way: the open waits for
// a file system that does not answer.
func TestHwmon_aFolderThatNeverAnswers(t *testing.T) {
	point, _ := hangingMount(t)
	root := write(t, map[string]string{"sys/class/hwmon/hwmon0/name": "good\n"})
	if err := os.Symlink(point, filepath.Join(root, "sys/class/hwmon/hwmon1")); err != nil {
		t.Fatal(err)
	}
	c := find(t, machineIn(root, fakeKernel()), "hwmon")
	if r := run(t, c, 250*time.Millisecond); r.reason != frame.ReasonTimeout || r.took > time.Second {
		t.Errorf("reason %q after %s", r.reason, r.took)
	}
}

func TestHardware_stopsWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"bcache", "bcachefs", "dmmultipath", "edac", "hwmon", "mdadm", "nvme", "powersupplyclass", "rapl", "tapestats", "thermal_zone", "watchdog", "xfs", "zfs", "drm", "nvmesubsystem", "pcidevice"} {
		c := find(t, tree("server"), name)
		if err := c.Collect(ctx, frame.NewSink(c.Families())); !errors.Is(err, context.Canceled) {
			t.Errorf("%s goes on: %v", name, err)
		}
	}
	chip := hwmonFolder{path: "testdata/server/sys/class/hwmon/hwmon1"}
	if sensors, err := chip.read(ctx); !errors.Is(err, context.Canceled) || len(sensors) > 0 {
		t.Errorf("a chip is read on: %v, %v", sensors, err)
	}
}
