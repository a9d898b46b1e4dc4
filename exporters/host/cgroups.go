//go:build linux

package host

import (
	"context"
	"path/filepath"

	"tocsin/internal/frame"
)

var (
	cgroupsCgroups = &frame.Family{Name: "node_cgroups_cgroups", Labels: []string{"subsys_name"}, Help: "Control groups that use the controller."}
	cgroupsEnabled = &frame.Family{Name: "node_cgroups_enabled", Labels: []string{"subsys_name"}, Help: "Whether the kernel has the controller on."}
)

// controllers is the collector cgroups (cgroups(7), /proc/cgroups).
type controllers struct{ roots *roots }

func newControllers(r *roots) *controllers { return &controllers{roots: r} }

// Name implements frame.Collector.
func (c *controllers) Name() string { return "cgroups" }

// Families implements frame.Collector.
func (c *controllers) Families() []*frame.Family {
	return []*frame.Family{cgroupsCgroups, cgroupsEnabled}
}

// Collect implements frame.Collector.
func (c *controllers) Collect(_ context.Context, s *frame.Sink) error {
	return c.roots.lines(filepath.Join(c.roots.proc, "cgroups"), func(line []byte) bool {
		if line[0] == '#' {
			return true
		}
		name, rest := nextField(line)
		_, rest = nextField(rest) // hierarchy
		count, rest := nextField(rest)
		enabled, _ := nextField(rest)
		n, ok := number(count)
		on, ok2 := number(enabled)
		if !ok || !ok2 {
			return false
		}
		s.Send(cgroupsCgroups, float64(n), valid(string(name)))
		s.Send(cgroupsEnabled, float64(on), valid(string(name)))
		return true
	})
}
