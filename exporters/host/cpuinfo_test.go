//go:build linux

package host

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tocsin/internal/frame"
)

func described(root string, c CPU) []frame.Collector {
	cfg := Config{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys"), CPU: c}
	cfg.SetDefaults()
	cfg.Collectors.Only = []string{"cpu", "cpufreq"}
	return plain(New(cfg, discard()))
}

const oneCPU = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu MHz\t\t: 2100.500\nflags\t\t: fpu aes aes\nbugs\t\t: mds\n\n"

func TestCPUInfo_byArchitecture(t *testing.T) {
	const info, hertz = `node_cpu_info{cachesize="",core="",cpu="1",family="",microcode="",model="",model_name="",package="",stepping="",vendor=""}`, `node_cpu_frequency_hertz{core="",cpu="0",package=""}`
	for name, test := range map[string]struct {
		cpuinfo string
		want    map[string]float64
	}{
		"ARM": {
			"processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp aes\n\nprocessor\t: 1\nFeatures\t: fp\n\nHardware\t: Board\n",
			map[string]float64{info: 1, hertz: -1, `node_cpu_flag_info{flag="aes"}`: 1, `node_cpu_flag_info{flag="fp"}`: -1},
		},
		"a word twice": {oneCPU, map[string]float64{hertz: 2100.5e6, `node_cpu_flag_info{flag="aes"}`: 1, `node_cpu_bug_info{bug="mds"}`: -1}},
		"a CPU twice":  {oneCPU + oneCPU, map[string]float64{hertz: 2100.5e6}},
	} {
		t.Run(name, func(t *testing.T) {
			root := write(t, map[string]string{"proc/cpuinfo": test.cpuinfo, "proc/stat": statOf(map[int][3]int{0: {1, 1, 1}})})
			got := map[string]float64{}
			for _, c := range described(root, CPU{Flags: Filter{Include: "aes"}}) {
				r := run(t, c, time.Second)
				if r.reason != "" {
					t.Errorf("%s: %s", c.Name(), r.err)
				}
				maps.Copy(got, r.samples)
			}
			wantSamples(t, result{samples: got}, test.want)
		})
	}
}

func TestCPUInfo_cutShortIsAnError(t *testing.T) {
	root := write(t, map[string]string{"proc/cpuinfo": "processor", "proc/stat": statOf(map[int][3]int{0: {1, 1, 1}})})
	r := run(t, find(t, described(root, CPU{Info: true}), "cpu"), time.Second)
	wantFailure(t, r, frame.ReasonError, "cpuinfo: no CPU is in it")
	wantSamples(t, r, map[string]float64{seconds(0, "user"): 0.01})
	if err := os.Remove(filepath.Join(root, "proc/cpuinfo")); err != nil {
		t.Fatal(err)
	}
	if r := run(t, find(t, described(root, CPU{Info: true}), "cpu"), time.Second); r.reason != "" {
		t.Error(r.err)
	}
}

// What sysfs says is not said again by /proc/cpuinfo, under the same name.
func TestCPUInfo_frequencyOnce(t *testing.T) {
	root := write(t, map[string]string{"proc/cpuinfo": oneCPU, "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_cur_freq": "2100000\n"})
	r := run(t, find(t, described(root, CPU{Info: true}), "cpufreq"), time.Second)
	wantSamples(t, r, map[string]float64{`node_cpu_frequency_hertz{cpu="0"}`: 2.1e9, `node_cpu_frequency_hertz{core="",cpu="0",package=""}`: -1})
	if r.reason != "" {
		t.Error(r.err)
	}
}

func TestCPUInfo_notAskedForIsNotSent(t *testing.T) {
	root := write(t, map[string]string{"proc/cpuinfo": oneCPU, "proc/stat": statOf(map[int][3]int{0: {1, 1, 1}})})
	for _, c := range described(root, CPU{}) {
		for series := range run(t, c, time.Second).samples {
			switch series[:len("node_cpu_i")] {
			case "node_cpu_i", "node_cpu_f", "node_cpu_b":
				t.Errorf("%s sends %s", c.Name(), series)
			}
		}
	}
}

func TestStat_softirqsCutShort(t *testing.T) {
	text := statOf(map[int][3]int{0: {1, 1, 1}}) + "softirq 10 1 2 3\n"
	r := run(t, find(t, machineIn(write(t, map[string]string{"proc/stat": text}), fakeKernel()), "stat"), time.Second)
	wantFailure(t, r, frame.ReasonError, "malformed line", "softirq 10 1 2 3")
	wantSamples(t, r, map[string]float64{`node_softirqs_total{vector="hi"}`: -1, "node_boot_time_seconds": 1})
}

func TestXFRM_newerKernel(t *testing.T) {
	root := write(t, map[string]string{"proc/net/xfrm_stat": "XfrmInError  \t7\nXfrmInIptfsError\t1\nXfrmInHdrError x\nnoise\n"})
	r := run(t, find(t, machineIn(root, fakeKernel()), "xfrm"), time.Second)
	wantFailure(t, r, frame.ReasonError, "XfrmInHdrError x", "noise")
	wantSamples(t, r, map[string]float64{"node_xfrm_in_error_packets_total": 7, "node_xfrm_in_hdr_error_packets_total": -1})
}
