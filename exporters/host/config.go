package host

import (
	"path/filepath"
	"regexp"

	"tocsin/internal/problem"
)

// What node_exporter 1.12 leaves out by default, and of netstat sends.
const (
	excludedMountPoints = `^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)`
	excludedTypes       = `^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|` +
		`mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$`
	includedNetstat = `^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|` +
		`TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|` +
		`Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|` +
		`Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$`
	excludedDisks = `^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`
)

// Config says where the machine is seen, and what of it is left out.
type Config struct {
	// Proc, Sys and Root are where /proc, /sys and / of the machine are
	// mounted; they differ from these only for a Tocsin in a container.
	Proc string `yaml:"proc"`
	Sys  string `yaml:"sys"`
	Root string `yaml:"root"`

	Collectors Selection `yaml:"collectors"` // what is measured

	MountPoints     Filter `yaml:"mount_points"`     // of file systems
	FilesystemTypes Filter `yaml:"filesystem_types"` // ext4, nfs4, ...
	Disks           Filter `yaml:"disks"`            // sda, nvme0n1, ...
	Interfaces      Filter `yaml:"interfaces"`       // eth0, ...
	NetstatFields   Filter `yaml:"netstat_fields"`   // Tcp_ActiveOpens, ...
	EthtoolFields   Filter `yaml:"ethtool_fields"`   // rx_missed_errors, ...

	// InterfaceAddresses sends the addresses of the interfaces too, as
	// node_network_address_info.
	InterfaceAddresses bool `yaml:"interface_addresses"`
	// InterfaceDetails sends the counters of interfaces one by one, under names
	// of their own, where the usual ones are sums of several.
	InterfaceDetails bool `yaml:"interface_details"`
}

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
	c.NetstatFields.validate(p.At("netstat_fields"))
	c.EthtoolFields.validate(p.At("ethtool_fields"))
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
