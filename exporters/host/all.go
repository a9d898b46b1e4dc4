//go:build linux

package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	"golang.org/x/sys/unix"

	"tocsin/exporters/host/accounts"
	"tocsin/exporters/host/packages"
	"tocsin/exporters/host/platform"
	"tocsin/internal/frame"
)

// known is the list of what exists, by name. A name is the same as
// node_exporter's where it has such a collector.
var known = []kind{
	{name: "accounts", standing: byDefault, every: accounts.Every, make: func(m *machine) frame.Collector { return accounts.New(m.cfg.Root, m.roots.proc) }},
	{name: "cpu", standing: byDefault, make: func(m *machine) frame.Collector { return newCPU(m.roots) }},
	{name: "diskstats", standing: byDefault, make: func(m *machine) frame.Collector { return newDiskstats(m.roots, m.filter(m.cfg.Disks)) }},
	{name: "filesystem", standing: byDefault, make: func(m *machine) frame.Collector {
		views := newViews(m.roots, m.filter(m.cfg.MountPoints), m.filter(m.cfg.FilesystemTypes), m.log)
		return newFilesystem(views.mounts, m.kernel.statfs)
	}},
	{name: "loadavg", standing: byDefault, make: func(m *machine) frame.Collector { return newLoadavg(m.roots.gopsutil) }},
	{name: "meminfo", standing: byDefault, make: func(m *machine) frame.Collector { return newMeminfo(m.roots) }},
	{name: "netclass", standing: byDefault, make: func(m *machine) frame.Collector { return newNetclass(m.roots, m.filter(m.cfg.Interfaces)) }},
	{name: "netdev", standing: byDefault, make: func(m *machine) frame.Collector { return newNetdev(m.roots, m.filter(m.cfg.Interfaces)) }},
	{name: "packages", standing: byDefault, every: packages.Every, make: func(m *machine) frame.Collector { return packages.New(m.cfg.Root, m.roots.proc) }},
	{name: "platform", standing: byDefault, every: time.Minute, make: func(m *machine) frame.Collector {
		return platform.New(platform.Roots{Proc: m.roots.proc, Sys: m.roots.sys, Root: m.cfg.Root, Own: m.own})
	}},
	{name: "stat", standing: byDefault, make: func(m *machine) frame.Collector { return newStat(m.roots) }},
	{name: "time", standing: byDefault, make: func(m *machine) frame.Collector { return newClock(m.roots, m.kernel.now) }},
	{name: "timex", standing: byDefault, make: func(m *machine) frame.Collector { return newTimex(m.kernel.adjtimex) }},
	{name: "uname", standing: byDefault, make: func(m *machine) frame.Collector { return newUname(m.kernel.uname) }},
}

// New returns the collectors of this machine that the configuration chooses.
// It is one that SetDefaults has filled and Validate has found nothing wrong
// with.
func New(cfg Config, log *slog.Logger) []frame.Entry {
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
	own     string // where Tocsin's own / lies, whichever machine it measures
	kernel  kernel
	log     *slog.Logger
	filters map[Filter]*filter // one for each expression: what it decided is remembered once
}

func newMachine(cfg Config, k kernel, log *slog.Logger) *machine {
	return &machine{cfg: cfg, roots: newRoots(cfg), own: "/", kernel: k, log: log, filters: map[Filter]*filter{}}
}

// filter compiles a filter of the configuration.
func (m *machine) filter(f Filter) *filter {
	if m.filters[f] == nil {
		m.filters[f] = newFilter(f, m.log)
	}
	return m.filters[f]
}

// collectors returns those that the configuration chooses.
func (m *machine) collectors() []frame.Entry {
	var chosen []frame.Entry
	for _, k := range known {
		if m.cfg.Collectors.chooses(k.name, k.standing) {
			chosen = append(chosen, frame.Entry{Collector: k.make(m), Every: k.every})
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

// gopsutil gives ctx the roots in the form in which gopsutil takes them.
func (r *roots) gopsutil(ctx context.Context) context.Context {
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: r.proc,
		common.HostSysEnvKey:  r.sys,
		common.HostRootEnvKey: r.root,
	})
}
