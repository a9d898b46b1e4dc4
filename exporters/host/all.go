//go:build linux

package host

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	"golang.org/x/sys/unix"

	"tocsin/exporters/host/accounts"
	"tocsin/exporters/host/certificates"
	"tocsin/exporters/host/fail2ban"
	"tocsin/exporters/host/ipsec"
	"tocsin/exporters/host/logins"
	"tocsin/exporters/host/logs"
	"tocsin/exporters/host/packages"
	"tocsin/exporters/host/platform"
	"tocsin/exporters/host/ports"
	"tocsin/exporters/host/textfile"
	"tocsin/internal/frame"
)

// known is the list of what exists, by name. A name is the same as
// node_exporter's where it has such a collector.
var known = []kind{
	{name: "accounts", standing: byDefault, every: accounts.Every, make: func(m *machine) frame.Collector { return accounts.New(m.cfg.Root, m.roots.proc) }},
	{name: "arp", standing: byDefault, make: func(m *machine) frame.Collector { return newARP(m.roots, m.filter(m.cfg.Interfaces)) }},
	{name: "audit", standing: byDefault, every: time.Minute, make: func(m *machine) frame.Collector { return newAudit(m.cfg.Root, m.kernel.dump, m.cfg.Audit == required) }},
	{name: "bcache", standing: byDefault, make: func(m *machine) frame.Collector { return newBcache(m.roots, m.cfg.BcachePriorities) }},
	{name: "bcachefs", standing: byDefault, make: func(m *machine) frame.Collector { return newBcachefs(m.roots) }},
	{name: "bonding", standing: byDefault, make: func(m *machine) frame.Collector { return newBonding(m.roots) }},
	{name: "btrfs", standing: byDefault, make: func(m *machine) frame.Collector { return newBtrfs(m.roots, m.kernel.btrfs) }},
	{name: "buddyinfo", standing: onDemand, make: func(m *machine) frame.Collector { return newBuddyinfo(m.roots) }},
	{name: "certificates", standing: byDefault, every: certificates.Every, make: func(m *machine) frame.Collector {
		return certificates.New(m.cfg.Root, m.cfg.Certificates)
	}},
	{name: "cgroups", standing: onDemand, make: func(m *machine) frame.Collector { return newControllers(m.roots) }},
	{name: "conntrack", standing: byDefault, make: func(m *machine) frame.Collector { return newConntrack(m.roots) }},
	{name: "cpu", standing: byDefault, make: func(m *machine) frame.Collector {
		return newCPU(m.roots, m.cfg.CPU.described(), m.chosen(m.cfg.CPU.Flags), m.chosen(m.cfg.CPU.Bugs))
	}},
	{name: "cpu_vulnerabilities", standing: onDemand, make: func(m *machine) frame.Collector { return newVulnerabilities(m.roots) }},
	{name: "cpufreq", standing: byDefault, make: func(m *machine) frame.Collector { return newCPUFreq(m.roots, m.cfg.CPU.described()) }},
	{name: "diskstats", standing: byDefault, make: func(m *machine) frame.Collector { return newDiskstats(m.roots, m.filter(m.cfg.Disks)) }},
	{name: "dmi", standing: byDefault, make: func(m *machine) frame.Collector { return newDMI(m.roots) }},
	{name: "dmmultipath", standing: byDefault, make: func(m *machine) frame.Collector { return newDMMultipath(m.roots) }},
	{name: "drbd", standing: onDemand, make: func(m *machine) frame.Collector { return newDRBD(m.roots) }},
	{name: "drm", standing: onDemand, make: func(m *machine) frame.Collector { return newDRM(m.roots) }},
	{name: "edac", standing: byDefault, make: func(m *machine) frame.Collector { return newEDAC(m.roots) }},
	{name: "entropy", standing: byDefault, make: func(m *machine) frame.Collector { return newEntropy(m.roots) }},
	{name: "ethtool", standing: onDemand, make: func(m *machine) frame.Collector {
		return newEthtool(m.roots, m.filter(m.cfg.Interfaces), m.filter(m.cfg.EthtoolFields), m.kernel.ethtool)
	}},
	{name: "fail2ban", standing: byDefault, every: fail2ban.Every, make: func(m *machine) frame.Collector { return fail2ban.New(m.cfg.Root, m.cfg.Fail2ban) }},
	{name: "fibrechannel", standing: byDefault, make: func(m *machine) frame.Collector { return newFibrechannel(m.roots) }},
	{name: "filefd", standing: byDefault, make: func(m *machine) frame.Collector { return newFilefd(m.roots) }},
	{name: "filesystem", standing: byDefault, make: func(m *machine) frame.Collector {
		views := newViews(m.roots, m.filter(m.cfg.MountPoints), m.filter(m.cfg.FilesystemTypes), m.log)
		return newFilesystem(views.mounts, m.kernel.statfs)
	}},
	{name: "firewall", standing: byDefault, every: time.Minute, make: func(m *machine) frame.Collector {
		return newFirewall(m.roots, m.kernel.dump, m.cfg.Firewall == required)
	}},
	{name: "hwmon", standing: byDefault, make: func(m *machine) frame.Collector {
		return newHwmon(m.roots, m.filter(m.cfg.Chips), m.filter(m.cfg.Sensors))
	}},
	{name: "infiniband", standing: byDefault, make: func(m *machine) frame.Collector { return newInfiniband(m.roots) }},
	{name: "interrupts", standing: onDemand, make: func(m *machine) frame.Collector {
		return newInterrupts(m.roots, m.filter(m.cfg.Interrupts), !m.cfg.InterruptsWithoutZeros)
	}},
	{name: "ipsec", standing: byDefault, every: ipsec.Every, make: func(m *machine) frame.Collector { return ipsec.New(m.cfg.Root, m.cfg.IPsec) }},
	{name: "ipvs", standing: byDefault, make: func(m *machine) frame.Collector { return newIPVS(m.roots) }},
	{name: "kernel_hung", standing: byDefault, make: func(m *machine) frame.Collector { return newKernelHung(m.roots) }},
	{name: "ksmd", standing: onDemand, make: func(m *machine) frame.Collector { return newKSMD(m.roots) }},
	{name: "lnstat", standing: onDemand, make: func(m *machine) frame.Collector { return newLnstat(m.roots) }},
	{name: "loadavg", standing: byDefault, make: func(m *machine) frame.Collector { return newLoadavg(m.roots.gopsutil) }},
	{name: "logind", standing: onDemand, make: func(m *machine) frame.Collector { return newLogind(m.roots) }},
	{name: "logins", standing: byDefault, every: logins.Every, make: func(m *machine) frame.Collector { return logins.New(m.cfg.Root) }},
	{name: "logs", standing: byDefault, every: logs.Every, make: func(m *machine) frame.Collector {
		return logs.New(m.cfg.Root, m.cfg.LogForwarding == required, m.cfg.LogSources, m.kernel.now)
	}},
	{name: "mdadm", standing: byDefault, make: func(m *machine) frame.Collector { return newMdadm(m.roots) }},
	{name: "meminfo", standing: byDefault, make: func(m *machine) frame.Collector { return newMeminfo(m.roots) }},
	{name: "meminfo_numa", standing: onDemand, make: func(m *machine) frame.Collector { return newMeminfoNUMA(m.roots) }},
	{name: "mounts", standing: byDefault, every: 30 * time.Second, make: func(m *machine) frame.Collector { return newMounts(m.roots, m.cfg) }},
	{name: "mountstats", standing: onDemand, make: func(m *machine) frame.Collector { return newMountstats(m.roots) }},
	{name: "netclass", standing: byDefault, make: func(m *machine) frame.Collector {
		return newNetclass(m.roots, m.filter(m.cfg.Interfaces), m.kernel.now)
	}},
	{name: "netdev", standing: byDefault, make: func(m *machine) frame.Collector {
		return newNetdev(m.roots, m.filter(m.cfg.Interfaces), m.kernel.dump, m.cfg.InterfaceDetails, m.cfg.InterfaceAddresses)
	}},
	{name: "netstat", standing: byDefault, make: func(m *machine) frame.Collector { return newNetstat(m.roots, m.filter(m.cfg.NetstatFields)) }},
	{name: "network_route", standing: onDemand, make: func(m *machine) frame.Collector { return newNetworkRoute(m.kernel.dump) }},
	{name: "nfs", standing: byDefault, make: func(m *machine) frame.Collector { return newNFS(m.roots) }},
	{name: "nfsd", standing: byDefault, make: func(m *machine) frame.Collector { return newNFSd(m.roots) }},
	{name: "nvme", standing: byDefault, make: func(m *machine) frame.Collector { return newNVMe(m.roots) }},
	{name: "nvmesubsystem", standing: onDemand, make: func(m *machine) frame.Collector { return newNVMeSubsystem(m.roots) }},
	{name: "os", standing: byDefault, make: func(m *machine) frame.Collector { return newOSRelease(m.roots, m.cfg.Root) }},
	{name: "packages", standing: byDefault, every: packages.Every, make: func(m *machine) frame.Collector { return packages.New(m.cfg.Root, m.roots.proc) }},
	{name: "pcidevice", standing: onDemand, make: func(m *machine) frame.Collector { return newPCIDevice(m.roots) }},
	{name: "platform", standing: byDefault, every: time.Minute, make: func(m *machine) frame.Collector {
		return platform.New(platform.Roots{Proc: m.roots.proc, Sys: m.roots.sys, Root: m.cfg.Root, Own: m.own})
	}},
	{name: "ports", standing: byDefault, every: ports.Every, make: func(m *machine) frame.Collector { return ports.New(m.roots.proc, m.cfg.Ports) }},
	{name: "powersupplyclass", standing: byDefault, make: func(m *machine) frame.Collector { return newPowerSupply(m.roots, m.filter(m.cfg.PowerSupplies)) }},
	{name: "pressure", standing: byDefault, make: func(m *machine) frame.Collector { return newPressure(m.roots) }},
	{name: "processes", standing: onDemand, make: func(m *machine) frame.Collector { return newProcesses(m.roots) }},
	{name: "qdisc", standing: onDemand, make: func(m *machine) frame.Collector { return newQdisc(m.filter(m.cfg.Interfaces), m.kernel.dump) }},
	{name: "rapl", standing: byDefault, make: func(m *machine) frame.Collector { return newRapl(m.roots, m.cfg.RaplZoneLabel) }},
	{name: "schedstat", standing: byDefault, make: func(m *machine) frame.Collector { return newSchedstat(m.roots) }},
	{name: "selinux", standing: byDefault, make: func(m *machine) frame.Collector { return newSelinux(m.roots, m.cfg.Root) }},
	{name: "slabinfo", standing: onDemand, make: func(m *machine) frame.Collector { return newSlabinfo(m.roots, m.filter(m.cfg.Slabs)) }},
	{name: "sockstat", standing: byDefault, make: func(m *machine) frame.Collector { return newSockstat(m.roots) }},
	{name: "softirqs", standing: onDemand, make: func(m *machine) frame.Collector { return newSoftirqs(m.roots) }},
	{name: "softnet", standing: byDefault, make: func(m *machine) frame.Collector { return newSoftnet(m.roots) }},
	{name: "stat", standing: byDefault, make: func(m *machine) frame.Collector { return newStat(m.roots, m.cfg.StatSoftirqs) }},
	{name: "storage", standing: byDefault, every: time.Minute, make: newStorage},
	{name: "swap", standing: onDemand, make: func(m *machine) frame.Collector { return newSwap(m.roots) }},
	{name: "sysctl", standing: onDemand, make: func(m *machine) frame.Collector { return newSysctl(m.roots, m.cfg.Sysctl) }},
	{name: "systemd", standing: onDemand, make: func(m *machine) frame.Collector {
		return newSystemd(m.roots, m.filter(m.cfg.Systemd.Units), m.cfg.Systemd)
	}},
	{name: "tapestats", standing: byDefault, make: func(m *machine) frame.Collector { return newTapestats(m.roots, m.filter(m.cfg.Tapes)) }},
	{name: "tcpstat", standing: onDemand, make: func(m *machine) frame.Collector { return newTCPStat(m.roots, m.kernel.dump) }},
	{name: "textfile", standing: byDefault, make: func(m *machine) frame.Collector { return textfile.New(m.cfg.Root, m.cfg.Textfiles, m.sends) }},
	{name: "thermal_zone", standing: byDefault, make: func(m *machine) frame.Collector { return newThermalZone(m.roots) }},
	{name: "time", standing: byDefault, make: func(m *machine) frame.Collector { return newClock(m.roots, m.kernel.now) }},
	{name: "timex", standing: byDefault, make: func(m *machine) frame.Collector { return newTimex(m.kernel.adjtimex) }},
	{name: "udp_queues", standing: byDefault, make: func(m *machine) frame.Collector { return newUDPQueues(m.roots) }},
	{name: "uname", standing: byDefault, make: func(m *machine) frame.Collector { return newUname(m.kernel.uname) }},
	{name: "units", standing: byDefault, make: func(m *machine) frame.Collector { return newUnits(m.roots, m.cfg.Units, m.kernel.now) }},
	{name: "vmstat", standing: byDefault, make: func(m *machine) frame.Collector { return newVmstat(m.roots, m.filter(m.cfg.VMStatFields)) }},
	{name: "watchdog", standing: byDefault, make: func(m *machine) frame.Collector { return newWatchdog(m.roots) }},
	{name: "wifi", standing: onDemand, make: func(m *machine) frame.Collector { return newWireless(m.filter(m.cfg.Interfaces), m.kernel.wifi) }},
	{name: "wireguard", standing: byDefault, every: 30 * time.Second, make: func(m *machine) frame.Collector {
		return newWireguard(m.cfg.WireGuard, m.kernel.dump, filepath.Join(m.cfg.Root, "run/wireguard"))
	}},
	{name: "xfrm", standing: onDemand, make: func(m *machine) frame.Collector { return newXFRM(m.roots) }},
	{name: "xfs", standing: byDefault, make: func(m *machine) frame.Collector { return newXFS(m.roots) }},
	{name: "zfs", standing: byDefault, make: func(m *machine) frame.Collector { return newZFS(m.roots) }},
	{name: "zoneinfo", standing: onDemand, make: func(m *machine) frame.Collector { return newZoneinfo(m.roots) }},
}

