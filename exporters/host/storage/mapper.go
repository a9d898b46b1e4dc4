//go:build linux

package storage

import (
	"errors"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

var (
	mountEncrypted = &frame.Family{
		Name: "tocsin_host_mount_encrypted", Labels: []string{"mountpoint"},
		Help: "Whether all disks below the file system are open crypt devices; what a disk or the file system encrypts by itself is not seen.",
	}
	thinPoolInfo = &frame.Family{
		Name: "tocsin_host_thin_pool_info", Labels: []string{"pool"},
		Help: "The thin pools of LVM; always 1. How full one is the kernel tells root alone, so it is not detected: lvs and dmsetup status say it.",
	}
)

// mapping is a device of the device mapper: its folder below /sys/block, its
// name and its UUID, whose beginning says what made it
// (Documentation/admin-guide/device-mapper and lib/libdevmapper.h of LVM).
type mapping struct{ folder, name, uuid string }

// crypt tells whether the mapping encrypts: LUKS, plain, BitLocker, ..., but
// not what cryptsetup only checks with.
func (m mapping) crypt() bool {
	return strings.HasPrefix(m.uuid, "CRYPT-") && !strings.HasPrefix(m.uuid, "CRYPT-VERITY-") && !strings.HasPrefix(m.uuid, "CRYPT-INTEGRITY-")
}

// mapped lists the device mapper's devices.
func (m *Machine) mapped() ([]mapping, error) {
	folders, err := list("dm-", m.Sys, "block")
	errs := []error{err}
	var all []mapping
	for _, folder := range folders {
		name, err := read(m.Sys, "block", folder, "dm/name")
		uuid, err2 := read(m.Sys, "block", folder, "dm/uuid")
		errs = append(errs, optional(err), optional(err2))
		if name != "" {
			all = append(all, mapping{folder: folder, name: name, uuid: uuid})
		}
	}
	return all, errors.Join(errs...)
}

// thinPools names the pools. LVM puts the pool itself below one or two devices
// of its own and marks it so.
func (c *Collector) thinPools(s *frame.Sink, mapped []mapping) {
	for _, m := range mapped {
		if strings.HasPrefix(m.uuid, "LVM-") && strings.HasSuffix(m.uuid, "-tpool") {
			s.Send(thinPoolInfo, 1, strings.TrimSuffix(m.name, "-tpool"))
		}
	}
}

// encrypted tells of each file system on a disk whether the disk is encrypted.
func (c *Collector) encrypted(s *frame.Sink, mounts []Mount, mapped []mapping) {
	told := map[string]bool{}
	for i := len(mounts) - 1; i >= 0; i-- { // of two at one point the later lies on top
		m := &mounts[i]
		if told[m.Point] {
			continue
		}
		told[m.Point] = true
		device, ok := c.device(m, mapped)
		if !ok {
			continue
		}
		if yes, known := throughCrypt(device, 0); known {
			s.Send(mountEncrypted, truth(yes), m.Point)
		}
	}
}

// device finds the folder of the block device below a mount. Btrfs has device
// numbers of its own: of several disks the one that it was mounted by stands
// for all.
func (c *Collector) device(m *Mount, mapped []mapping) (folder string, ok bool) {
	block := filepath.Join(c.machine.Sys, "dev/block", m.Major+":"+m.Minor)
	if m.Kind == "btrfs" {
		block = filepath.Join(c.machine.Sys, "class/block", filepath.Base(m.Source))
		for _, one := range mapped {
			if m.Source == "/dev/mapper/"+one.name {
				block = filepath.Join(c.machine.Sys, "class/block", one.folder)
			}
		}
	} else if m.Major == "0" {
		return "", false
	}
	folder, err := filepath.EvalSymlinks(block)
	return folder, err == nil
}

// maxDepth bounds how many devices may lie on top of each other.
const maxDepth = 16

// throughCrypt tells whether each way from a block device down to a disk leads
// through a crypt device. Below a loop device lies a file: that is not known.
func throughCrypt(folder string, depth int) (yes, known bool) {
	if depth > maxDepth {
		return false, false
	}
	uuid, _ := read(folder, "dm/uuid")
	if (mapping{uuid: uuid}).crypt() {
		return true, true
	}
	slaves, err := list("", folder, "slaves")
	if err != nil {
		return false, false
	}
	for _, slave := range slaves {
		below, err := filepath.EvalSymlinks(filepath.Join(folder, "slaves", slave))
		if err != nil {
			return false, false
		}
		if yes, known := throughCrypt(below, depth+1); !yes || !known {
			return false, known
		}
	}
	if len(slaves) > 0 {
		return true, true
	}
	if _, err := read(folder, "partition"); err == nil {
		return throughCrypt(filepath.Dir(folder), depth+1)
	}
	_, err = read(folder, "loop/backing_file")
	return false, err != nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
