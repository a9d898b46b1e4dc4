//go:build linux

package host

import (
	"context"
	"path/filepath"
	"slices"

	"tocsin/internal/frame"
)

var (
	subsystemInfo = &frame.Family{
		Name: "node_nvmesubsystem_info", Labels: []string{"subsystem", "nqn", "model", "serial", "iopolicy"},
		Help: "What the NVMe subsystem is, in words; always 1.",
	}
	subsystemNamespace = &frame.Family{
		Name: "node_nvmesubsystem_namespace_info", Labels: []string{"subsystem", "device"},
		Help: "The disks that the subsystem offers; always 1.",
	}
	subsystemPaths = &frame.Family{
		Name: "node_nvmesubsystem_paths", Labels: []string{"subsystem"}, Help: "Ways to the subsystem: its controllers.",
	}
	subsystemPathsLive = &frame.Family{
		Name: "node_nvmesubsystem_paths_live", Labels: []string{"subsystem"}, Help: "Ways to the subsystem that work.",
	}
	subsystemPathState = &frame.Family{
		Name: "node_nvmesubsystem_path_state", Labels: []string{"subsystem", "controller", "transport", "state"},
		Help: "How a way to the subsystem stands: 1 for the state that it is in.",
	}
)

// controllerStates are those that the kernel names (nvme_sysfs_show_state in
// drivers/nvme/host/sysfs.c), and what stands for any other.
var controllerStates = []string{"connecting", "dead", "deleting", "live", "new", "resetting", "unknown"}

// nvmeSubsystem is the collector nvmesubsystem.
type nvmeSubsystem struct{ roots *roots }

func newNVMeSubsystem(r *roots) *nvmeSubsystem { return &nvmeSubsystem{roots: r} }

// Name implements frame.Collector.
func (c *nvmeSubsystem) Name() string { return "nvmesubsystem" }

// Families implements frame.Collector.
func (c *nvmeSubsystem) Families() []*frame.Family {
	return []*frame.Family{subsystemInfo, subsystemNamespace, subsystemPaths, subsystemPathsLive, subsystemPathState}
}

// Collect implements frame.Collector.
func (c *nvmeSubsystem) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "class/nvme-subsystem", "nvme-subsys", func(subsystem string, a *attributes) {
		s.Send(subsystemInfo, 1, subsystem, a.text("subsysnqn"), a.text("model"), a.text("serial"), a.text("iopolicy"))
		names, err := a.folder.names()
		if err != nil {
			a.errs = append(a.errs, err)
			return
		}
		paths, live := 0, 0
		for _, name := range names {
			if _, ok := namespace(name); ok {
				s.Send(subsystemNamespace, 1, subsystem, name)
			}
			if _, ok := numbered(name, "nvme"); !ok {
				continue
			}
			paths++
			state := controllerState(a.text(filepath.Join(name, "state")))
			if state == "live" {
				live++
			}
			transport := a.text(filepath.Join(name, "transport"))
			for _, one := range controllerStates {
				s.Send(subsystemPathState, truth(one == state), subsystem, name, transport, one)
			}
		}
		s.Send(subsystemPaths, float64(paths), subsystem)
		s.Send(subsystemPathsLive, float64(live), subsystem)
	})
}

func controllerState(state string) string {
	if state == "deleting (no IO)" {
		return "deleting"
	}
	if !slices.Contains(controllerStates, state) {
		return "unknown"
	}
	return state
}

// truth is a condition as a sample has it.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
