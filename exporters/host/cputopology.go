//go:build linux

package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tocsin/internal/frame"
)

var (
	cpuOnline = &frame.Family{
		Name: "node_cpu_online", Labels: []string{"cpu"},
		Help: "Whether the CPU is switched on, where the kernel lets it be switched.",
	}
	cpuCoreThrottles = &frame.Family{
		Name: "node_cpu_core_throttles_total", Type: frame.Counter, Labels: []string{"package", "core"},
		Help: "How often the core was slowed down for heat.",
	}
	cpuPackageThrottles = &frame.Family{
		Name: "node_cpu_package_throttles_total", Type: frame.Counter, Labels: []string{"package"},
		Help: "How often the processor package was slowed down for heat.",
	}
)

func cpuTopologyFamilies() []*frame.Family {
	return []*frame.Family{cpuOnline, cpuCoreThrottles, cpuPackageThrottles}
}

// cpuTopology sends what sysfs says of single CPUs. Which of them share a
// core or a package is read once and again when their number changes: it is
// two files a CPU, and constant.
type cpuTopology struct {
	roots *roots

	mu         sync.Mutex // guards what follows
	count      int        // CPUs with times when the rest was read
	switchable bool       // the kernel has cpu*/online
	present    []int
	throttles  []throttle
}

// throttle is one file that counts slow-downs.
type throttle struct {
	path   string
	family *frame.Family
	labels []string
}

func (c *cpuTopology) collect(s *frame.Sink, count int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count != count || c.present == nil {
		c.scan()
		c.count = count
	}
	for _, t := range c.throttles {
		_ = c.roots.read(t.path, func(b []byte) error { // gone with its CPU
			if n, ok := number(bytes.TrimSpace(b)); ok {
				s.Send(t.family, float64(n), t.labels...)
			}
			return nil
		})
	}
	if !c.switchable {
		return nil
	}
	return c.online(s)
}

// online reads the list that the kernel keeps of all CPUs, rather than a file
// of each.
func (c *cpuTopology) online(s *frame.Sink) error {
	path := filepath.Join(c.roots.sys, "devices/system/cpu/online")
	return c.roots.read(path, func(b []byte) error {
		on, ok := cpuList(string(bytes.TrimSpace(b)))
		if !ok {
			return malformed(path, b)
		}
		for _, n := range c.present {
			value := 0.0
			if slices.Contains(on, n) {
				value = 1
			}
			s.Send(cpuOnline, value, strconv.Itoa(n))
		}
		return nil
	})
}

// cpuList reads a list in the kernel's form, as 0-3,8.
func cpuList(text string) ([]int, bool) {
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(to)
		}
		if err != nil || first < 0 || last > 1<<16 {
			return nil, false
		}
		for n := first; n <= last; n++ {
			list = append(list, n)
		}
	}
	return list, true
}

// scan finds the CPUs and the files that count their slow-downs. What it
// cannot read does not exist: most virtual machines have none of it.
func (c *cpuTopology) scan() {
	base := filepath.Join(c.roots.sys, "devices/system/cpu")
	c.present, c.throttles, c.switchable = []int{}, nil, false
	entries, _ := os.ReadDir(base)
	for _, entry := range entries {
		if n, err := strconv.Atoi(strings.TrimPrefix(entry.Name(), "cpu")); err == nil {
			c.present = append(c.present, n)
		}
	}
	slices.Sort(c.present)
	seen := map[string]bool{}
	for i, n := range c.present {
		folder := filepath.Join(base, fmt.Sprintf("cpu%d", n))
		if _, err := os.Stat(filepath.Join(folder, "online")); i == 0 && err == nil {
			c.switchable = true
		}
		pack, core, ok := c.place(folder)
		if !ok {
			continue
		}
		c.addThrottle(seen, filepath.Join(folder, "thermal_throttle/core_throttle_count"), cpuCoreThrottles, pack, core)
		c.addThrottle(seen, filepath.Join(folder, "thermal_throttle/package_throttle_count"), cpuPackageThrottles, pack)
	}
}

func (c *cpuTopology) place(folder string) (pack, core string, ok bool) {
	ids := make([]string, 0, 2)
	for _, name := range []string{"physical_package_id", "core_id"} {
		_ = c.roots.read(filepath.Join(folder, "topology", name), func(b []byte) error {
			if n, ok := number(bytes.TrimSpace(b)); ok { // -1: the machine does not say
				ids = append(ids, strconv.FormatUint(n, 10))
			}
			return nil
		})
	}
	if len(ids) < 2 {
		return "", "", false
	}
	return ids[0], ids[1], true
}

// addThrottle adds the file of the first CPU of each core or package.
func (c *cpuTopology) addThrottle(seen map[string]bool, path string, f *frame.Family, labels ...string) {
	key := f.Name + strings.Join(labels, "/")
	if _, err := os.Stat(path); err != nil || seen[key] {
		return
	}
	seen[key] = true
	c.throttles = append(c.throttles, throttle{path: path, family: f, labels: labels})
}
