package platform

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// limits are what the control groups allow Tocsin and who shares them with
// it: those of its container, or of its unit. What is not known or not
// limited is NaN.
type limits struct {
	memory, memoryUsed        float64 // bytes
	cpus                      float64 // of processor time a second, in seconds
	throttled                 float64 // seconds
	periods, throttledPeriods float64
}

// unlimited is where version 1 begins to mean no limit: it writes the largest
// number of whole pages.
const unlimited = 1 << 60

// readLimits finds the tightest limits on the way from Tocsin's own group to
// the top, with what is used there (cgroups(7); Documentation/admin-guide/cgroup-v2.rst
// and cgroup-v1/memory.rst of the kernel).
func readLimits(own string) limits {
	nan := math.NaN()
	l := limits{nan, nan, nan, nan, nan, nan}
	for line := range strings.Lines(text(own, "proc/self/cgroup")) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		if !ok {
			continue
		}
		top := filepath.Join(own, "sys/fs/cgroup")
		if controllers == "" {
			l.climb(top, path, (*limits).memory2, (*limits).cpu2)
			continue
		}
		for controller := range strings.SplitSeq(controllers, ",") {
			switch controller {
			case "memory":
				l.climb(filepath.Join(top, "memory"), path, (*limits).memory1)
			case "cpu":
				l.climb(filepath.Join(top, "cpu"), path, (*limits).cpu1)
			}
		}
	}
	return l
}

// climb looks at a group and at all above it. A path that is the machine's,
// where only the container's own part is mounted, ends at that.
func (l *limits) climb(top, path string, look ...func(*limits, string)) {
	for range 32 {
		for _, f := range look {
			f(l, filepath.Join(top, path))
		}
		if path == "/" || path == "." || path == "" {
			return
		}
		path = filepath.Dir(path)
	}
}

func (l *limits) memory2(folder string) {
	l.tighterMemory(folder, "memory.max", "memory.current", "inactive_file")
}

func (l *limits) memory1(folder string) {
	l.tighterMemory(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
}

// tighterMemory notes a group's limit if it is the lowest yet. What is used is
// without the pages of files that the kernel would drop first.
func (l *limits) tighterMemory(folder, limitFile, usedFile, cacheKey string) {
	limit, ok := number(text(folder, limitFile))
	if !ok || limit >= unlimited || limit >= l.memory {
		return
	}
	l.memory, l.memoryUsed = limit, math.NaN()
	if used, ok := number(text(folder, usedFile)); ok {
		cache := keyed(text(folder, "memory.stat"), cacheKey)
		if math.IsNaN(cache) {
			cache = 0
		}
		l.memoryUsed = max(0, used-cache)
	}
}

func (l *limits) cpu2(folder string) {
	quota, period, _ := strings.Cut(text(folder, "cpu.max"), " ")
	l.tighterCPU(folder, quota, period, "throttled_usec", 1e-6)
}

func (l *limits) cpu1(folder string) {
	l.tighterCPU(folder, text(folder, "cpu.cfs_quota_us"), text(folder, "cpu.cfs_period_us"), "throttled_time", 1e-9)
}

func (l *limits) tighterCPU(folder, quota, period, key string, unit float64) {
	q, ok := number(quota)
	p, ok2 := number(period)
	if !ok || !ok2 || q <= 0 || p <= 0 || q/p >= l.cpus {
		return
	}
	stat := text(folder, "cpu.stat")
	l.cpus = q / p
	l.throttled, l.periods, l.throttledPeriods = keyed(stat, key)*unit, keyed(stat, "nr_periods"), keyed(stat, "nr_throttled")
}

// keyed returns the number after a key in a file of lines with both; NaN where
// there is none.
func keyed(content, key string) float64 {
	for line := range strings.Lines(content) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == key {
			if n, ok := number(value); ok {
				return n
			}
		}
	}
	return math.NaN()
}

func number(s string) (float64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return float64(n), err == nil
}

// text returns the beginning of a small file, without the white space around
// it; nothing where it cannot be read.
func text(path ...string) string {
	f, err := os.Open(filepath.Join(path...))
	if err != nil {
		return ""
	}
	defer f.Close()
	buffer := make([]byte, 16<<10)
	length := 0
	for length < len(buffer) {
		n, err := f.Read(buffer[length:])
		length += n
		if err != nil {
			break
		}
	}
	return strings.Trim(string(buffer[:length]), " \t\r\n\x00")
}

func exists(path ...string) bool {
	_, err := os.Lstat(filepath.Join(path...))
	return err == nil
}
