package host

import (
	"slices"

	"tocsin/internal/problem"
)

// validateUse finds options that nobody reads, because their collector does
// not run. Filters that several collectors share are not among them.
func (c *Config) validateUse(p problem.List) {
	for _, option := range []struct {
		key       []string
		collector string
		set       bool
	}{
		{[]string{"cpu"}, "cpu", c.CPU.described()},
		{[]string{"stat_softirqs"}, "stat", c.StatSoftirqs},
		{[]string{"interrupts"}, "interrupts", c.Interrupts != Filter{}},
		{[]string{"interrupts_without_zeros"}, "interrupts", c.InterruptsWithoutZeros},
		{[]string{"slabs"}, "slabinfo", c.Slabs != Filter{}},
		{[]string{"ethtool_fields"}, "ethtool", c.EthtoolFields != Filter{}},
		{[]string{"sysctl"}, "sysctl", len(c.Sysctl.Numbers)+len(c.Sysctl.Texts) > 0},
		{[]string{"systemd", "restarts"}, "systemd", c.Systemd.Restarts},
		{[]string{"systemd", "start_times"}, "systemd", c.Systemd.StartTimes},
		{[]string{"systemd", "tasks"}, "systemd", c.Systemd.Tasks},
		{[]string{"interface_addresses"}, "netdev", c.InterfaceAddresses},
		{[]string{"interface_details"}, "netdev", c.InterfaceDetails},
		{[]string{"bcache_priorities"}, "bcache", c.BcachePriorities},
		{[]string{"rapl_zone_label"}, "rapl", c.RaplZoneLabel},
		{[]string{"log_forwarding"}, "logs", c.LogForwarding != ""},
		{[]string{"log_sources"}, "logs", len(c.LogSources) > 0},
		{[]string{"mounts"}, "mounts", len(c.Mounts) > 0},
		{[]string{"ports"}, "ports", len(c.Ports) > 0},
		{[]string{"units", "watch"}, "units", len(c.Units.Watch) > 0},
		{[]string{"textfiles"}, "textfile", len(c.Textfiles) > 0},
		{[]string{"fail2ban", "jails"}, "fail2ban", len(c.Fail2ban.Jails) > 0},
		{[]string{"ipsec", "tunnels"}, "ipsec", len(c.IPsec.Tunnels) > 0},
		{[]string{"ipsec", "associations"}, "ipsec", c.IPsec.Associations},
		{[]string{"wireguard", "expected"}, "wireguard", len(c.WireGuard.Expected) > 0},
		{[]string{"firewall"}, "firewall", c.Firewall != ""},
		{[]string{"audit"}, "audit", c.Audit != ""},
	} {
		if !option.set || !slices.Contains(Names(), option.collector) || c.Runs(option.collector) {
			continue
		}
		here := p
		for _, key := range option.key {
			here = here.At(key)
		}
		here.Addf("the collector %s, which it is for, does not run; %s, or leave this out", option.collector, c.Collectors.remedy(option.collector))
	}
}

// Runs tells whether the configuration chooses a collector.
func (c *Config) Runs(name string) bool {
	return c.Collectors.chooses(name, standing(ByDefault(name)))
}

// remedy says how a collector that does not run is made to.
func (s Selection) remedy(name string) string {
	switch {
	case len(s.Only) > 0:
		return "add it to collectors.only"
	case slices.Contains(s.Off, name):
		return "strike it from collectors.off"
	}
	return "add it to collectors.on"
}
