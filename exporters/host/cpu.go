//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/procfs/sysfs"
	"github.com/shirou/gopsutil/v3/cpu"

	"tocsin/internal/frame"
)

var (
	cpuSeconds = &frame.Family{
		Name: "node_cpu_seconds_total", Type: frame.Counter, Labels: []string{"cpu", "mode"},
		Help: "Time that each CPU spent in each mode, in seconds.",
	}
	cpuGuestSeconds = &frame.Family{
		Name: "node_cpu_guest_seconds_total", Type: frame.Counter, Labels: []string{"cpu", "mode"},
		Help: "Time that each CPU spent running virtual machines, in seconds; it is part of the modes user and nice.",
	}
	cpuIsolated = &frame.Family{
		Name: "node_cpu_isolated", Labels: []string{"cpu"},
		Help: "CPUs that the scheduler leaves alone (isolcpus); always 1.",
	}
)

// cpuJump is by how many seconds a CPU's idle time must fall to be taken for
// a CPU that was taken out and put back, which starts its counters anew.
const cpuJump = 3

// cpuModes are the ten counters of one CPU, in the order of /proc/stat.
type cpuModes [10]float64

var cpuModeNames = [8]string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}

// Indices into cpuModes.
const (
	modeIdle      = 3
	modeGuest     = 8
	modeGuestNice = 9
)

// cpuTimes is the collector cpu. The times come from gopsutil.
type cpuTimes struct {
	roots       *roots
	topology    *cpuTopology
	info        bool    // what /proc/cpuinfo says is sent too
	flags, bugs *filter // of info; nil: none are sent

	mu   sync.Mutex          // guards last
	last map[string]cpuModes // by CPU; never less than what was sent
}

func newCPU(r *roots, info bool, flags, bugs *filter) *cpuTimes {
	return &cpuTimes{roots: r, topology: &cpuTopology{roots: r}, info: info, flags: flags, bugs: bugs, last: map[string]cpuModes{}}
}

// Name implements frame.Collector.
func (c *cpuTimes) Name() string { return "cpu" }

// Families implements frame.Collector.
func (c *cpuTimes) Families() []*frame.Family {
	return append([]*frame.Family{cpuSeconds, cpuGuestSeconds, cpuIsolated, cpuInfoFamily, cpuFlagInfo, cpuBugInfo}, cpuTopologyFamilies()...)
}

// Collect implements frame.Collector.
func (c *cpuTimes) Collect(ctx context.Context, s *frame.Sink) error {
	count, err := c.times(ctx, s)
	return errors.Join(err, c.isolated(s), c.topology.collect(s, count), c.sendInfo(s))
}

// times sends the counters and returns of how many CPUs.
func (c *cpuTimes) times(ctx context.Context, s *frame.Sink) (int, error) {
	times, err := cpu.TimesWithContext(c.roots.gopsutil(ctx), true)
	if err == nil && len(times) == 0 {
		// gopsutil answers a file that it cannot read with an empty list.
		err = errors.New("no CPU with its times in it")
	}
	if err != nil {
		return 0, fmt.Errorf("read %s/stat: %w", c.roots.proc, err)
	}
	for i := range times {
		t := &times[i]
		name := strings.TrimPrefix(t.CPU, "cpu")
		modes := c.rising(name, cpuModes{
			t.User, t.Nice, t.System, t.Idle, t.Iowait, t.Irq, t.Softirq, t.Steal, t.Guest, t.GuestNice,
		})
		for mode, value := range modes[:len(cpuModeNames)] {
			s.Send(cpuSeconds, value, name, cpuModeNames[mode])
		}
		s.Send(cpuGuestSeconds, modes[modeGuest], name, "user")
		s.Send(cpuGuestSeconds, modes[modeGuestNice], name, "nice")
	}
	c.forget(times)
	return len(times), nil
}

// rising keeps counters from falling: the kernel's idle and iowait now and
// then go back by a tick, which Prometheus would take for a restart, and so
// for a huge rate.
func (c *cpuTimes) rising(name string, now cpuModes) cpuModes {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, known := c.last[name]
	if known && before[modeIdle]-now[modeIdle] < cpuJump {
		for i := range now {
			now[i] = max(now[i], before[i])
		}
	}
	c.last[name] = now
	return now
}

// forget drops the CPUs that are gone, so that one that comes back counts
// from where it then stands.
func (c *cpuTimes) forget(present []cpu.TimesStat) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.last) == len(present) {
		return
	}
	kept := make(map[string]cpuModes, len(present))
	for i := range present {
		name := strings.TrimPrefix(present[i].CPU, "cpu")
		kept[name] = c.last[name]
	}
	c.last = kept
}

func (c *cpuTimes) isolated(s *frame.Sink) error {
	kernel, err := sysfs.NewFS(c.roots.sys)
	if err != nil {
		return fmt.Errorf("isolated CPUs: %w", err)
	}
	isolated, err := kernel.IsolatedCPUs()
	if err != nil {
		return optional("isolated CPUs", err)
	}
	for _, n := range isolated {
		s.Send(cpuIsolated, 1, strconv.Itoa(int(n)))
	}
	return nil
}
