//go:build linux

package host

import (
	"context"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

var vulnerabilityInfo = &frame.Family{
	Name: "node_cpu_vulnerabilities_info", Labels: []string{"codename", "state", "mitigation"},
	Help: "How the CPU stands to a known vulnerability, in the kernel's words; always 1.",
}

// vulnerabilities is the collector cpu_vulnerabilities
// (Documentation/ABI/testing/sysfs-devices-system-cpu): a file for each, whose
// first words are its state.
type vulnerabilities struct{ roots *roots }

func newVulnerabilities(r *roots) *vulnerabilities { return &vulnerabilities{roots: r} }

// Name implements frame.Collector.
func (c *vulnerabilities) Name() string { return "cpu_vulnerabilities" }

// Families implements frame.Collector.
func (c *vulnerabilities) Families() []*frame.Family { return []*frame.Family{vulnerabilityInfo} }

// Collect implements frame.Collector.
func (c *vulnerabilities) Collect(_ context.Context, s *frame.Sink) error {
	path := filepath.Join(c.roots.sys, "devices/system/cpu/vulnerabilities")
	names, err := list(path)
	if missing(err) {
		return frame.ErrNoData
	}
	if err != nil {
		return err
	}
	return within(path, func(a *attributes) {
		for _, name := range names {
			if text := a.text(name); text != "" {
				state, rest := vulnerability(text)
				s.Send(vulnerabilityInfo, 1, valid(name), state, rest)
			}
		}
	})
}

// vulnerability tells the state apart from what is said of it.
func vulnerability(text string) (state, rest string) {
	lower := strings.ToLower(text)
	if strings.HasPrefix(lower, "not affected") {
		return "not affected", ""
	}
	for _, state := range []string{"vulnerable", "mitigation", "unknown"} {
		if strings.HasPrefix(lower, state) {
			return state, strings.Join(strings.Fields(text)[1:], " ")
		}
	}
	return "unknown", text
}
