//go:build linux

package host

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
)

func TestConfig_defaultsAreNodeExportersAndValid(t *testing.T) {
	var cfg Config
	cfg.SetDefaults()
	p := problem.New()
	cfg.Validate(p)
	if all := p.All(); len(all) > 0 {
		t.Errorf("the defaults are wrong: %v", all)
	}
	points, types, disks := newFilter(cfg.MountPoints, discard()), newFilter(cfg.FilesystemTypes, discard()), newFilter(cfg.Disks, discard())
	for name, tc := range map[string]struct {
		f    *filter
		want bool
	}{
		"/": {points, true}, "/home": {points, true}, "/dev/shm": {points, false}, "/proc": {points, false}, "/process": {points, true},
		"/run": {points, true}, "/run/credentials/x": {points, false}, "/var/lib/docker/overlay2/x": {points, false}, "/var/lib/docker": {points, true},
		"ext4": {types, true}, "tmpfs": {types, true}, "nfs4": {types, true}, "overlay": {types, false}, "cgroup2": {types, false}, "fuse.sshfs": {types, true},
		"sda": {disks, true}, "sda1": {disks, false}, "nvme0n1": {disks, true}, "nvme0n1p1": {disks, false}, "loop7": {disks, false}, "dm-0": {disks, true}, "zram0": {disks, false},
	} {
		for range 2 { // the second answer is the remembered one
			if got := tc.f.watches([]byte(name)); got != tc.want {
				t.Errorf("%s is watched: %v, want %v", name, got, tc.want)
			}
		}
	}
}

func TestConfig_whatIsSetStays(t *testing.T) {
	var cfg Config
	text := "proc: /host/proc\nfilesystem_types: {include: ^ext4$}\ndisks: {exclude: ^$}\ninterfaces: {include: eth, exclude: \"1$\"}\n"
	if err := yaml.Unmarshal([]byte(text), &cfg); err != nil {
		t.Fatal(err)
	}
	cfg.SetDefaults()
	want := Config{
		Proc: "/host/proc", Sys: "/sys", Root: "/",
		MountPoints:     Filter{Exclude: excludedMountPoints},
		VMStatFields:    Filter{Include: includedFields},
		FilesystemTypes: Filter{Include: "^ext4$"},
		Disks:           Filter{Exclude: "^$"},
		Interfaces:      Filter{Include: "eth", Exclude: "1$"},
		Systemd:         Systemd{Units: Filter{Exclude: excludedUnits}},
		NetstatFields:   Filter{Include: includedNetstat},
	}
	if diff := cmp.Diff(want, cfg); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f := newFilter(cfg.Interfaces, discard())
	for name, want := range map[string]bool{"eth0": true, "eth1": false, "lo": false} {
		if f.watches([]byte(name)) != want {
			t.Errorf("%s is watched: %v", name, !want)
		}
	}
}

func TestConfig_problems(t *testing.T) {
	cfg := Config{
		Proc: "host/proc", Disks: Filter{Include: "sd[a", Exclude: "*"},
		Chips: Filter{Include: "+"}, Sensors: Filter{Exclude: "+"}, PowerSupplies: Filter{Exclude: "+"}, Tapes: Filter{Include: "+"},
	}
	cfg.SetDefaults()
	p := problem.New()
	cfg.Validate(p.At("host"))
	want := []problem.Problem{
		{Path: "host.proc", Text: `"host/proc" is no absolute path; write one that begins with /, as /host/proc`},
		{Path: "host.disks.include", Text: "error parsing regexp: missing closing ]: `[a`; write a regular expression in RE2's syntax, as ^(lo|docker[0-9]+)$"},
		{Path: "host.disks.exclude", Text: "error parsing regexp: missing argument to repetition operator: `*`; write a regular expression in RE2's syntax, as ^(lo|docker[0-9]+)$"},
		{Path: "host.chips.include", Text: "error parsing regexp: missing argument to repetition operator: `+`; write a regular expression in RE2's syntax, as ^(lo|docker[0-9]+)$"},
		{Path: "host.sensors.exclude", Text: "error parsing regexp: missing argument to repetition operator: `+`; write a regular expression in RE2's syntax, as ^(lo|docker[0-9]+)$"},
		{Path: "host.power_supplies.exclude", Text: "error parsing regexp: missing argument to repetition operator: `+`; write a regular expression in RE2's syntax, as ^(lo|docker[0-9]+)$"},
		{Path: "host.tapes.include", Text: "error parsing regexp: missing argument to repetition operator: `+`; write a regular expression in RE2's syntax, as ^(lo|docker[0-9]+)$"},
	}
	if diff := cmp.Diff(want, p.All()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSelection_chooses(t *testing.T) {
	for _, tc := range []struct {
		s    Selection
		want map[string]bool
	}{
		{Selection{}, map[string]bool{"cpu": true, "slabinfo": false}},
		{Selection{On: []string{"slabinfo"}, Off: []string{"cpu"}}, map[string]bool{"cpu": false, "slabinfo": true, "stat": true}},
		{Selection{Only: []string{"slabinfo"}}, map[string]bool{"cpu": false, "slabinfo": true, "stat": false}},
	} {
		for name, want := range tc.want {
			by := byDefault
			if name == "slabinfo" {
				by = onDemand
			}
			if got := tc.s.Chooses(name, bool(by)); got != want {
				t.Errorf("%+v chooses %s: %v, want %v", tc.s, name, got, want)
			}
		}
	}
}

func TestSelection_problems(t *testing.T) {
	var cfg Config
	cfg.Collectors = Selection{Only: []string{"cpu"}, On: []string{"stat", "diskstat"}, Off: []string{"stat", "nonsense"}}
	cfg.SetDefaults()
	p := problem.New()
	cfg.Validate(p.At("host"))
	want := []problem.Problem{
		{Path: "host.collectors.on[1]", Text: "no collector is called diskstat; did you mean diskstats?"},
		{Path: "host.collectors.off[1]", Text: "no collector is called nonsense; there are " + strings.Join(Names(), ", ")},
		{Path: "host.collectors", Text: "only stands alone: with it nothing else is on, and nothing is left to be put off"},
		{Path: "host.collectors", Text: "stat is both on and off; strike it from one list"},
	}
	if diff := cmp.Diff(want, p.All()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFilter_aBadExpressionLeavesAllWatched(t *testing.T) {
	var log strings.Builder
	f := newFilter(Filter{Exclude: "("}, slog.New(slog.NewTextHandler(&log, nil)))
	if !f.watches([]byte("sda")) || !strings.Contains(log.String(), "filter was left out") {
		t.Errorf("watched: %v; log: %s", f.watches([]byte("sda")), log.String())
	}
}

func TestFilter_remembersABoundedNumber(t *testing.T) {
	f := newFilter(Filter{Exclude: "7$"}, discard())
	name := make([]byte, 0, 8)
	for i := range 3 * maxDecisions {
		name = append(name[:0], "veth"...)
		for n := i; n > 0; n /= 10 {
			name = append(name, byte('0'+n%10))
		}
		if got := f.watches(name); got == (name[len(name)-1] == '7') {
			t.Fatalf("%s is watched: %v", name, got)
		}
	}
	if len(f.decided) > maxDecisions {
		t.Errorf("%d decisions are remembered", len(f.decided))
	}
}
