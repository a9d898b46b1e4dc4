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
	{name: "arp", standing: byDefault, make: func(m *machine) frame.Collector { return newARP(m.roots, m.filter(m.cfg.Interfaces)) }},
	{name: "bonding", standing: byDefault, make: func(m *machine) frame.Collector { return newBonding(m.roots) }},
	{name: "conntrack", standing: byDefault, make: func(m *machine) frame.Collector { return newConntrack(m.roots) }},
	{name: "cpu", standing: byDefault, make: func(m *machine) frame.Collector { return newCPU(m.roots) }},
	{name: "diskstats", standing: byDefault, make: func(m *machine) frame.Collector { return newDiskstats(m.roots, m.filter(m.cfg.Disks)) }},
	{name: "ethtool", standing: onDemand, make: func(m *machine) frame.Collector {
		return newEthtool(m.roots, m.filter(m.cfg.Interfaces), m.filter(m.cfg.EthtoolFields), m.kernel.ethtool)
	}},
	{name: "fibrechannel", standing: byDefault, make: func(m *machine) frame.Collector { return newFibrechannel(m.roots) }},
	{name: "filesystem", standing: byDefault, make: func(m *machine) frame.Collector {
		return newFilesystem(m.roots, m.filter(m.cfg.MountPoints), m.filter(m.cfg.FilesystemTypes), m.kernel.statfs, m.log)
	}},
	{name: "infiniband", standing: byDefault, make: func(m *machine) frame.Collector { return newInfiniband(m.roots) }},
	{name: "ipvs", standing: byDefault, make: func(m *machine) frame.Collector { return newIPVS(m.roots) }},
	{name: "lnstat", standing: onDemand, make: func(m *machine) frame.Collector { return newLnstat(m.roots) }},
	{name: "loadavg", standing: byDefault, make: func(m *machine) frame.Collector { return newLoadavg(m.roots) }},
	{name: "meminfo", standing: byDefault, make: func(m *machine) frame.Collector { return newMeminfo(m.roots) }},
	{name: "mountstats", standing: onDemand, make: func(m *machine) frame.Collector { return newMountstats(m.roots) }},
	{name: "netclass", standing: byDefault, make: func(m *machine) frame.Collector { return newNetclass(m.roots, m.filter(m.cfg.Interfaces)) }},
	{name: "netdev", standing: byDefault, make: func(m *machine) frame.Collector {
		return newNetdev(m.roots, m.filter(m.cfg.Interfaces), m.kernel.dump, m.cfg.InterfaceDetails, m.cfg.InterfaceAddresses)
	}},
	{name: "netstat", standing: byDefault, make: func(m *machine) frame.Collector { return newNetstat(m.roots, m.filter(m.cfg.NetstatFields)) }},
	{name: "network_route", standing: onDemand, make: func(m *machine) frame.Collector { return newNetworkRoute(m.kernel.dump) }},
	{name: "nfs", standing: byDefault, make: func(m *machine) frame.Collector { return newNFS(m.roots) }},
	{name: "nfsd", standing: byDefault, make: func(m *machine) frame.Collector { return newNFSd(m.roots) }},
	{name: "qdisc", standing: onDemand, make: func(m *machine) frame.Collector { return newQdisc(m.filter(m.cfg.Interfaces), m.kernel.dump) }},
	{name: "sockstat", standing: byDefault, make: func(m *machine) frame.Collector { return newSockstat(m.roots) }},
	{name: "softnet", standing: byDefault, make: func(m *machine) frame.Collector { return newSoftnet(m.roots) }},
	{name: "stat", standing: byDefault, make: func(m *machine) frame.Collector { return newStat(m.roots) }},
	{name: "tcpstat", standing: onDemand, make: func(m *machine) frame.Collector { return newTCPStat(m.roots, m.kernel.dump) }},
	{name: "time", standing: byDefault, make: func(m *machine) frame.Collector { return newClock(m.roots, m.kernel.now) }},
	{name: "timex", standing: byDefault, make: func(m *machine) frame.Collector { return newTimex(m.kernel.adjtimex) }},
	{name: "udp_queues", standing: byDefault, make: func(m *machine) frame.Collector { return newUDPQueues(m.roots) }},
	{name: "uname", standing: byDefault, make: func(m *machine) frame.Collector { return newUname(m.kernel.uname) }},
	{name: "wifi", standing: onDemand, make: func(m *machine) frame.Collector { return newWireless(m.filter(m.cfg.Interfaces), m.kernel.wifi) }},
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
		dump:     dump,
		ethtool:  askDriver,
		wifi:     dialWifi,
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
	dump     dumpFunc
	ethtool  ethtoolFunc
	wifi     func() (wifiClient, error)
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
