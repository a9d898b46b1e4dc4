//go:build linux

package host

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"tocsin/internal/frame"
)

var (
	mdState    = &frame.Family{Name: "node_md_state", Labels: []string{"device", "state"}, Help: "What the array does: 1 for that, 0 for the others."}
	mdDisks    = &frame.Family{Name: "node_md_disks", Labels: []string{"device", "state"}, Help: "Disks of the array that are active, failed and spare."}
	mdRequired = mdGauge("disks_required", "Disks that the array needs to be whole.")
	mdBlocks   = mdGauge("blocks", "Size of the array, in blocks of 1 KiB.")
	mdSynced   = mdGauge("blocks_synced", "Blocks of the array that are in step on all disks.")
	mdDegraded = mdGauge("degraded", "Disks that the array lacks.")
	mdRaid     = mdGauge("raid_disks", "Disks that the array is made of.")
)

func mdGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_md_" + name, Labels: []string{"device"}, Help: help}
}

// mdStates are the values of the label state, with the words of array.state.
var mdStates = []struct{ label, state string }{
	{"active", "active"},
	{"inactive", "inactive"},
	{"recovering", "recovering"},
	{"resync", "resyncing"},
	{"check", "checking"},
}

// mdadm is the collector mdadm.
type mdadm struct{ roots *roots }

func newMdadm(r *roots) *mdadm { return &mdadm{roots: r} }

// Name implements frame.Collector.
func (c *mdadm) Name() string { return "mdadm" }

// Families implements frame.Collector.
func (c *mdadm) Families() []*frame.Family {
	return []*frame.Family{mdState, mdDisks, mdRequired, mdBlocks, mdSynced, mdDegraded, mdRaid}
}

// Collect implements frame.Collector.
func (c *mdadm) Collect(ctx context.Context, s *frame.Sink) error {
	arrays, err := c.roots.readArrays()
	if errors.Is(err, fs.ErrNotExist) {
		return frame.ErrNoData // the kernel has no software RAID
	}
	for i := range arrays {
		sendArray(s, &arrays[i])
	}
	err2 := c.roots.devices(ctx, "block", "md", func(device string, a *attributes) { sendRaid(s, a, device) })
	if errors.Is(err2, frame.ErrNoData) {
		err2 = nil
	}
	return errors.Join(err, err2)
}

func sendArray(s *frame.Sink, a *array) {
	for _, one := range mdStates {
		s.Send(mdState, truth(a.state == one.state), a.name, one.label)
	}
	s.Send(mdDisks, float64(a.active), a.name, "active")
	s.Send(mdDisks, float64(a.failed), a.name, "failed")
	s.Send(mdDisks, float64(a.spare), a.name, "spare")
	s.Send(mdRequired, float64(a.required), a.name)
	s.Send(mdBlocks, float64(a.blocks), a.name)
	s.Send(mdSynced, float64(a.synced), a.name)
}

// sendRaid sends what /sys has of an array (Documentation/admin-guide/md.rst
// of the kernel).
func sendRaid(s *frame.Sink, a *attributes, device string) {
	level := a.text("md/level")
	if level == "" {
		return // no array, or one that is being taken apart
	}
	if !slices.Contains([]string{"container", "imsm", "ddf"}, level) {
		// While it is reshaped the number before follows in brackets.
		disks, _ := nextField(a.value("md/raid_disks"))
		if n, ok := number(disks); ok {
			s.Send(mdRaid, float64(n), device)
		} else if len(disks) > 0 {
			a.errs = append(a.errs, malformed(a.folder.path+"/md/raid_disks", disks))
		}
	}
	if !slices.Contains([]string{"raid1", "raid4", "raid5", "raid6", "raid10"}, level) {
		s.Send(mdDegraded, 0, device) // what has no disk to spare works or does not
		return
	}
	if n, ok := a.number("md/degraded"); ok {
		s.Send(mdDegraded, float64(n), device)
	}
}
