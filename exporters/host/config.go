package host

import (
	"path/filepath"
	"regexp"
	"slices"

	"tocsin/exporters/host/certificates"
	"tocsin/exporters/host/fail2ban"
	"tocsin/exporters/host/ipsec"
	"tocsin/exporters/host/logs"
	"tocsin/exporters/host/ports"
	"tocsin/internal/problem"
)

// What node_exporter 1.12 leaves out by default, or takes in.
const (
	excludedMountPoints = `^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)`
	excludedTypes       = `^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|` +
		`mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$`
	includedFields  = `^(oom_kill|pgpg|pswp|pg.*fault).*`
	excludedUnits   = `^.+\.(automount|device|mount|scope|slice)$`
	excludedDisks   = `^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`
	includedNetstat = `^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|` +
		`TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|` +
		`Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|` +
		`Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$`
)

// Config says where the machine is seen, and what of it is left out.
type Config struct {
	// Proc, Sys and Root are where /proc, /sys and / of the machine are
	// mounted; they differ from these only for a Tocsin in a container.
	Proc string `yaml:"proc"`
	Sys  string `yaml:"sys"`
	Root string `yaml:"root"`

	// Job and Instance replace the labels of this machine's own page ("node"
	// and its name), so that a migrated site keeps its old ones.
	Job      string `yaml:"job"`
	Instance string `yaml:"instance"`

	Collectors Selection `yaml:"collectors"` // what is measured

	MountPoints     Filter `yaml:"mount_points"`     // of file systems
	FilesystemTypes Filter `yaml:"filesystem_types"` // ext4, nfs4, ...
	Disks           Filter `yaml:"disks"`            // sda, nvme0n1, ...
	Interfaces      Filter `yaml:"interfaces"`       // eth0, ...
	Chips           Filter `yaml:"chips"`            // of sensors: platform_coretemp_0, ...
	Sensors         Filter `yaml:"sensors"`          // with their chips: platform_coretemp_0;temp1, ...
	PowerSupplies   Filter `yaml:"power_supplies"`   // BAT0, AC, ...
	Tapes           Filter `yaml:"tapes"`            // st0, ...

	Interrupts   Filter `yaml:"interrupts"`    // with their words, as 24;PCI-MSI;eth0
	Slabs        Filter `yaml:"slabs"`         // caches of the kernel: dentry, ...
	VMStatFields Filter `yaml:"vmstat_fields"` // of /proc/vmstat: oom_kill, ...

	// Textfiles are folders, or patterns of them, whose files *.prom are passed
	// on. Without any it is Debian's /var/lib/prometheus/node-exporter, where
	// that exists.
	Textfiles []string `yaml:"textfiles"`

	// Certificates are those that services here are configured with: files that
	// are not found by themselves.
	Certificates certificates.Config `yaml:"certificates"`

	Fail2ban fail2ban.Config `yaml:"fail2ban"`
	IPsec    ipsec.Config    `yaml:"ipsec"`

	WireGuard WireGuard `yaml:"wireguard"` // who is behind the keys of its interfaces
	// Firewall and Audit say `required` where the machine must have a firewall
	// that filters what comes in, and the kernel's audit: rules ring without.
	Firewall string `yaml:"firewall"`
	Audit    string `yaml:"audit"`
	// Mounts are mount points where a file system must be mounted, beside those of
	// /etc/fstab without noauto or nofail and of the enabled units of
	// /etc/systemd/system; a rule rings where one is not.
	Mounts []string `yaml:"mounts"`
	// LogForwarding says `required` where the machine's log must be sent elsewhere,
	// by rsyslog or journald; a rule rings where it is not.
	LogForwarding string `yaml:"log_forwarding"`
	// LogSources are the machines and services whose logs arrive here; a rule
	// rings for one that is silent for too long.
	LogSources logs.Sources `yaml:"log_sources"`
	// Ports are all that may listen for others than the machine itself, as 22,
	// "udp/53", "6000-6010" or "10.0.0.1:5432"; a rule rings for any other.
	// Without it none does.
	Ports ports.List `yaml:"ports"`

	Sysctl Sysctl `yaml:"sysctl"` // kernel parameters; for the collector sysctl

	CPU          CPU  `yaml:"cpu"`           // what is sent of /proc/cpuinfo
	StatSoftirqs bool `yaml:"stat_softirqs"` // node_softirqs_total, of the collector stat

	InterruptsWithoutZeros bool `yaml:"interrupts_without_zeros"` // lines that have counted nothing are left out
	BcachePriorities       bool `yaml:"bcache_priorities"`        // what bcache's caches hold, which the kernel sorts at each scrape
	RaplZoneLabel          bool `yaml:"rapl_zone_label"`          // the processor's zone as the label rapl_zone, not in the metric's name

	Units         Units   `yaml:"units"`
	Systemd       Systemd `yaml:"systemd"`
	NetstatFields Filter  `yaml:"netstat_fields"` // Tcp_ActiveOpens, ...
	EthtoolFields Filter  `yaml:"ethtool_fields"` // rx_missed_errors, ...

	// InterfaceAddresses sends the addresses of the interfaces too, as
	// node_network_address_info.
	InterfaceAddresses bool `yaml:"interface_addresses"`
	// InterfaceDetails sends the counters of interfaces one by one, under names
	// of their own, where the usual ones are sums of several.
	InterfaceDetails bool `yaml:"interface_details"`
}

