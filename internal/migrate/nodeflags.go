package migrate

// A nodeFlag is what becomes of one flag of node_exporter.
type nodeFlag struct {
	key  string // where it stands below host: in the site file; "" for nowhere
	form form
	lost string // why it is not carried, and what to do instead
}

// form is how a flag's value stands in the site file.
type form int

const (
	text     form = iota
	anchored      // an expression that node_exporter anchors, and Tocsin does not
	list          // a flag that may be there several times
	truth         // a flag without a value: true
	untruth       // the same the other way round: its --no- is true
	dropped       // a flag with a value, not carried
	dropped1      // a flag without a value, not carried
	harmless      // nothing is lost without it
)

// nodeFlags are the flags of node_exporter 1.12, and the names that they had
// in versions before (kingpin still takes them). A flag that is not here, and
// is no collector's, is told to be unknown.
//
// Source: node_exporter, *_linux.go, *_common.go, node_exporter.go.
var nodeFlags = map[string]nodeFlag{
	"path.procfs":    {key: "proc"},
	"path.sysfs":     {key: "sys"},
	"path.rootfs":    {key: "root"},
	"path.udev.data": {form: dropped, lost: "Tocsin reads it below host.root; mount it there"},

	"collector.filesystem.mount-points-exclude": {key: "mount_points.exclude"},
	"collector.filesystem.mount-points-include": {key: "mount_points.include"},
	"collector.filesystem.ignored-mount-points": {key: "mount_points.exclude"}, // before 1.3
	"collector.filesystem.fs-types-exclude":     {key: "filesystem_types.exclude"},
	"collector.filesystem.fs-types-include":     {key: "filesystem_types.include"},
	"collector.filesystem.ignored-fs-types":     {key: "filesystem_types.exclude"}, // before 1.3
	"collector.filesystem.mount-timeout":        {form: dropped, lost: "each collector has a deadline of its own, and a mount that hangs costs its own line only; nothing to do"},
	"collector.filesystem.stat-workers":         {form: dropped, lost: "each mount has its own worker as long as it hangs; nothing to do"},
	"collector.diskstats.device-exclude":        {key: "disks.exclude"},
	"collector.diskstats.device-include":        {key: "disks.include"},
	"collector.diskstats.ignored-devices":       {key: "disks.exclude"}, // before 1.4

	// One filter for all collectors of network interfaces.
	"collector.netdev.device-exclude":    {key: "interfaces.exclude"},
	"collector.netdev.device-include":    {key: "interfaces.include"},
	"collector.netdev.device-blacklist":  {key: "interfaces.exclude"},
	"collector.netdev.device-whitelist":  {key: "interfaces.include"},
	"collector.netdev.ignored-devices":   {key: "interfaces.exclude"}, // before 1.0
	"collector.netclass.ignored-devices": {key: "interfaces.exclude"},
	"collector.arp.device-exclude":       {key: "interfaces.exclude"},
	"collector.arp.device-include":       {key: "interfaces.include"},
	"collector.ethtool.device-exclude":   {key: "interfaces.exclude"},
	"collector.ethtool.device-include":   {key: "interfaces.include"},
	"collector.qdisc.device-exclude":     {key: "interfaces.exclude"},
	"collector.qdisc.device-include":     {key: "interfaces.include"},
	"collector.qdisk.device-exclude":     {key: "interfaces.exclude"},
	"collector.qdisk.device-include":     {key: "interfaces.include"},

	"collector.netdev.address-info":             {key: "interface_addresses", form: truth},
	"collector.netdev.enable-detailed-metrics":  {key: "interface_details", form: truth},
	"collector.netdev.label-ifalias":            {form: dropped1, lost: "node_network_info has the alias as ifalias; join it in the query"},
	"collector.netdev.netlink":                  {form: harmless},
	"collector.arp.netlink":                     {form: harmless},
	"collector.netclass.netlink":                {form: harmless},
	"collector.netclass.ignore-invalid-speed":   {form: harmless},
	"collector.netclass_rtnl.with-stats":        {form: dropped1, lost: "netclass and netdev each send their own; nothing to do"},
	"collector.netstat.fields":                  {key: "netstat_fields.include"},
	"collector.ethtool.metrics-include":         {key: "ethtool_fields.include"},
	"collector.infiniband.device-exclude":       {form: dropped, lost: "Tocsin measures all adapters; leave them out in the query, by the label device"},
	"collector.infiniband.device-include":       {form: dropped, lost: "Tocsin measures all adapters; choose in the query, by the label device"},
	"collector.ipvs.backend-labels":             {form: dropped, lost: "Tocsin sends all labels; sum them away in the query"},
	"collector.vmstat.fields":                   {key: "vmstat_fields.include"},
	"collector.interrupts.name-include":         {key: "interrupts.include"},
	"collector.interrupts.name-exclude":         {key: "interrupts.exclude"},
	"collector.interrupts.include-zeros":        {key: "interrupts_without_zeros", form: untruth},
	"collector.slabinfo.slabs-include":          {key: "slabs.include"},
	"collector.slabinfo.slabs-exclude":          {key: "slabs.exclude"},
	"collector.sysctl.include":                  {key: "sysctl.numbers", form: list},
	"collector.sysctl.include-info":             {key: "sysctl.texts", form: list},
	"collector.hwmon.chip-include":              {key: "chips.include"},
	"collector.hwmon.chip-exclude":              {key: "chips.exclude"},
	"collector.hwmon.sensor-include":            {key: "sensors.include"},
	"collector.hwmon.sensor-exclude":            {key: "sensors.exclude"},
	"collector.powersupply.ignored-supplies":    {key: "power_supplies.exclude"},
	"collector.tapestats.ignored-devices":       {key: "tapes.exclude"},
	"collector.bcache.priorityStats":            {key: "bcache_priorities", form: truth},
	"collector.rapl.enable-zone-label":          {key: "rapl_zone_label", form: truth},
	"collector.textfile.directory":              {key: "textfiles", form: list},
	"collector.systemd.unit-include":            {key: "systemd.units.include", form: anchored},
	"collector.systemd.unit-exclude":            {key: "systemd.units.exclude", form: anchored},
	"collector.systemd.unit-whitelist":          {key: "systemd.units.include", form: anchored},
	"collector.systemd.unit-blacklist":          {key: "systemd.units.exclude", form: anchored},
	"collector.systemd.enable-restarts-metrics": {key: "systemd.restarts", form: truth},
	"collector.systemd.enable-task-metrics":     {key: "systemd.tasks", form: truth},
	"collector.systemd.private":                 {form: dropped1, lost: "Tocsin asks systemd over the system bus, without being root; nothing to do"},

	"collector.systemd.enable-start-time-metrics": {key: "systemd.start_times", form: truth},

	"collector.stat.softirq":           {key: "stat_softirqs", form: truth},
	"collector.cpu.guest":              {form: dropped1, lost: "Tocsin always sends node_cpu_guest_seconds_total; nothing to do"},
	"collector.cpu.info":               {key: "cpu.info", form: truth},
	"collector.cpu.info.bugs-include":  {key: "cpu.bugs.include"},
	"collector.cpu.info.flags-include": {key: "cpu.flags.include"},
	"collector.pcidevice.names":        {form: dropped1, lost: "Tocsin sends the numbers of vendors and devices; look names up with lspci"},
	"collector.pcidevice.idsfile":      {form: dropped, lost: "Tocsin sends the numbers of vendors and devices; look names up with lspci"},

	"web.listen-address": {}, // nodeListen
	"web.config":         {}, // nodeWeb; before 1.5
	"web.config.file":    {}, // nodeWeb
	"web.telemetry-path": {}, // nodePath
	"web.systemd-socket": {form: dropped1, lost: "Tocsin opens its address itself; write listen"},
	"web.disable-exporter-metrics": {form: dropped1, lost: "Tocsin's own metrics are always on the page; drop go_*, process_* and promhttp_* with metric_relabel_configs " +
		"where they disturb"},
	"web.max-requests":     {form: dropped, lost: "scrapes that come together share one run of the collectors; nothing to do"},
	"log.level":            {form: dropped, lost: "Tocsin logs little; tocsin run --debug has it say more"},
	"log.format":           {form: dropped, lost: "Tocsin logs key=value, as logfmt"},
	"runtime.gomaxprocs":   {form: dropped, lost: "write Environment=GOMAXPROCS= into tocsin.service"},
	"version":              {form: harmless},
	"help":                 {form: harmless},
	"collector.ntp.server": {form: dropped, lost: noNTP},

	"collector.disable-defaults": {}, // only
}

const noNTP = "Tocsin asks no time server; the collector timex tells whether the clock is kept, and how far it is off"

// nodeCollectors are the collectors of node_exporter that Tocsin does not
// have, each with what to do instead.
var nodeCollectors = map[string]string{
	"ntp":           noNTP,
	"perf":          "Tocsin reads no counters of processors; keep a node_exporter with --collector.disable-defaults --collector.perf for it",
	"runit":         "Tocsin knows the units of systemd only; write the state into a *.prom file for host.textfiles",
	"supervisord":   "Tocsin knows the units of systemd only; let supervisord's own unit be watched, and write what it runs into a *.prom file for host.textfiles",
	"netclass_rtnl": "netclass and netdev each send their own; nothing to do",
	"sysctl_info":   "write the kernel parameters under host.sysctl.texts",
}
