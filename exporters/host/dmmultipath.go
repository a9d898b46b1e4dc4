//go:build linux

package host

import (
	"context"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

var (
	multipathInfo = &frame.Family{
		Name: "node_dmmultipath_device_info", Labels: []string{"device", "sysfs_name", "uuid"},
		Help: "The multipath device; always 1.",
	}
	multipathPathState = &frame.Family{
		Name: "node_dmmultipath_path_state", Labels: []string{"device", "path", "state"},
		Help: "How the disk behind a path says that it is; always 1.",
	}
	multipathActive      = multipathGauge("active", "Whether the multipath device works (1) or is suspended (0).")
	multipathSize        = multipathGauge("size_bytes", "Size of the multipath device.")
	multipathPaths       = multipathGauge("paths", "Paths to the disk.")
	multipathPathsActive = multipathGauge("paths_active", "Paths whose disk says running or live.")
	multipathPathsFailed = multipathGauge("paths_failed", "Paths whose disk says anything else.")
)

func multipathGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_dmmultipath_device_" + name, Labels: []string{"device", "sysfs_name"}, Help: help}
}

// dmMultipath is the collector dmmultipath. It tells how the disks behind the
// paths stand (device/state), not what multipathd thinks of the paths.
type dmMultipath struct{ roots *roots }

func newDMMultipath(r *roots) *dmMultipath { return &dmMultipath{roots: r} }

// Name implements frame.Collector.
func (c *dmMultipath) Name() string { return "dmmultipath" }

// Families implements frame.Collector.
func (c *dmMultipath) Families() []*frame.Family {
	return []*frame.Family{
		multipathInfo, multipathPathState, multipathActive, multipathSize, multipathPaths, multipathPathsActive, multipathPathsFailed,
	}
}

// Collect implements frame.Collector.
func (c *dmMultipath) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "block", "dm-", func(block string, a *attributes) {
		// As drivers/md/dm-uevent and multipath-tools write it.
		uuid := a.text("dm/uuid")
		if !strings.HasPrefix(uuid, "mpath-") {
			return
		}
		device := a.text("dm/name")
		s.Send(multipathInfo, 1, device, block, uuid)
		if suspended, ok := a.number("dm/suspended"); ok {
			s.Send(multipathActive, truth(suspended != 1), device, block)
		}
		if sectors, ok := a.number("size"); ok {
			s.Send(multipathSize, float64(sectors)*diskSector, device, block)
		}
		disks, err := list(filepath.Join(a.folder.path, "slaves"))
		if err != nil {
			a.errs = append(a.errs, optional("paths of "+block, err))
			return
		}
		active := 0
		for _, disk := range disks {
			state := a.text(filepath.Join("slaves", disk, "device/state"))
			if state == "running" || state == "live" { // SCSI; NVMe
				active++
			}
			s.Send(multipathPathState, 1, device, disk, state)
		}
		s.Send(multipathPaths, float64(len(disks)), device, block)
		s.Send(multipathPathsActive, float64(active), device, block)
		s.Send(multipathPathsFailed, float64(len(disks)-active), device, block)
	})
}
