//go:build !linux

package host

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"tocsin/internal/frame"
)

// known is the list of what exists on other systems than Linux, by name.
var known = available([]kind{
	{name: "boottime", standing: byDefault, make: func(*machine) frame.Collector { return boottime{} }},
	{name: "cpu", standing: byDefault, make: func(*machine) frame.Collector { return cores{} }},
	{name: "filesystem", standing: byDefault, make: func(m *machine) frame.Collector {
		listed := partitions{newFilter(m.cfg.MountPoints, m.log), newFilter(m.cfg.FilesystemTypes, m.log)}
		return newFilesystem(listed.mounts, statfs)
	}},
	{name: "loadavg", standing: byDefault, make: func(*machine) frame.Collector {
		return newLoadavg(func(ctx context.Context) context.Context { return ctx })
	}},
	{name: "meminfo", standing: byDefault, make: func(*machine) frame.Collector { return memory{} }},
	{name: "time", standing: byDefault, make: func(*machine) frame.Collector { return wallClock{time.Now} }},
})

// available leaves out what gopsutil would have to run programs for.
func available(all []kind) []kind {
	if runtime.GOOS != "darwin" {
		return all
	}
	return slices.DeleteFunc(all, func(k kind) bool { return k.name == "cpu" || k.name == "meminfo" })
}

// elsewhere are what hosts with Linux send besides, as patterns: rules may be
// about them.
var elsewhere = []*frame.Family{
	{Name: "node_*", Help: "What the Tocsin of a host with Linux measures."},
	{Name: "tocsin_host_*", Help: "What the Tocsin of a host with Linux measures."},
	{Name: "apt_*", Help: "What the Tocsin of a host with Debian measures."},
}

// machine is what the collectors of one machine share.
type machine struct {
	cfg Config
	log *slog.Logger
}

// New returns the collectors of this machine that the configuration chooses.
// It is one that SetDefaults has filled and Validate has found nothing wrong
// with.
func New(cfg Config, log *slog.Logger) []frame.Entry {
	m := &machine{cfg: cfg, log: log}
	var chosen []frame.Entry
	for _, k := range known {
		if cfg.Collectors.Chooses(k.name, bool(k.standing)) {
			chosen = append(chosen, frame.Entry{Collector: k.make(m), Every: k.every})
		}
	}
	return chosen
}
