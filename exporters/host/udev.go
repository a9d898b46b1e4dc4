//go:build linux

package host

import (
	"bytes"
	"path/filepath"
	"strconv"

	"tocsin/internal/frame"
)

var (
	diskInfo = &frame.Family{
		Name:   "node_disk_info",
		Labels: []string{"device", "major", "minor", "path", "wwn", "model", "serial", "revision", "rotational"},
		Help:   "What udev knows of the disk; always 1.",
	}
	diskFilesystemInfo = &frame.Family{
		Name: "node_disk_filesystem_info", Labels: []string{"device", "type", "usage", "uuid", "version"},
		Help: "What udev found on the disk; always 1.",
	}
	diskMapperInfo = &frame.Family{
		Name: "node_disk_device_mapper_info", Labels: []string{"device", "name", "uuid", "vg_name", "lv_name", "lv_layer"},
		Help: "What udev knows of the device mapper's device; always 1.",
	}
	diskWriteCache = &frame.Family{
		Name: "node_disk_ata_write_cache", Labels: []string{"device"}, Help: "Whether the disk has a cache for writes.",
	}
	diskWriteCacheEnabled = &frame.Family{
		Name: "node_disk_ata_write_cache_enabled", Labels: []string{"device"}, Help: "Whether the disk uses its cache for writes.",
	}
	diskRotationRate = &frame.Family{
		Name: "node_disk_ata_rotation_rate_rpm", Labels: []string{"device"}, Help: "Turns a minute; 0 for a disk that does not turn.",
	}
)

func diskInfoFamilies() []*frame.Family {
	return []*frame.Family{diskInfo, diskFilesystemInfo, diskMapperInfo, diskWriteCache, diskWriteCacheEnabled, diskRotationRate}
}

// udev reads what udev noted of a disk, a file a disk. A machine without udev
// (a container, most often) has disks without properties.
type udev struct{ roots *roots }

// properties are udev's, by name: ID_MODEL, DM_NAME, ...
type properties map[string]string

func (u udev) properties(major, minor uint32) properties {
	var p properties
	name := "b" + strconv.FormatUint(uint64(major), 10) + ":" + strconv.FormatUint(uint64(minor), 10)
	_ = u.roots.read(filepath.Join(u.roots.udev, name), func(content []byte) error { // no udev, no properties
		for line := range bytes.Lines(content) {
			property, is := bytes.CutPrefix(line, []byte("E:"))
			key, value, ok := bytes.Cut(bytes.TrimRight(property, "\r\n"), []byte("="))
			if !is || !ok || !wanted(key) {
				continue
			}
			if p == nil {
				p = properties{}
			}
			p[string(key)] = valid(string(value))
		}
		return nil
	})
	return p
}

// wanted spares strings for the many properties that nobody asks for.
func wanted(key []byte) bool {
	return bytes.HasPrefix(key, []byte("ID_")) || bytes.HasPrefix(key, []byte("DM_")) || string(key) == "SCSI_IDENT_SERIAL"
}

func (u udev) send(s *frame.Sink, device string, major, minor uint32, rotational string) {
	p := u.properties(major, minor)
	s.Send(diskInfo, 1, device, strconv.FormatUint(uint64(major), 10), strconv.FormatUint(uint64(minor), 10),
		p["ID_PATH"], p["ID_WWN"], p["ID_MODEL"], p.serial(), p["ID_REVISION"], rotational)
	if kind := p["ID_FS_TYPE"]; kind != "" {
		s.Send(diskFilesystemInfo, 1, device, kind, p["ID_FS_USAGE"], p["ID_FS_UUID"], p["ID_FS_VERSION"])
	}
	if name := p["DM_NAME"]; name != "" {
		s.Send(diskMapperInfo, 1, device, name, p["DM_UUID"], p["DM_VG_NAME"], p["DM_LV_NAME"], p["DM_LV_LAYER"])
	}
	if p["ID_ATA"] == "" {
		return
	}
	for key, family := range map[string]*frame.Family{
		"ID_ATA_WRITE_CACHE":         diskWriteCache,
		"ID_ATA_WRITE_CACHE_ENABLED": diskWriteCacheEnabled,
		"ID_ATA_ROTATION_RATE_RPM":   diskRotationRate,
	} {
		if value, err := strconv.ParseFloat(p[key], 64); err == nil {
			s.Send(family, value, device)
		}
	}
}

// serial is the number that is printed on the disk, where udev knows it.
func (p properties) serial() string {
	for _, key := range []string{"SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"} {
		if p[key] != "" {
			return p[key]
		}
	}
	return ""
}
