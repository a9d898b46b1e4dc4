//go:build linux

package host

import (
	"context"

	"tocsin/internal/frame"
)

var watchdogInfo = &frame.Family{
	Name: "node_watchdog_info", Labels: []string{"name", "options", "identity", "state", "status", "pretimeout_governor"},
	Help: "What the watchdog is, in words; always 1.",
}

// watchdogFiles are described in Documentation/ABI/testing/sysfs-class-watchdog.
var watchdogFiles = []numberFile{
	watchdogGauge("bootstatus", "bootstatus", "What the watchdog said of the last boot, as its driver numbers it; 0 is nothing."),
	watchdogGauge("fw_version", "fw_version", "Version of the watchdog's firmware."),
	watchdogGauge("nowayout", "nowayout", "Whether the watchdog cannot be stopped once it runs."),
	watchdogGauge("timeleft", "timeleft_seconds", "Time left before the watchdog resets the machine."),
	watchdogGauge("timeout", "timeout_seconds", "How long the watchdog waits before it resets the machine."),
	watchdogGauge("pretimeout", "pretimeout_seconds", "How long before the reset the watchdog warns."),
	watchdogGauge("access_cs0", "access_cs0", "Whether the machine started from its other flash (Aspeed)."),
}

func watchdogGauge(file, name, help string) numberFile {
	return numberFile{file, &frame.Family{Name: "node_watchdog_" + name, Labels: []string{"name"}, Help: help}, 1}
}

// watchdog is the collector watchdog.
type watchdog struct{ roots *roots }

func newWatchdog(r *roots) *watchdog { return &watchdog{roots: r} }

// Name implements frame.Collector.
func (c *watchdog) Name() string { return "watchdog" }

// Families implements frame.Collector.
func (c *watchdog) Families() []*frame.Family {
	return append([]*frame.Family{watchdogInfo}, familiesOf(watchdogFiles)...)
}

// Collect implements frame.Collector.
func (c *watchdog) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "class/watchdog", "", func(name string, a *attributes) {
		a.send(s, watchdogFiles, name)
		s.Send(watchdogInfo, 1, name, a.text("options"), a.text("identity"), a.text("state"), a.text("status"), a.text("pretimeout_governor"))
	})
}
