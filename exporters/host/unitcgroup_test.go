//go:build linux

package host

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/bus/bustest"
	"tocsin/internal/frame"
)

func TestUnits_figuresOfTheControlGroup(t *testing.T) {
	rows := []row{rowOf("db.service", "loaded", "active", "running"), rowOf("web.service", "loaded", "active", "running"), rowOf("spool.mount", "loaded", "active", "mounted")}
	path := bustest.Serve(t, fakeSystemd(rows, map[string]any{
		"manager SystemState": "running", "manager NFailedUnits": uint32(0), "db.service ControlGroup": "/system.slice/db.service",
		"web.service ControlGroup": "/system.slice/web.service", "spool.mount ControlGroup": "/../../secret",
		"db.service NRestarts": uint32(3), "db.service ActiveEnterTimestamp": uint64(1767225600250000), "web.service ActiveEnterTimestamp": uint64(unset),
	}))
	const figure = "tocsin_host_unit_"
	want := map[string]float64{
		figure + `cpu_seconds_total{unit="db.service"}`:                                12.5,
		figure + `memory_bytes{unit="db.service"}`:                                     3 << 20,
		figure + `memory_reclaimable_bytes{unit="db.service"}`:                         700,
		figure + `memory_limit_bytes{unit="db.service"}`:                               4 << 20,
		figure + `oom_kills_total{unit="db.service"}`:                                  2,
		figure + `tasks{unit="db.service"}`:                                            7,
		figure + `tasks_limit{unit="db.service"}`:                                      100,
		figure + `read_bytes_total{unit="db.service"}`:                                 4096 + 512,
		figure + `written_bytes_total{unit="db.service"}`:                              8192 + 1024,
		figure + `memory_limit_bytes{unit="web.service"}`:                              -1, // max
		figure + `tasks_limit{unit="web.service"}`:                                     -1,
		figure + `memory_bytes{unit="web.service"}`:                                    1000,
		figure + `oom_kills_total{unit="web.service"}`:                                 -1,
		figure + `memory_bytes{unit="spool.mount"}`:                                    -1, // outside /sys/fs/cgroup
		figure + `restarts_total{unit="db.service"}`:                                   3,
		figure + `restarts_total{unit="web.service"}`:                                  -1,
		figure + `start_timestamp_seconds{unit="db.service"}`:                          1767225600.25,
		figure + `start_timestamp_seconds{unit="web.service"}`:                         -1,
		figure + `state{brick="",state="active",unit="web.service"}`:                   1,
		figure + `state{brick="",state="active",unit="spool.mount"}`:                   1,
		figure + `pressure_waiting_seconds_total{resource="memory",unit="db.service"}`: 1.5,
		figure + `pressure_stalled_seconds_total{resource="memory",unit="db.service"}`: 0.25,
	}
	for version, files := range cgroupFiles {
		t.Run(version, func(t *testing.T) {
			r := run(t, onBus(t, "units", path, write(t, files), "db", "web", "spool.mount"), 5*time.Second)
			if r.reason != "" {
				t.Errorf("%s: %s", r.reason, r.err)
			}
			wantSamples(t, r, want)
		})
	}
}

