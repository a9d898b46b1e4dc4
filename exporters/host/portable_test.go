//go:build linux

package host

import (
	"maps"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
)

// What other systems measure by gopsutil is run where the tests run: what it
// says must be sane, and on Linux agree with what is read from /proc.
func TestPortable_measuresWhereTheTestsRun(t *testing.T) {
	var cfg Config
	cfg.SetDefaults()
	listed := partitions{newFilter(cfg.MountPoints, discard()), newFilter(cfg.FilesystemTypes, discard())}
	all := map[string]frame.Collector{
		"filesystem": newFilesystem(listed.mounts, statfs), "cpu": cores{}, "meminfo": memory{},
		"boottime": boottime{}, "time": wallClock{time.Now},
	}
	samples := map[string]float64{}
	for name, c := range all {
		if c.Name() != name {
			t.Errorf("%s calls itself %s", name, c.Name())
		}
		r := run(t, c, 10*time.Second)
		if r.reason != "" || len(r.samples) == 0 {
			t.Errorf("%s: %s: %s, %d samples", name, r.reason, r.err, len(r.samples))
		}
		maps.Copy(samples, r.samples)
	}
	if idle := samples[`node_cpu_seconds_total{cpu="0",mode="idle"}`]; idle <= 0 {
		t.Errorf("the first CPU was idle for %v s", idle)
	}
	now := float64(time.Now().Unix())
	if at := samples["node_boot_time_seconds"]; at <= 0 || at > now {
		t.Errorf("booted at %v", at)
	}
	if at := samples["node_time_seconds"]; math.Abs(at-now) > 60 {
		t.Errorf("the time is %v, want about %v", at, now)
	}
	root := 0
	for series, size := range samples {
		if strings.HasPrefix(series, "node_filesystem_size_bytes{") && strings.Contains(series, `mountpoint="/"`) && size > 0 {
			root++
		}
	}
	if root != 1 {
		t.Errorf("the root file system is there %d times", root)
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		kernel := run(t, newMeminfo(newRoots(cfg)), 10*time.Second).samples["node_memory_MemTotal_bytes"]
		if got := samples["node_memory_size_bytes"]; got != kernel {
			t.Errorf("the memory has %v bytes, the kernel says %v: %.60s", got, kernel, text)
		}
	}
}
