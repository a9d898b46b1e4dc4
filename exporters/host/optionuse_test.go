//go:build linux

package host

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/problem"
)

func TestConfig_anOptionWhoseCollectorIsOff(t *testing.T) {
	problems := func(cfg Config) []problem.Problem {
		cfg.SetDefaults()
		p := problem.New()
		cfg.Validate(p)
		return p.All()
	}
	options := Config{StatSoftirqs: true, CPU: CPU{Bugs: Filter{Include: "mds"}}, Sysctl: Sysctl{Numbers: []string{"kernel.pid_max"}}, Systemd: Systemd{Tasks: true}, Firewall: required}
	for name, test := range map[string]struct {
		choice Selection
		want   []problem.Problem
	}{
		"all run": {Selection{On: []string{"sysctl", "systemd"}}, nil},
		"on demand": {Selection{Off: []string{"cpu"}}, []problem.Problem{
			{Path: "cpu", Text: "the collector cpu, which it is for, does not run; strike it from collectors.off, or leave this out"},
			{Path: "sysctl", Text: "the collector sysctl, which it is for, does not run; add it to collectors.on, or leave this out"},
			{Path: "systemd.tasks", Text: "the collector systemd, which it is for, does not run; add it to collectors.on, or leave this out"},
		}},
		"a few alone": {Selection{Only: []string{"cpu", "sysctl", "systemd", "firewall"}}, []problem.Problem{
			{Path: "stat_softirqs", Text: "the collector stat, which it is for, does not run; add it to collectors.only, or leave this out"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := options
			cfg.Collectors = test.choice
			if diff := cmp.Diff(test.want, problems(cfg)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
