//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

var (
	btrfsInfo   = &frame.Family{Name: "node_btrfs_info", Labels: []string{"uuid", "label"}, Help: "The Btrfs file system and its label; always 1."}
	btrfsGlobal = []numberFile{
		{"allocation/global_rsv_size", &frame.Family{Name: "node_btrfs_global_rsv_size_bytes", Labels: []string{"uuid"}, Help: "Space that Btrfs keeps for itself, for when the disk is full."}, 1},
	}
	btrfsReserved = &frame.Family{Name: "node_btrfs_reserved_bytes", Labels: []string{"uuid", "block_group_type"}, Help: "Space set aside for writes under way."}
	btrfsUsed     = btrfsLayout("used_bytes", "Space in use.")
	btrfsSize     = btrfsLayout("size_bytes", "Space allocated.")
	btrfsRatio    = btrfsLayout("allocation_ratio", "How many bytes of disk a byte of data takes.")
)

// btrfsCommits are the lines of the file commit_stats.
var btrfsCommits = []numberFile{
	{"commits", &frame.Family{Name: "node_btrfs_commits_total", Type: frame.Counter, Labels: []string{"uuid"}, Help: "Commits since the file system was mounted."}, 1},
	{"last_commit_ms", &frame.Family{Name: "node_btrfs_last_commit_seconds", Labels: []string{"uuid"}, Help: "How long the newest commit took."}, 1000},
	{"max_commit_ms", &frame.Family{Name: "node_btrfs_max_commit_seconds", Labels: []string{"uuid"}, Help: "How long the longest commit took."}, 1000},
	{"total_commit_ms", &frame.Family{Name: "node_btrfs_commit_seconds_total", Type: frame.Counter, Labels: []string{"uuid"}, Help: "How long all commits took together."}, 1000},
}

func btrfsLayout(name, help string) *frame.Family {
	return &frame.Family{Name: "node_btrfs_" + name, Labels: []string{"uuid", "block_group_type", "mode"}, Help: help}
}

// btrfs is the collector btrfs: what /sys/fs/btrfs has
// (Documentation/ch-sysfs.rst of btrfs-progs), and of each device what the
// kernel tells to who may open the file system.
type btrfs struct {
	roots *roots
	ask   btrfsFunc
}

func newBtrfs(r *roots, ask btrfsFunc) *btrfs { return &btrfs{roots: r, ask: ask} }

// Name implements frame.Collector.
func (c *btrfs) Name() string { return "btrfs" }

// Families implements frame.Collector.
func (c *btrfs) Families() []*frame.Family {
	families := append(familiesOf(btrfsGlobal, btrfsCommits), btrfsInfo, btrfsReserved, btrfsUsed, btrfsSize, btrfsRatio)
	return append(families, btrfsDeviceFamilies()...)
}

// Collect implements frame.Collector.
func (c *btrfs) Collect(ctx context.Context, s *frame.Sink) error {
	var asked map[string][]btrfsDevice
	seen := map[string]bool{}
	return c.roots.devices(ctx, "fs/btrfs", "", func(folder string, a *attributes) {
		if !strings.Contains(folder, "-") {
			return // features
		}
		if asked == nil {
			asked = c.askAll(ctx)
		}
		uuid := a.text("metadata_uuid")
		if uuid == "" || seen[uuid] { // a copy that was given another id has the same inside
			uuid = folder
		}
		seen[uuid] = true
		s.Send(btrfsInfo, 1, uuid, a.text("label"))
		a.send(s, btrfsGlobal, uuid)
		c.commits(s, a, uuid)
		disks, err := list(filepath.Join(a.folder.path, "devices"))
		if err != nil {
			a.errs = append(a.errs, optional("devices", err))
		}
		for _, group := range []string{"data", "metadata", "system"} {
			btrfsGroup(s, a, uuid, group, len(disks))
		}
		if devices := asked[strings.ReplaceAll(folder, "-", "")]; devices != nil {
			sendBtrfsDevices(s, uuid, devices)
			return
		}
		for _, disk := range disks {
			sectors, ok := a.number(filepath.Join("devices", disk, "size"))
			switch {
			case !ok:
			case len(asked) > 0: // a family has one set of labels
				s.Send(btrfsDeviceSize, float64(sectors)*diskSector, uuid, valid(disk), "")
			default:
				s.Send(btrfsDeviceSizeOnly, float64(sectors)*diskSector, uuid, valid(disk))
			}
		}
	})
}