// elsewhere are what hosts with other systems send besides: nothing that a
// rule could be about.
var elsewhere []*frame.Family

// New returns the collectors of this machine that the configuration chooses.
// It is one that SetDefaults has filled and Validate has found nothing wrong
// with.
func New(cfg Config, log *slog.Logger) []frame.Entry {
	m := newMachine(cfg, kernel{
		statfs:   statfs,
		uname:    unix.Uname,
		adjtimex: unix.Adjtimex,
		now:      time.Now,
		btrfs:    askBtrfs,
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
	own     string // where Tocsin's own / lies, whichever machine it measures
	kernel  kernel
	log     *slog.Logger
	filters map[Filter]*filter // one for each expression: what it decided is remembered once
	sent    []*frame.Family    // by all that were chosen; not changed once they run
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

// chosen compiles a filter that, where it is left out, chooses nothing.
func (m *machine) chosen(f Filter) *filter {
	if f == (Filter{}) {
		return nil
	}
	return m.filter(f)
}

// collectors returns those that the configuration chooses.
func (m *machine) collectors() []frame.Entry {
	var chosen []frame.Entry
	for _, k := range known {
		if m.cfg.Collectors.chooses(k.name, k.standing) {
			e := frame.Entry{Collector: k.make(m), Every: k.every}
			chosen = append(chosen, e)
			m.sent = append(m.sent, e.Collector.Families()...)
		}
	}
	return chosen
}

// sends tells whether one of the collectors sends a metric by its own right.
func (m *machine) sends(metric string) bool {
	return slices.ContainsFunc(m.sent, func(f *frame.Family) bool { return f.Name != frame.AnyName && f.Covers(metric) })
}

// kernel is what the collectors ask by system call, so that tests can answer.
type kernel struct {
	statfs   statfsFunc
	uname    func(*unix.Utsname) error
	adjtimex func(*unix.Timex) (int, error)
	now      func() time.Time
	btrfs    btrfsFunc
	dump     dumpFunc
	ethtool  ethtoolFunc
	wifi     func() (wifiClient, error)
}

// gopsutil gives ctx the roots in the form in which gopsutil takes them.
func (r *roots) gopsutil(ctx context.Context) context.Context {
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: r.proc,
		common.HostSysEnvKey:  r.sys,
		common.HostRootEnvKey: r.root,
	})
}
