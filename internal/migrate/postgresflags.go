package migrate

import (
	"slices"
	"strings"

	"tocsin/exporters/postgres"
)

// olderCollectors are names that postgres_exporter's collectors once had.
//
// Source: postgres_exporter, CHANGELOG.md, 0.11 to 0.13.
var olderCollectors = map[string]string{"bgwriter": "stat_bgwriter", "replication_slot": "replication_slots"}

// collector notes which collector a flag turns on or off, as --no-collector.wal.
// It tells whether the flag is one of those.
func (p *postgresExporter) collector(place, flag string) bool {
	flag, value, _ := strings.Cut(flag, "=")
	name, off := strings.CutPrefix(flag, "no-")
	off = off != (value == "false")
	if name == "disable-settings-metrics" { // before 0.16
		name, off = "collector.settings", !off
		if !off {
			return true
		}
	}
	name, ok := strings.CutPrefix(name, "collector.")
	if !ok || strings.Contains(name, ".") {
		return false
	}
	if newer := olderCollectors[name]; newer != "" {
		name = newer
	}
	switch {
	case !slices.Contains(postgres.Names(), name):
		if !off {
			p.losef(place, "--"+flag, "Tocsin has no collector of this name; docs/metrics.md has what it sends")
		}
	case off:
		p.off = append(p.off, name)
	default:
		p.on = append(p.on, name)
	}
	return true
}

// choose writes the collectors that do not run, or do, by themselves, to each
// server.
func (p *postgresExporter) choose() {
	choice := newMapping()
	for _, list := range []struct {
		key    string
		names  []string
		choose bool // what Tocsin does by itself, and need not be told
	}{{"on", p.on, true}, {"off", p.off, false}} {
		names := slices.DeleteFunc(slices.Clone(list.names), func(name string) bool { return postgres.ByDefault(name) == list.choose })
		slices.Sort(names)
		if names = slices.Compact(names); len(names) > 0 {
			choice.set(list.key, names)
		}
	}
	if choice.empty() {
		return
	}
	for _, server := range p.servers {
		server.set("collectors", choice.inline())
	}
}
