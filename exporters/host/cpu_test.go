//go:build linux

package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tocsin/internal/frame"
)

// statOf writes a /proc/stat of one line a CPU: user, idle and iowait.
func statOf(cpus map[int][3]int) string {
	text := "cpu  1 2 3 4 5 6 7 8 9 10\n"
	for n := range 16 {
		if v, ok := cpus[n]; ok {
			text += fmt.Sprintf("cpu%d %d 0 0 %d %d 0 0 0 0 0\n", n, v[0], v[1], v[2])
		}
	}
	return text + "intr 1\nctxt 1\nbtime 1\nprocesses 1\nprocs_running 1\nprocs_blocked 1\n"
}

func seconds(cpu int, mode string) string {
	return fmt.Sprintf(`node_cpu_seconds_total{cpu="%d",mode=%q}`, cpu, mode)
}

func TestCPU_countersNeverFallButAfterHotplug(t *testing.T) {
	root := write(t, map[string]string{"proc/stat": ""})
	c := find(t, machineIn(root, fakeKernel()), "cpu")
	steps := []struct {
		what string
		stat map[int][3]int
		want map[string]float64
	}{
		{"at first", map[int][3]int{0: {100, 1000, 50}, 1: {100, 1000, 50}}, map[string]float64{seconds(0, "idle"): 10, seconds(0, "iowait"): 0.5}},
		{"iowait fell by a tick", map[int][3]int{0: {110, 1010, 49}, 1: {110, 1010, 50}}, map[string]float64{seconds(0, "iowait"): 0.5, seconds(0, "user"): 1.1}},
		{"idle fell by a tick", map[int][3]int{0: {120, 1009, 50}, 1: {120, 1020, 50}}, map[string]float64{seconds(0, "idle"): 10.1}},
		{"CPU 1 went", map[int][3]int{0: {130, 1030, 50}}, map[string]float64{seconds(1, "idle"): -1, seconds(0, "idle"): 10.3}},
		{"CPU 1 came back", map[int][3]int{0: {140, 1040, 50}, 1: {1, 2, 3}}, map[string]float64{seconds(1, "idle"): 0.02, seconds(1, "user"): 0.01}},
		{"CPU 0 was replaced between two runs", map[int][3]int{0: {7, 8, 9}, 1: {1, 2, 3}}, map[string]float64{seconds(0, "idle"): 0.08, seconds(0, "user"): 0.07}},
	}
	for _, step := range steps {
		if err := os.WriteFile(filepath.Join(root, "proc/stat"), []byte(statOf(step.stat)), 0o644); err != nil {
			t.Fatal(err)
		}
		r := run(t, c, time.Second)
		if r.reason != "" {
			t.Errorf("%s: %s: %s", step.what, r.reason, r.err)
		}
		t.Log(step.what)
		wantSamples(t, r, step.want)
	}
}

func TestCPU_unreadableStatIsAnError(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "no CPU": "cpu 1 2\nctxt 1\n", "cut short": "cpu 1 2 3 4 5 6 7\ncpu0 1 2"} {
		t.Run(name, func(t *testing.T) {
			r := run(t, find(t, machineIn(write(t, map[string]string{"proc/stat": content}), fakeKernel()), "cpu"), time.Second)
			wantFailure(t, r, frame.ReasonError, "/stat: no CPU with its times in it")
		})
	}
}

func TestCPU_topologyIsReadAgainWhenCPUsChange(t *testing.T) {
	root := write(t, map[string]string{
		"proc/stat":                          statOf(map[int][3]int{0: {1, 1, 1}}),
		"sys/devices/system/cpu/cpu0/online": "1\n", "sys/devices/system/cpu/online": "0\n",
	})
	c := find(t, machineIn(root, fakeKernel()), "cpu")
	online := func(n int) string { return fmt.Sprintf(`node_cpu_online{cpu="%d"}`, n) }
	wantSamples(t, run(t, c, time.Second), map[string]float64{online(0): 1, online(1): -1})

	for name, content := range map[string]string{
		"proc/stat": statOf(map[int][3]int{0: {1, 1, 1}, 1: {1, 1, 1}}), "sys/devices/system/cpu/cpu1/online": "1\n", "sys/devices/system/cpu/online": "0-1\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wantSamples(t, run(t, c, time.Second), map[string]float64{online(0): 1, online(1): 1})
}

func TestCPUList(t *testing.T) {
	for text, want := range map[string][]int{
		"0": {0}, "0-3": {0, 1, 2, 3}, "0-1,8,10-11": {0, 1, 8, 10, 11}, "": nil, "1-": nil, "-1": nil, "a": nil, "0-99999999": nil, "0,,1": nil,
	} {
		got, ok := cpuList(text)
		if ok != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%q is %v, %v; want %v", text, got, ok, want)
		}
	}
}
