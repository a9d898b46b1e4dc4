//go:build linux

package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/disk"
	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// known is the list of what exists, by name. A name is the same as
// node_exporter's where it has such a collector.
var known = []kind{
	{"cpu", byDefault, func(m *machine) frame.Collector { return newCPU(m.roots) }},
	{"diskstats", byDefault, func(m *machine) frame.Collector { return newDiskstats(m.roots, m.filter(m.cfg.Disks)) }},
	{"filesystem", byDefault, func(m *machine) frame.Collector {
		return newFilesystem(m.roots, m.filter(m.cfg.MountPoints), m.filter(m.cfg.FilesystemTypes), m.kernel.statfs, m.log)
	}},
	{"loadavg", byDefault, func(m *machine) frame.Collector { return newLoadavg(m.roots) }},
	{"meminfo", byDefault, func(m *machine) frame.Collector { return newMeminfo(m.roots) }},
	{"netclass", byDefault, func(m *machine) frame.Collector { return newNetclass(m.roots, m.filter(m.cfg.Interfaces)) }},
	{"netdev", byDefault, func(m *machine) frame.Collector { return newNetdev(m.roots, m.filter(m.cfg.Interfaces)) }},
	{"stat", byDefault, func(m *machine) frame.Collector { return newStat(m.roots) }},
	{"time", byDefault, func(m *machine) frame.Collector { return newClock(m.roots, m.kernel.now) }},
	{"timex", byDefault, func(m *machine) frame.Collector { return newTimex(m.kernel.adjtimex) }},
	{"uname", byDefault, func(m *machine) frame.Collector { return newUname(m.kernel.uname) }},
}

// New returns the collectors of this machine that the configuration chooses.
// It is one that SetDefaults has filled and Validate has found nothing wrong
// with.
func New(cfg Config, log *slog.Logger) []frame.Collector {
	m := newMachine(cfg, kernel{
		statfs:   statfs,
		uname:    unix.Uname,
		adjtimex: unix.Adjtimex,
		now:      time.Now,
	}, log)
	return m.collectors()
}

// machine is what the collectors of one machine share.
type machine struct {
	cfg     Config
	roots   *roots
	kernel  kernel
	log     *slog.Logger
	filters map[Filter]*filter // one for each expression: what it decided is remembered once
}

func newMachine(cfg Config, k kernel, log *slog.Logger) *machine {
	return &machine{cfg: cfg, roots: newRoots(cfg), kernel: k, log: log, filters: map[Filter]*filter{}}
}

// filter compiles a filter of the configuration.
func (m *machine) filter(f Filter) *filter {
	if m.filters[f] == nil {
		m.filters[f] = newFilter(f, m.log)
	}
	return m.filters[f]
}

// collectors returns those that the configuration chooses.
func (m *machine) collectors() []frame.Collector {
	var chosen []frame.Collector
	for _, k := range known {
		if m.cfg.Collectors.chooses(k.name, k.standing) {
			chosen = append(chosen, k.make(m))
		}
	}
	return chosen
}

// kernel is what the collectors ask by system call, so that tests can answer.
type kernel struct {
	statfs   statfsFunc
	uname    func(*unix.Utsname) error
	adjtimex func(*unix.Timex) (int, error)
	now      func() time.Time
}

// statfsFunc asks how full the file system at path is. It may never return.
type statfsFunc func(ctx context.Context, path string) (usage, error)

// usage is what statfs(2) says of a file system.
type usage struct {
	size, free, available uint64 // bytes
	files, filesFree      uint64
}

// statfs asks the kernel.
func statfs(ctx context.Context, path string) (usage, error) {
	u, err := disk.UsageWithContext(ctx, path)
	if err != nil {
		return usage{}, err
	}
	return usage{
		size: u.Total, free: u.Total - u.Used, available: u.Free,
		files: u.InodesTotal, filesFree: u.InodesFree,
	}, nil
}

// gopsutil gives ctx the roots in the form in which gopsutil takes them.
func (r *roots) gopsutil(ctx context.Context) context.Context {
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: r.proc,
		common.HostSysEnvKey:  r.sys,
		common.HostRootEnvKey: r.root,
	})
}
