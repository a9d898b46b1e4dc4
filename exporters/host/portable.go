package host

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/disk"
	psutil "github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"

	"tocsin/internal/frame"
)

// What is measured on other systems than Linux, by gopsutil, under the names
// that node_exporter has there. The functions that are called here make system
// calls on FreeBSD; on macOS gopsutil has some by running programs only, and
// what they would tell is left out.

// partitions lists what is mounted.
type partitions struct{ points, types *filter }

func (p partitions) mounts() ([]mount, error) {
	all, err := disk.Partitions(true)
	if err != nil {
		return nil, fmt.Errorf("list of mounts: %w", err)
	}
	var mounts []mount
	for _, part := range all {
		if !p.points.watches([]byte(part.Mountpoint)) || !p.types.watches([]byte(part.Fstype)) {
			continue
		}
		m := mount{id: part.Mountpoint, path: part.Mountpoint, point: valid(part.Mountpoint), device: valid(part.Device), kind: valid(part.Fstype)}
		for _, option := range part.Opts {
			m.readonly = m.readonly || option == "ro"
		}
		mounts = append(mounts, m)
	}
	return mounts, nil
}

var portableCPU = &frame.Family{
	Name: "node_cpu_seconds_total", Type: frame.Counter, Labels: []string{"cpu", "mode"},
	Help: "Time that each CPU has spent in each mode, in seconds.",
}

// cores is the collector cpu of other systems.
type cores struct{}

// Name implements frame.Collector.
func (cores) Name() string { return "cpu" }

// Families implements frame.Collector.
func (cores) Families() []*frame.Family { return []*frame.Family{portableCPU} }

// Collect implements frame.Collector.
func (cores) Collect(ctx context.Context, s *frame.Sink) error {
	all, err := cpu.TimesWithContext(ctx, true)
	if err != nil {
		return fmt.Errorf("times of the CPUs: %w", err)
	}
	for i, t := range all {
		number := strconv.Itoa(i)
		s.Send(portableCPU, t.User, number, "user")
		s.Send(portableCPU, t.Nice, number, "nice")
		s.Send(portableCPU, t.System, number, "system")
		s.Send(portableCPU, t.Idle, number, "idle")
		if runtime.GOOS != "darwin" { // which does not tell them apart
			s.Send(portableCPU, t.Irq, number, "interrupt")
		}
	}
	return nil
}

// memoryFamilies are the parts of the memory, by gopsutil's names.
var (
	memorySize     = memoryGauge("size_bytes", "Memory of the machine, in bytes.")
	memoryActive   = memoryGauge("active_bytes", "Memory used lately, in bytes.")
	memoryInactive = memoryGauge("inactive_bytes", "Memory not used lately, in bytes.")
	memoryWired    = memoryGauge("wired_bytes", "Memory that cannot be paged out, in bytes.")
	memoryFree     = memoryGauge("free_bytes", "Memory that nobody uses, in bytes.")
	memoryCache    = memoryGauge("cache_bytes", "Memory that caches the disk, in bytes.")
	memoryBuffer   = memoryGauge("buffer_bytes", "Memory in buffers of the disk, in bytes.")
)

func memoryGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_memory_" + name, Help: help}
}

// memory is the collector meminfo of other systems.
type memory struct{}

// Name implements frame.Collector.
func (memory) Name() string { return "meminfo" }

// Families implements frame.Collector.
func (memory) Families() []*frame.Family {
	return []*frame.Family{memorySize, memoryActive, memoryInactive, memoryWired, memoryFree, memoryCache, memoryBuffer}
}

// Collect implements frame.Collector.
func (memory) Collect(ctx context.Context, s *frame.Sink) error {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	for _, part := range []struct {
		family *frame.Family
		bytes  uint64
	}{
		{memorySize, m.Total},
		{memoryActive, m.Active},
		{memoryInactive, m.Inactive},
		{memoryWired, m.Wired},
		{memoryFree, m.Free},
		{memoryCache, m.Cached},
		{memoryBuffer, m.Buffers},
	} {
		s.Send(part.family, float64(part.bytes))
	}
	return nil
}

var (
	portableBoot = &frame.Family{Name: "node_boot_time_seconds", Help: "When the machine was booted, in seconds since 1970."}
	portableTime = &frame.Family{Name: "node_time_seconds", Help: "The machine's time, in seconds since 1970."}
	portableZone = &frame.Family{
		Name: "node_time_zone_offset_seconds", Labels: []string{"time_zone"},
		Help: "By how much the machine's time zone is ahead of UTC, in seconds.",
	}
)

// boottime is the collector of that name on other systems.
type boottime struct{}

// Name implements frame.Collector.
func (boottime) Name() string { return "boottime" }

// Families implements frame.Collector.
func (boottime) Families() []*frame.Family { return []*frame.Family{portableBoot} }

// Collect implements frame.Collector.
func (boottime) Collect(ctx context.Context, s *frame.Sink) error {
	at, err := psutil.BootTimeWithContext(ctx)
	if err != nil {
		return fmt.Errorf("time of the boot: %w", err)
	}
	s.Send(portableBoot, float64(at))
	return nil
}

// wallClock is the collector time of other systems.
type wallClock struct{ now func() time.Time }

// Name implements frame.Collector.
func (wallClock) Name() string { return "time" }

// Families implements frame.Collector.
func (wallClock) Families() []*frame.Family { return []*frame.Family{portableTime, portableZone} }

// Collect implements frame.Collector.
func (c wallClock) Collect(_ context.Context, s *frame.Sink) error {
	now := c.now()
	zone, offset := now.Zone()
	s.Send(portableTime, float64(now.UnixNano())/1e9)
	s.Send(portableZone, float64(offset), zone)
	return nil
}

// valid makes a label value of what may be any bytes.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
