//go:build linux

package host

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// largeMachine has so many CPUs, and four mounts for each.
func largeMachine(b *testing.B, cpus int) string {
	b.Helper()
	files := map[string]string{}
	columns := strings.Repeat(" 123456", cpus)
	var heading, stat, schedstat, mounts strings.Builder
	stat.WriteString("cpu  1 2 3 4 5 6 7 8 9 10\n")
	schedstat.WriteString("version 17\ntimestamp 1\n")
	for i := range cpus {
		fmt.Fprintf(&heading, " CPU%d", i)
		fmt.Fprintf(&stat, "cpu%d 301854 612 111922 8979004 3552 2 3944 0 0 0\n", i)
		fmt.Fprintf(&schedstat, "cpu%d 0 0 0 0 0 0 2045936778163039 343796328169361 4767485306\n", i)
		cpu := fmt.Sprintf("sys/devices/system/cpu/cpu%d/", i)
		for name, text := range map[string]string{
			"topology/core_id": fmt.Sprint(i / 2), "topology/physical_package_id": fmt.Sprint(i / 64),
			"thermal_throttle/core_throttle_count": "5", "thermal_throttle/package_throttle_count": "30",
			"cpufreq/scaling_cur_freq": "1219917", "cpufreq/scaling_min_freq": "800000", "cpufreq/scaling_max_freq": "3700000",
			"cpufreq/cpuinfo_min_freq": "800000", "cpufreq/cpuinfo_max_freq": "3700000",
			"cpufreq/scaling_governor": "powersave", "cpufreq/scaling_available_governors": "performance powersave",
		} {
			files[cpu+name] = text + "\n"
		}
		for j := range 4 {
			mounts.WriteString(line(100+4*i+j, fmt.Sprintf("8:%d", 4*i+j), fmt.Sprintf("/srv/%d", 4*i+j), "ext4", fmt.Sprintf("/dev/sd%d", 4*i+j)))
		}
	}
	stat.WriteString("intr 1\nctxt 2\nbtime 3\nprocesses 4\nprocs_running 5\nprocs_blocked 6\nsoftirq 7\n")
	table := func(names ...string) string {
		text := heading.String() + "\n"
		for _, name := range names {
			text += name + ":" + columns + "  PCI-MSI 1-edge eth0\n"
		}
		return text
	}
	files["proc/stat"], files["proc/schedstat"], files["proc/1/mountinfo"] = stat.String(), schedstat.String(), mounts.String()
	files["proc/interrupts"] = table("0", "24", "25", "26", "27", "28", "29", "30", "NMI", "LOC")
	files["proc/softirqs"] = strings.ReplaceAll(table("HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "SCHED", "RCU"), "  PCI-MSI 1-edge eth0", "")
	return write(b, files)
}

// BenchmarkLargeMachine makes the page of machines with many CPUs and mounts,
// interrupts and softirqs by CPU included: four times as much of both must
// cost four times as much, and the larger one stay below 50 ms.
func BenchmarkLargeMachine(b *testing.B) {
	for _, cpus := range []int{64, 256} {
		b.Run(fmt.Sprintf("cpus=%d", cpus), func(b *testing.B) {
			root := largeMachine(b, cpus)
			cfg := Config{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys")}
			cfg.Collectors.On = []string{"interrupts", "softirqs"}
			cfg.SetDefaults()
			target := frame.NewTarget(frame.Spec{Job: "node", Collectors: newMachine(cfg, fakeKernel(), discard()).collectors()}, discard())
			var page bytes.Buffer
			b.ReportAllocs()
			began := cpuTime(b)
			for b.Loop() {
				page.Reset()
				if err := writePage(b.Context(), target, &page); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((cpuTime(b)-began).Seconds()*1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(page.Len()), "page-bytes")
		})
	}
}

// cpuTime is what this process has used: it says more than the clock does on
// a machine with other work.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
