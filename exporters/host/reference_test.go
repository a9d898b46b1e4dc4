//go:build linux

package host

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
)

const hostPageReference = "../../docs/host.md"

// How a collector was tried, in the tests of this folder and of those below.
const (
	onKernel = "a real kernel, name for name against node_exporter 1.12.1; files made by hand for what that kernel lacks"
	byHand   = "files made by hand, name for name against node_exporter 1.12.1: the kernel of the tests has none of it"
	mostReal = "a real kernel, against node_exporter 1.12.1; answers made by hand"
)

// tried says for each collector on what, so that nobody takes a file made by
// hand for the real thing.
var tried = map[string]string{
	"accounts":            "useradd, ssh-keygen and the machine's own files; logind's and utmp's files made by hand",
	"arp":                 onKernel,
	"audit":               "a real kernel, as root and without the right; answers made by hand for rules and losses",
	"bcache":              byHand,
	"bcachefs":            byHand,
	"bonding":             byHand,
	"btrfs":               "a real btrfs on a loop device, with its three read-only ioctls; files made by hand for RAID",
	"buddyinfo":           onKernel,
	"certificates":        "certificates made by Go, by openssl and by keytool, in files as the services of Debian name them, in configuration that nginx, Dovecot and Postfix take; a real nginx that had not loaded its new one",
	"cgroups":             onKernel,
	"conntrack":           onKernel,
	"cpu":                 onKernel,
	"cpu_vulnerabilities": onKernel,
	"cpufreq":             byHand,
	"diskstats":           onKernel,
	"dmi":                 byHand,
	"dmmultipath":         byHand,
	"drbd":                byHand,
	"drm":                 byHand,
	"edac":                byHand,
	"entropy":             onKernel,
	"ethtool":             mostReal + " for a card of its own",
	"fail2ban":            "a real fail2ban 1.0.2 with two jails",
	"fibrechannel":        byHand,
	"filefd":              onKernel,
	"filesystem":          "a real kernel, against node_exporter 1.12.1; loop mounts, a hanging FUSE mount, mount namespaces",
	"firewall":            "a real kernel's nftables in a network namespace; files made by hand for the legacy iptables",
	"hwmon":               byHand + "; a sensor that hangs: a pipe, a FUSE folder",
	"infiniband":          byHand,
	"interrupts":          onKernel,
	"ipsec":               "a real strongSwan 5.9.8 whose tunnel is down; answers made by hand for tunnels that stand",
	"ipvs":                byHand,
	"kernel_hung":         byHand,
	"ksmd":                onKernel,
	"lnstat":              onKernel,
	"loadavg":             onKernel,
	"logind":              "a real logind 252 with two sessions, against node_exporter 1.12.1",
	"logins":              "a real sshd 9.2 and rsyslog 8.23 for SSH; lines made by hand for sudo and su; sockets of the tests for SSSD and nslcd",
	"logs":                "a real rsyslog 8.23 that forwards to a server of the tests and loses it; files made by hand for journald and sources",
	"mdadm":               byHand,
	"meminfo":             onKernel,
	"meminfo_numa":        onKernel,
	"mounts":              "a real kernel with file systems of the tests; files made by hand for fstab, units and swap",
	"mountstats":          byHand,
	"netclass":            onKernel,
	"netdev":              onKernel,
	"netstat":             onKernel,
	"network_route":       mostReal,
	"nfs":                 byHand,
	"nfsd":                byHand,
	"nvme":                byHand,
	"nvmesubsystem":       byHand,
	"os":                  onKernel,
	"packages":            "apt and dpkg of Debian 12, line by line against `apt list --upgradable`, and 60 made-up machines against `apt-cache policy`; Ubuntu's phased updates by hand alone",
	"pcidevice":           onKernel,
	"platform":            "systemd-detect-virt, a limited control group of version 1; version 2 and other hypervisors by hand",
	"ports":               "a real kernel, with listeners of the tests; files made by hand for numbers and damage",
	"powersupplyclass":    byHand,
	"pressure":            onKernel,
	"processes":           onKernel,
	"qdisc":               mostReal,
	"rapl":                byHand,
	"schedstat":           byHand,
	"selinux":             "files made by hand",
	"slabinfo":            onKernel,
	"sockstat":            onKernel,
	"softirqs":            onKernel,
	"softnet":             onKernel,
	"stat":                onKernel,
	"storage":             "files made by hand: the kernel of the tests has no device mapper, md or ZFS",
	"swap":                onKernel,
	"sysctl":              onKernel,
	"systemd":             "a real systemd 252 booted beside the test, with control groups of both versions, against node_exporter 1.12.1 and `systemctl show`",
	"tapestats":           byHand,
	"tcpstat":             mostReal,
	"textfile":            "files as scripts write them, against node_exporter 1.12.1",
	"thermal_zone":        byHand,
	"time":                onKernel,
	"timex":               onKernel,
	"udp_queues":          onKernel,
	"uname":               onKernel,
	"units":               "a real systemd 252 booted beside the test, with control groups of both versions; memory, tasks and disk of version 2 by hand",
	"vmstat":              onKernel,
	"watchdog":            byHand,
	"wifi":                "answers made by hand, against node_exporter 1.12.1's own",
	"wireguard":           "two interfaces of wireguard-go that shake hands; the kernel's own answers made by hand, for that of the tests has none",
	"xfrm":                onKernel,
	"xfs":                 "a real XFS on a loop device",
	"zfs":                 byHand,
	"zoneinfo":            onKernel,
}

