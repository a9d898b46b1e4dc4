package platform

import (
	"context"
	"math"
	"os"

	"tocsin/internal/frame"
)

// Roots are where /proc, /sys and / of the machine that is measured lie, and
// where Tocsin's own / does. They are the same but for a Tocsin in a
// container that has the machine's mounted.
type Roots struct{ Proc, Sys, Root, Own string }

var (
	info = &frame.Family{
		Name: "tocsin_host_platform_info", Labels: []string{"virtualisation", "container"},
		Help: "What the machine runs on, as systemd-detect-virt names it (none, kvm, qemu, vmware, xen, microsoft, ...; vm-other, unknown), and what it is a container of (none, lxc, docker, podman, ...; container-other); always 1.",
	}
	itself = &frame.Family{
		Name: "tocsin_host_measures_container", Labels: []string{"part"},
		Help: "Whether Tocsin runs in a container of one program and measures that container where the machine is meant; part is proc (processes, memory) or root (files, packages).",
	}
	balloon = &frame.Family{
		Name: "tocsin_host_balloon_bytes", Help: "Memory that the hypervisor has taken back from the machine by a balloon.",
	}
	memoryLimit = &frame.Family{
		Name: "tocsin_host_container_memory_limit_bytes", Help: "Memory that the container or unit which Tocsin runs in may use; absent where it has no limit.",
	}
	memoryUsed = &frame.Family{
		Name: "tocsin_host_container_memory_bytes", Help: "Memory that is used of this limit, without pages of files that can be dropped.",
	}
	cpuLimit = &frame.Family{
		Name: "tocsin_host_container_cpu_limit", Help: "Processors that the container or unit which Tocsin runs in may use; absent where it has no limit.",
	}
	cpuThrottled = &frame.Family{
		Name: "tocsin_host_container_cpu_throttled_seconds_total", Type: frame.Counter, Help: "How long processes were held back by this limit.",
	}
	cpuPeriods = &frame.Family{
		Name: "tocsin_host_container_cpu_periods_total", Type: frame.Counter, Help: "Periods in which something ran under this limit.",
	}
	cpuThrottledPeriods = &frame.Family{
		Name: "tocsin_host_container_cpu_throttled_periods_total", Type: frame.Counter, Help: "Periods in which the limit was reached.",
	}
)

// collector is the collector platform.
type collector struct{ roots Roots }

// New returns the collector.
func New(r Roots) frame.Collector { return &collector{roots: r} }

// Name implements frame.Collector.
func (c *collector) Name() string { return "platform" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family {
	return []*frame.Family{info, itself, balloon, memoryLimit, memoryUsed, cpuLimit, cpuThrottled, cpuPeriods, cpuThrottledPeriods}
}

// Collect implements frame.Collector.
func (c *collector) Collect(_ context.Context, s *frame.Sink) error {
	r := c.roots
	s.Send(info, 1, virtualisation(r.Proc, r.Sys), container(r.Proc, r.Root))
	if proc, root, ok := r.measuresItself(); ok {
		s.Send(itself, truth(proc), "proc")
		s.Send(itself, truth(root), "root")
	}
	send(s, balloon, ballooned(text(r.Proc, "vmstat"))*float64(os.Getpagesize()))
	l := readLimits(r.Own)
	send(s, memoryLimit, l.memory)
	send(s, memoryUsed, l.memoryUsed)
	send(s, cpuLimit, l.cpus)
	send(s, cpuThrottled, l.throttled)
	send(s, cpuPeriods, l.periods)
	send(s, cpuThrottledPeriods, l.throttledPeriods)
	return nil
}

// ballooned returns the pages that are in a balloon: newer kernels say so,
// older ones count those that went in and came out.
func ballooned(vmstat string) float64 {
	if pages := keyed(vmstat, "nr_balloon_pages"); !math.IsNaN(pages) {
		return pages
	}
	return max(0, keyed(vmstat, "balloon_inflate")-keyed(vmstat, "balloon_deflate"))
}

// send sends what is known.
func send(s *frame.Sink, f *frame.Family, value float64) {
	if !math.IsNaN(value) {
		s.Send(f, value)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
