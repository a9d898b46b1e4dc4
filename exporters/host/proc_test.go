//go:build linux

package host

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
)

// What one file under /proc or /sys comes to: whole, in part, not at all.
func TestCollectors_filesInPart(t *testing.T) {
	const netHead = "Inter-|   Receive\n face |bytes\n"
	cases := []struct {
		name, collector string
		files           map[string]string
		want            map[string]float64
		reason          frame.Reason
		words           []string
	}{
		{
			"a bad line costs itself", "stat",
			map[string]string{"proc/stat": "intr 5 1 2\nctxt -3\nbtime 1700000000\nprocesses 7\nprocs_running 1\nprocs_blocked 0\n"},
			map[string]float64{"node_intr_total": 5, "node_context_switches_total": -1, "node_boot_time_seconds": 1.7e9, "node_forks_total": 7, "node_procs_blocked": 0},
			frame.ReasonError,
			[]string{`malformed line "ctxt -3\n"`},
		},
		{
			"a missing boot time is no zero", "stat",
			map[string]string{"proc/stat": "intr 5\nctxt 3\n"},
			map[string]float64{"node_intr_total": 5, "node_boot_time_seconds": -1},
			frame.ReasonError,
			[]string{"4 of the 6 lines wanted are missing"},
		},
		{"no file", "stat", nil, nil, anyReason, []string{"proc/stat", "no such file"}},
		{
			"units", "meminfo",
			map[string]string{"proc/meminfo": "MemTotal: 10 kB\nHugePages_Total:   4\nActive(anon): 2 kB\nNewInLinux9: 1 kB\n"},
			map[string]float64{"node_memory_MemTotal_bytes": 10240, "node_memory_HugePages_Total": 4, "node_memory_Active_anon_bytes": 2048},
			"", nil,
		},
		{
			"bad lines cost themselves", "meminfo",
			map[string]string{"proc/meminfo": "MemTotal: 10 kB\nMemFree:\nBuffers: x kB\nCached: 1 MB\nSlab: 1 kB 2\nMemAvailable"},
			map[string]float64{"node_memory_MemTotal_bytes": 10240, "node_memory_MemFree_bytes": -1, "node_memory_Cached_bytes": -1, "node_memory_Slab_bytes": -1},
			frame.ReasonError,
			[]string{"MemFree", "Buffers", "Cached", "Slab", "MemAvailable"},
		},
		{"nothing known", "meminfo", map[string]string{"proc/meminfo": "\n"}, nil, frame.ReasonError, []string{"no line of it is known"}},
		{"as it is", "loadavg", map[string]string{"proc/loadavg": "0.21 0.37 0.39 1/719 19737\n"}, map[string]float64{"node_load1": 0.21, "node_load5": 0.37, "node_load15": 0.39}, "", nil},
		{"cut short", "loadavg", map[string]string{"proc/loadavg": "0.21"}, map[string]float64{"node_load1": -1}, frame.ReasonError, []string{"fewer than three averages"}},
		{"empty", "loadavg", map[string]string{"proc/loadavg": ""}, map[string]float64{"node_load1": -1}, frame.ReasonError, []string{"fewer than three averages"}},
		{
			"a bad line costs itself", "diskstats",
			map[string]string{"proc/diskstats": "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n8 16 sdb one 2 3\n8 32 sdc 1 2 3 4 5 6 7 8 9 10 11\n"},
			map[string]float64{
				`node_disk_reads_completed_total{device="sda"}`: 1, `node_disk_read_bytes_total{device="sda"}`: 1536,
				`node_disk_io_time_seconds_total{device="sda"}`: 0.01, `node_disk_discards_completed_total{device="sda"}`: -1,
				`node_disk_reads_completed_total{device="sdb"}`: -1, `node_disk_reads_completed_total{device="sdc"}`: 1,
			},
			frame.ReasonError,
			[]string{"proc/diskstats", "8 16 sdb one"},
		},
		{
			"partitions and loop devices are left out", "diskstats",
			map[string]string{"proc/diskstats": "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n8 1 sda1 1 2 3 4 5 6 7 8 9 10 11\n7 0 loop0 1 2 3 4 5 6 7 8 9 10 11\n259 1 nvme0n1p2 1 2 3 4 5 6 7 8 9 10 11\n"},
			map[string]float64{
				`node_disk_io_now{device="sda"}`: 9, `node_disk_io_now{device="sda1"}`: -1, `node_disk_io_now{device="loop0"}`: -1, `node_disk_io_now{device="nvme0n1p2"}`: -1,
			},
			"", nil,
		},
		{
			"a bad line costs itself", "netdev",
			map[string]string{"proc/net/dev": netHead + "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\neth1: 1 2 3\neth2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 -\neth3:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"},
			map[string]float64{
				`node_network_receive_bytes_total{device="eth0"}`: 1, `node_network_transmit_compressed_total{device="eth0"}`: 16,
				`node_network_receive_bytes_total{device="eth1"}`: -1, `node_network_receive_bytes_total{device="eth2"}`: -1,
				`node_network_transmit_colls_total{device="eth3"}`: 14,
			},
			frame.ReasonError,
			[]string{"eth1", "eth2"},
		},
		{
			"what nothing handles, from its own file", "netdev",
			map[string]string{
				"proc/net/dev": netHead + "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", "sys/class/net/eth0/statistics/rx_nohandler": "42\n",
			},
			map[string]float64{`node_network_receive_nohandler_total{device="eth0"}`: 42},
			"", nil,
		},
		{
			"what is no number is told, the rest sent", "netclass",
			map[string]string{"sys/class/net/eth0/mtu": "big\n", "sys/class/net/eth0/operstate": "up\n", "sys/class/net/eth0/flags": "0x1002\n", "sys/class/net/eth0/speed": "-1\n"},
			map[string]float64{
				`node_network_up{device="eth0"}`: 1, `node_network_mtu_bytes{device="eth0"}`: -1, `node_network_flags{device="eth0"}`: 4098,
				`node_network_speed_bytes{device="eth0"}`: -125000,
				`node_network_info{address="",adminstate="down",broadcast="",device="eth0",duplex="",ifalias="",operstate="up"}`: 1,
			},
			frame.ReasonError,
			[]string{"eth0/mtu", `"big"`},
		},
		{
			"an interface without files", "netclass",
			map[string]string{"sys/class/net/eth0/none": "", "sys/class/net/bonding_masters": "bond0\n"},
			map[string]float64{
				`node_network_up{device="eth0"}`: 0, `node_network_up{device="bonding_masters"}`: -1,
				`node_network_info{address="",adminstate="unknown",broadcast="",device="eth0",duplex="",ifalias="",operstate=""}`: 1,
			},
			"", nil,
		},
		{"no network", "netclass", nil, nil, "", nil},
		{
			"half a clock source costs itself", "time",
			map[string]string{"sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc\n"},
			map[string]float64{"node_time_seconds": 1767225600.5, `node_time_zone_offset_seconds{time_zone="CET"}`: 3600},
			"", nil,
		},
	}
	for _, tc := range cases {
		t.Run(tc.collector+"/"+tc.name, func(t *testing.T) {
			r := run(t, find(t, machineIn(write(t, tc.files), fakeKernel()), tc.collector), time.Second)
			wantSamples(t, r, tc.want)
			wantFailure(t, r, tc.reason, tc.words...)
		})
	}
}

func TestInterfaces_filterHoldsForBothCollectors(t *testing.T) {
	root := write(t, map[string]string{
		"proc/net/dev":                  "veth12: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\neth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
		"sys/class/net/veth12/mtu":      "1500\n",
		"sys/class/net/eth0/mtu":        "1500\n",
		"sys/class/net/eth0/speed":      "10000\n",
		"sys/class/net/eth0/tx_timeout": "not asked for\n",
	})
	cfg := Config{Proc: root + "/proc", Sys: root + "/sys", Interfaces: Filter{Exclude: "^veth"}}
	cfg.SetDefaults()
	for _, name := range []string{"netdev", "netclass"} {
		r := run(t, find(t, plain(newMachine(cfg, fakeKernel(), discard()).collectors()), name), time.Second)
		if r.reason != "" || len(r.samples) == 0 {
			t.Errorf("%s: %d samples, %s %s", name, len(r.samples), r.reason, r.err)
		}
		for series := range r.samples {
			if strings.Contains(series, "veth") {
				t.Errorf("%s sends %s", name, series)
			}
		}
	}
}