// cgroupFiles are one machine's control groups in both versions, as Linux 6.1
// writes them.
var cgroupFiles = map[string]map[string]string{
	"v2": {
		"sys/fs/cgroup/cgroup.controllers":                        "cpuset cpu io memory hugetlb pids rdma misc\n",
		"sys/fs/cgroup/system.slice/db.service/cpu.stat":          "usage_usec 12500000\nuser_usec 9000000\nsystem_usec 3500000\nnr_periods 0\n",
		"sys/fs/cgroup/system.slice/db.service/memory.current":    "3145728\n",
		"sys/fs/cgroup/system.slice/db.service/memory.max":        "4194304\n",
		"sys/fs/cgroup/system.slice/db.service/memory.stat":       "anon 1000\nfile 900\nkernel 50\nshmem 300\ninactive_anon 1\ninactive_file 400\nactive_file 200\nslab_reclaimable 100\nslab_unreclaimable 5\n",
		"sys/fs/cgroup/system.slice/db.service/memory.events":     "low 0\nhigh 0\nmax 12\noom 2\noom_kill 2\noom_group_kill 0\n",
		"sys/fs/cgroup/system.slice/db.service/memory.pressure":   "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n",
		"sys/fs/cgroup/system.slice/db.service/pids.current":      "7\n",
		"sys/fs/cgroup/system.slice/db.service/pids.max":          "100\n",
		"sys/fs/cgroup/system.slice/db.service/io.stat":           "8:16 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:0 rbytes=512 wbytes=1024 rios=1 wios=1 dbytes=0 dios=0\n7:0 \n",
		"sys/fs/cgroup/system.slice/web.service/memory.current":   "1000\n",
		"sys/fs/cgroup/system.slice/web.service/memory.max":       "max\n",
		"sys/fs/cgroup/system.slice/web.service/pids.max":         "max\n",
		"sys/fs/cgroup/system.slice/web.service/io.stat":          "",
		"sys/secret/memory.current":                               "1\n",
		"sys/fs/cgroup/system.slice/other.service/memory.current": "1\n",
	},
	"v1": {
		"sys/fs/cgroup/cpuacct/system.slice/db.service/cpuacct.usage":                            "12500000000\n",
		"sys/fs/cgroup/memory/system.slice/db.service/memory.usage_in_bytes":                     "3145728\n",
		"sys/fs/cgroup/memory/system.slice/db.service/memory.limit_in_bytes":                     "4194304\n",
		"sys/fs/cgroup/memory/system.slice/db.service/memory.stat":                               "cache 900\ninactive_file 1\nactive_file 1\ntotal_cache 900\ntotal_inactive_file 450\ntotal_active_file 250\n",
		"sys/fs/cgroup/memory/system.slice/db.service/memory.oom_control":                        "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
		"sys/fs/cgroup/pids/system.slice/db.service/pids.current":                                "7\n",
		"sys/fs/cgroup/pids/system.slice/db.service/pids.max":                                    "100\n",
		"sys/fs/cgroup/blkio/system.slice/db.service/blkio.throttle.io_service_bytes_recursive":  "8:0 Read 4608\n8:0 Write 9216\n8:0 Sync 0\n8:0 Async 13824\n8:0 Discard 0\n8:0 Total 13824\nTotal 13824\n",
		"sys/fs/cgroup/unified/system.slice/db.service/cpu.stat":                                 "usage_usec 1\n",
		"sys/fs/cgroup/unified/system.slice/db.service/memory.pressure":                          "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n",
		"sys/fs/cgroup/memory/system.slice/web.service/memory.usage_in_bytes":                    "1000\n",
		"sys/fs/cgroup/memory/system.slice/web.service/memory.limit_in_bytes":                    "9223372036854771712\n",
		"sys/fs/cgroup/pids/system.slice/web.service/pids.max":                                   "max\n",
		"sys/fs/cgroup/blkio/system.slice/web.service/blkio.throttle.io_service_bytes_recursive": "Total 0\n",
	},
}

// A file that is damaged costs its own figures, is named, and no zero comes of
// it.
func TestUnits_damagedControlGroup(t *testing.T) {
	path := bustest.Serve(t, fakeSystemd([]row{rowOf("db.service", "loaded", "active", "running")}, map[string]any{
		"manager SystemState": "running", "db.service ControlGroup": "/system.slice/db.service",
	}))
	for version, files := range cgroupFiles {
		for damaged := range files {
			if !strings.Contains(damaged, "/db.service/") || strings.Contains(damaged, "unified") && strings.HasSuffix(damaged, "cpu.stat") {
				continue // version 1 counts the time itself
			}
			t.Run(version+"/"+filepath.Base(damaged), func(t *testing.T) {
				whole := run(t, onBus(t, "units", path, write(t, files), "db"), 5*time.Second)
				hurt := maps.Clone(files)
				hurt[damaged] = "usage_usec x\nrbytes=x wbytes=\noom_kill -1\ninactive_file\ntotal_inactive_file ?\n8:0 Read x\n8:0 rbytes=x\nsome avg10=0\n\xff"
				r := run(t, onBus(t, "units", path, write(t, hurt), "db"), 5*time.Second)
				wantFailure(t, r, frame.ReasonError, damaged, "malformed line")
				if len(r.samples) >= len(whole.samples) && !strings.HasSuffix(damaged, ".pressure") {
					t.Errorf("%d series, as many as when all is well", len(r.samples))
				}
				for series, v := range r.samples {
					if whole.samples[series] != v {
						t.Errorf("%s has become %v", series, v)
					}
				}
			})
		}
	}
}

// A sum with a part missing would be a lie.
func TestUnits_noSumOfHalf(t *testing.T) {
	path := bustest.Serve(t, fakeSystemd([]row{rowOf("db.service", "loaded", "active", "running")}, map[string]any{
		"manager SystemState": "running", "db.service ControlGroup": "/system.slice/db.service",
	}))
	files := maps.Clone(cgroupFiles["v2"])
	const folder = "sys/fs/cgroup/system.slice/db.service/"
	files[folder+"memory.stat"] = "inactive_file 400\nactive_file x\n"
	files[folder+"io.stat"] = "8:16 rbytes=4096 wbytes=8192\n8:0 rbytes=512 wbytes=\n"
	r := run(t, onBus(t, "units", path, write(t, files), "db"), 5*time.Second)
	wantFailure(t, r, frame.ReasonError, folder+"memory.stat", "active_file x", folder+"io.stat")
	wantSamples(t, r, map[string]float64{
		`tocsin_host_unit_memory_reclaimable_bytes{unit="db.service"}`: -1,
		`tocsin_host_unit_read_bytes_total{unit="db.service"}`:         -1,
		`tocsin_host_unit_memory_bytes{unit="db.service"}`:             3 << 20,
	})
}