// commits sends the file commit_stats, which Linux has since 6.0.
func (c *btrfs) commits(s *frame.Sink, a *attributes, uuid string) {
	path := filepath.Join(a.folder.path, "commit_stats")
	err := c.roots.read(path, func(content []byte) error {
		var errs []error
		for line := range bytes.Lines(content) {
			word, rest := nextField(bytes.TrimRight(line, "\n"))
			n, ok := number(bytes.TrimSpace(rest))
			if !ok {
				errs = append(errs, malformed(path, line))
				continue
			}
			for _, f := range btrfsCommits {
				if string(word) == f.file {
					s.Send(f.family, float64(n)/f.per, uuid)
				}
			}
		}
		return errors.Join(errs...)
	})
	if !missing(err) {
		a.errs = append(a.errs, err)
	}
}

// btrfsGroup sends what one kind of block groups takes, by the way in which
// it lies on the disks.
func btrfsGroup(s *frame.Sink, a *attributes, uuid, group string, disks int) {
	folder := filepath.Join("allocation", group)
	if n, ok := a.number(filepath.Join(folder, "bytes_reserved")); ok {
		s.Send(btrfsReserved, float64(n), uuid, group)
	}
	modes, err := list(filepath.Join(a.folder.path, folder))
	if err != nil {
		a.errs = append(a.errs, optional(folder, err))
	}
	for _, mode := range modes {
		ratio := allocationRatio(mode, float64(disks))
		if ratio == 0 {
			continue // one of the files beside the modes
		}
		s.Send(btrfsRatio, ratio, uuid, group, mode)
		if size, ok := a.number(filepath.Join(folder, mode, "total_bytes")); ok {
			s.Send(btrfsSize, float64(size), uuid, group, mode)
		}
		if used, ok := a.number(filepath.Join(folder, mode, "used_bytes")); ok {
			s.Send(btrfsUsed, float64(used), uuid, group, mode)
		}
	}
}

// allocationRatio is what a byte takes on all disks together, by the modes of
// btrfs_raid_array in fs/btrfs/volumes.c of the kernel; 0 for any other.
func allocationRatio(mode string, disks float64) float64 {
	switch mode {
	case "single", "raid0":
		return 1
	case "dup", "raid1", "raid10":
		return 2
	case "raid1c3":
		return 3
	case "raid1c4":
		return 4
	case "raid5":
		return disks / (disks - 1)
	case "raid6":
		return disks / (disks - 2)
	default:
		return 0
	}
}

// askAll asks each Btrfs that is mounted once for its devices. One that does
// not answer (a mount that only root may open) has none.
func (c *btrfs) askAll(ctx context.Context) map[string][]btrfsDevice {
	found := map[string][]btrfsDevice{}
	sources := map[string]bool{}
	use := func(content []byte) error {
		for line := range bytes.Lines(content) {
			raw, ok := splitMount(line)
			if !ok || string(raw.kind) != "btrfs" || sources[string(raw.source)] || ctx.Err() != nil {
				continue
			}
			m, ok := raw.decode(c.roots.root)
			if !ok {
				continue
			}
			if id, devices, err := c.ask(m.path); err == nil {
				sources[string(raw.source)] = true
				found[id] = devices
			}
		}
		return nil
	}
	err := c.roots.read(filepath.Join(c.roots.proc, "1/mountinfo"), use)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		err = c.roots.read(filepath.Join(c.roots.proc, "self/mountinfo"), use)
	}
	if err != nil {
		return nil // the collector filesystem says why
	}
	return found
}