// CPU says what is sent of /proc/cpuinfo, which the kernel takes its time over
// on machines with many processors.
type CPU struct {
	Info  bool   `yaml:"info"`  // node_cpu_info; and node_cpu_frequency_hertz, where sysfs lacks it
	Flags Filter `yaml:"flags"` // avx2, ...: node_cpu_flag_info, none without it
	Bugs  Filter `yaml:"bugs"`  // spectre_v2, ...: node_cpu_bug_info, none without it
}

// described tells whether /proc/cpuinfo is read: flags or bugs are enough, as
// for node_exporter.
func (c CPU) described() bool { return c.Info || c.Flags != Filter{} || c.Bugs != Filter{} }

// A Filter chooses among names by regular expressions (RE2). A name is
// watched when it matches Include, where that is set, and not Exclude.
type Filter struct {
	Include string `yaml:"include"`
	Exclude string `yaml:"exclude"`
}

// SetDefaults fills what is not set. A filter that is given in part is left
// as it is: naming what to include drops the default exclusions.
func (c *Config) SetDefaults() {
	setDefault(&c.Proc, "/proc")
	setDefault(&c.Sys, "/sys")
	setDefault(&c.Root, "/")
	c.MountPoints.setDefault(excludedMountPoints)
	c.FilesystemTypes.setDefault(excludedTypes)
	c.Disks.setDefault(excludedDisks)
	if c.VMStatFields == (Filter{}) {
		c.VMStatFields.Include = includedFields
	}
	c.Systemd.Units.setDefault(excludedUnits)
	c.LogSources.SetDefaults()
	if c.NetstatFields == (Filter{}) {
		c.NetstatFields.Include = includedNetstat
	}
}

func setDefault(s *string, to string) {
	if *s == "" {
		*s = to
	}
}

func (f *Filter) setDefault(exclude string) {
	if f.Include == "" && f.Exclude == "" {
		f.Exclude = exclude
	}
}

// Validate adds what is wrong to p.
func (c *Config) Validate(p problem.List) {
	absolute(p.At("proc"), c.Proc)
	absolute(p.At("sys"), c.Sys)
	absolute(p.At("root"), c.Root)
	c.Collectors.validate(p.At("collectors"))
	c.MountPoints.validate(p.At("mount_points"))
	c.FilesystemTypes.validate(p.At("filesystem_types"))
	c.Disks.validate(p.At("disks"))
	c.Interfaces.validate(p.At("interfaces"))
	c.Chips.validate(p.At("chips"))
	c.Sensors.validate(p.At("sensors"))
	c.PowerSupplies.validate(p.At("power_supplies"))
	c.Tapes.validate(p.At("tapes"))
	c.Interrupts.validate(p.At("interrupts"))
	c.Slabs.validate(p.At("slabs"))
	c.VMStatFields.validate(p.At("vmstat_fields"))
	for i, place := range c.Textfiles {
		absolute(p.At("textfiles").Index(i), place)
		if _, err := filepath.Match(place, ""); err != nil {
			p.At("textfiles").Index(i).Addf("%q is no pattern; write a folder, as /var/lib/prometheus/node-exporter", place)
		}
	}
	c.Certificates.Validate(p.At("certificates"))
	c.Fail2ban.Validate(p.At("fail2ban"))
	orRequired(p.At("firewall"), c.Firewall)
	orRequired(p.At("audit"), c.Audit)
	c.IPsec.Validate(p.At("ipsec"))
	c.WireGuard.validate(p.At("wireguard"))
	for i, point := range c.Mounts {
		absolute(p.At("mounts").Index(i), point)
		if slices.Contains(c.Mounts[:i], point) {
			p.At("mounts").Index(i).Addf("%q is there twice; strike one", point)
		}
	}
	orRequired(p.At("log_forwarding"), c.LogForwarding)
	c.LogSources.Validate(p.At("log_sources"))
	c.Ports.Validate(p.At("ports"))
	c.Sysctl.validate(p.At("sysctl"))
	c.Units.validate(p.At("units"))
	c.Systemd.Units.validate(p.At("systemd").At("units"))
	c.NetstatFields.validate(p.At("netstat_fields"))
	c.EthtoolFields.validate(p.At("ethtool_fields"))
	c.CPU.Flags.validate(p.At("cpu").At("flags"))
	c.CPU.Bugs.validate(p.At("cpu").At("bugs"))
	c.validateUse(p)
}

// required is the one word that firewall, audit and log_forwarding take.
const required = "required"

func orRequired(p problem.List, word string) {
	if word != "" && word != required {
		p.Addf("%.40q is not known; write required, or leave it out", word)
	}
}

func absolute(p problem.List, path string) {
	if !filepath.IsAbs(path) {
		p.Addf("%q is no absolute path; write one that begins with /, as %s", path, filepath.Join("/", path))
	}
}

func (f Filter) validate(p problem.List) {
	expression(p.At("include"), f.Include)
	expression(p.At("exclude"), f.Exclude)
}

func expression(p problem.List, text string) {
	if _, err := regexp.Compile(text); err != nil {
		p.Addf("%v; write a regular expression in RE2's syntax, as ^(lo|docker[0-9]+)$", err)
	}
}
