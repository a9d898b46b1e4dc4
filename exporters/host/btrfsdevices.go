//go:build linux

package host

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var (
	btrfsDeviceSize   = btrfsDeviceGauge("size_bytes", "Size of a device of the file system.")
	btrfsDeviceUnused = btrfsDeviceGauge("unused_bytes", "Space of a device of the file system that nothing is allocated on.")
	btrfsDeviceErrors = &frame.Family{
		Name: "node_btrfs_device_errors_total", Type: frame.Counter, Labels: []string{"uuid", "type", "device", "btrfs_dev_uuid"},
		Help: "Errors of a device of the file system, kept over reboots until btrfs device stats -z.",
	}
	// btrfsDeviceSizeOnly is the same where the kernel was not asked.
	btrfsDeviceSizeOnly = &frame.Family{Name: btrfsDeviceSize.Name, Labels: []string{"uuid", "device"}, Help: btrfsDeviceSize.Help}
)

func btrfsDeviceGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_btrfs_device_" + name, Labels: []string{"uuid", "device", "btrfs_dev_uuid"}, Help: help}
}

func btrfsDeviceFamilies() []*frame.Family {
	return []*frame.Family{btrfsDeviceSize, btrfsDeviceUnused, btrfsDeviceErrors}
}

// btrfsErrors are the values of the label type, in the kernel's order
// (enum btrfs_dev_stat_values in linux/btrfs.h).
var btrfsErrors = [5]string{"write", "read", "flush", "corruption", "generation"}

// btrfsDevice is one device of a Btrfs file system.
type btrfsDevice struct {
	path, uuid  string
	size, used  uint64 // bytes
	errorCounts [5]uint64
}

func sendBtrfsDevices(s *frame.Sink, uuid string, devices []btrfsDevice) {
	for i := range devices {
		d := &devices[i]
		device := valid(filepath.Base(d.path))
		s.Send(btrfsDeviceSize, float64(d.size), uuid, device, d.uuid)
		s.Send(btrfsDeviceUnused, float64(d.size-min(d.used, d.size)), uuid, device, d.uuid)
		for i, kind := range btrfsErrors {
			s.Send(btrfsDeviceErrors, float64(d.errorCounts[i]), uuid, kind, device, d.uuid)
		}
	}
}

// btrfsFunc asks for the devices of the Btrfs that is mounted at a path, and
// its id in hexadecimal.
type btrfsFunc func(path string) (id string, devices []btrfsDevice, err error)

// The requests of linux/btrfs.h that only read, and the sizes of what they
// fill; both are the same on all machines that Tocsin is built for.
const (
	btrfsFSInfo, btrfsFSInfoSize     = 0x8400941f, 1024 // BTRFS_IOC_FS_INFO
	btrfsDevInfo, btrfsDevInfoSize   = 0xd000941e, 4096 // BTRFS_IOC_DEV_INFO
	btrfsDevStats, btrfsDevStatsSize = 0xc4089434, 1032 // BTRFS_IOC_GET_DEV_STATS
)

// maxBtrfsDevices bounds how many device ids are asked for: they are never
// used again after a device was removed.
const maxBtrfsDevices = 4096

// askBtrfs asks the kernel.
func askBtrfs(path string) (id string, devices []btrfsDevice, err error) {
	fd, err := open(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return "", nil, err
	}
	defer shut(fd)
	var info [btrfsFSInfoSize]byte
	if err := ioctl(fd, btrfsFSInfo, info[:]); err != nil {
		return "", nil, err
	}
	highest, count := binary.NativeEndian.Uint64(info[0:]), binary.NativeEndian.Uint64(info[8:])
	for n := uint64(0); n <= min(highest, maxBtrfsDevices) && uint64(len(devices)) < count; n++ {
		d, err := btrfsOne(fd, n)
		if errors.Is(err, unix.ENODEV) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		devices = append(devices, d)
	}
	return hex.EncodeToString(info[16:32]), devices, nil
}

func btrfsOne(fd int, id uint64) (btrfsDevice, error) {
	var info [btrfsDevInfoSize]byte
	binary.NativeEndian.PutUint64(info[0:], id)
	if err := ioctl(fd, btrfsDevInfo, info[:]); err != nil {
		return btrfsDevice{}, err
	}
	d := btrfsDevice{
		path: unix.ByteSliceToString(info[3072:]),
		uuid: uuidText(info[8:24]),
		used: binary.NativeEndian.Uint64(info[24:]),
		size: binary.NativeEndian.Uint64(info[32:]),
	}
	var stats [btrfsDevStatsSize]byte
	binary.NativeEndian.PutUint64(stats[0:], id)
	binary.NativeEndian.PutUint64(stats[8:], uint64(len(d.errorCounts)))
	if err := ioctl(fd, btrfsDevStats, stats[:]); err != nil {
		return btrfsDevice{}, err
	}
	for i := range d.errorCounts {
		d.errorCounts[i] = binary.NativeEndian.Uint64(stats[24+8*i:])
	}
	return d, nil
}

// uuidText writes a UUID with its four dashes.
func uuidText(b []byte) string {
	text := hex.EncodeToString(b)
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// ioctl makes a request that fills the buffer.
func ioctl(fd int, request uintptr, buffer []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&buffer[0])))
	if errno != 0 {
		return errno
	}
	return nil
}