// TestReference holds docs/host.md to the list of what exists.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# This machine
What a Tocsin measures of the machine that it runs on, one collector after another: under node_exporter's names what
node_exporter has, under ` + "`tocsin_host_*`" + ` what it does not. Generated: ` + "`go test ./exporters/host -run Reference -update`" + `.
All names with their labels: [metrics.md](metrics.md). All keys of the site file: ` + "[configuration.md](configuration.md)" + `, under ` + "`host`" + `.

` + "`host: {collectors: {on: [...], off: [...]}}`" + ` chooses among them, ` + "`only: [...]`" + ` runs these and no others, and a scraper
chooses by ` + "`/metrics?collect[]=cpu&collect[]=meminfo`" + ` or ` + "`?exclude[]=`" + `. On FreeBSD boottime, cpu, filesystem, loadavg,
meminfo and time exist, on macOS those without cpu and meminfo; there they were compiled and their code was run on
Linux, no more.

| collector | runs | first of its names | tried on |
|---|---|---|---|
`)
	cfg := Config{Collectors: Selection{Only: Names()}}
	cfg.SetDefaults()
	for i, e := range New(cfg, discard()) {
		name := e.Collector.Name()
		if tried[name] == "" {
			t.Errorf("nothing says on what %s was tried", name)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, runs(known[i]), firstNames(e.Collector.Families()), tried[name])
	}
	for name := range tried {
		if !slices.Contains(Names(), name) {
			t.Errorf("there is no collector %s", name)
		}
	}
	b.WriteString("\n## What differs from node_exporter on purpose\nEach of these is proved by a test that runs both.\n\n| series | Tocsin | node_exporter | why |\n|---|---|---|---|\n")
	var series []string
	for s := range differences {
		series = append(series, s)
	}
	slices.Sort(series)
	for _, s := range series {
		d := differences[s]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s, orAbsent(d.ours), orAbsent(d.theirs), d.reason)
	}
	b.WriteString(`
Besides: a number that cannot be read is absent here, where node_exporter sends 0 or loses the whole collector; equal
routes are sent once, and at most 5,000 of them; with ` + "`cpu: {info: true}`" + ` a processor's frequency comes from
/proc/cpuinfo only where sysfs lacks it, since node_exporter's page with both is not valid; ` + "`node_exporter_build_info`" + ` is ` + "`tocsin_build_info`" + `. Not there at all are the
collectors ntp, perf, runit and supervisord: probes ask time servers, the counters of processors need rights that a
monitor should not have, and node_exporter itself is giving up the other two.
`)
	if *update {
		if err := os.WriteFile(hostPageReference, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(hostPageReference)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("docs/host.md is not current, run go test ./exporters/host -run Reference -update (-want +got):\n%s", diff)
	}
}

func runs(k kind) string {
	how := "by default"
	if k.standing == onDemand {
		how = "on demand"
	}
	if k.every > 0 {
		how += ", each " + model.Duration(k.every).String()
	}
	return how
}

func firstNames(families []*frame.Family) string {
	var names []string
	for _, f := range families {
		if f.Name != frame.AnyName {
			names = append(names, "`"+f.Name+"`")
		}
	}
	slices.Sort(names)
	if len(names) > 2 {
		return strings.Join(names[:2], ", ") + fmt.Sprintf(" and %d more", len(names)-2)
	}
	return strings.Join(names, ", ")
}

func orAbsent(v float64) string {
	if v == -1 {
		return "absent"
	}
	return fmt.Sprint(v)
}
