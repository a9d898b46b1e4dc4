package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

var (
	filesystemSize      = filesystemGauge("size_bytes", "Size of the file system, in bytes.")
	filesystemFree      = filesystemGauge("free_bytes", "Free space, what is kept for root included, in bytes.")
	filesystemAvailable = filesystemGauge("avail_bytes", "Free space for others than root, in bytes.")
	filesystemFiles     = filesystemGauge("files", "Files (inodes) that the file system can hold.")
	filesystemFilesFree = filesystemGauge("files_free", "Files (inodes) that it can hold besides those it has.")
	filesystemPurgeable = filesystemGauge("purgeable_bytes", "Space that the system could clear by itself, in bytes; always 0 on Linux.")
	filesystemReadonly  = filesystemGauge("readonly", "Whether the file system is read-only, as process 1 sees it.")
	filesystemError     = filesystemGauge("device_error", "Whether the file system could not be asked; the label device_error says why.")
	filesystemInfo      = &frame.Family{
		Name: "node_filesystem_mount_info", Labels: []string{"device", "major", "minor", "mountpoint"},
		Help: "The device numbers of the file system; always 1.",
	}
)

func filesystemGauge(name, help string) *frame.Family {
	return &frame.Family{
		Name: "node_filesystem_" + name, Labels: []string{"device", "mountpoint", "fstype", "device_error"}, Help: help,
	}
}

// Values of the label device_error beside the kernel's own words. The first
// is node_exporter's.
const (
	errorLate   = "mountpoint timeout"
	errorHidden = "hidden from this process"
)

// mount is one mounted file system: one line of mountinfo, as proc(5)
// describes it.
type mount struct {
	id           string // unique while it is mounted
	major, minor string // of the file system
	listed       string // the mount point as process 1 lists it
	path         string // the same as this process finds it
	point        string // the same as the label mountpoint has it
	device       string
	kind         string // ext4, nfs4, ...
	readonly     bool
	hidden       bool // this process sees another file system at its path
}

// filesystem is the collector filesystem. On Linux:
//
// Which file systems are mounted where, and whether they are read-only, is
// what process 1 sees: a hardened unit has a mount namespace of its own, in
// which /usr is read-only and /tmp is another folder. How full they are can
// only be asked of paths as this process sees them (/proc/1/root is closed to
// all but root), so it is first made sure that the same file system is to be
// seen there: see views. A mount that does not answer never holds up the
// others: see calls.
type filesystem struct {
	mounts func() ([]mount, error) // those that are watched
	calls  *calls
}

func newFilesystem(mounts func() ([]mount, error), statfs statfsFunc) *filesystem {
	return &filesystem{mounts: mounts, calls: newCalls(statfs)}
}

// Name implements frame.Collector.
func (c *filesystem) Name() string { return "filesystem" }

// Families implements frame.Collector.
func (c *filesystem) Families() []*frame.Family {
	return []*frame.Family{
		filesystemSize, filesystemFree, filesystemAvailable, filesystemFiles, filesystemFilesFree,
		filesystemPurgeable, filesystemReadonly, filesystemError, filesystemInfo,
	}
}

// Collect implements frame.Collector.
func (c *filesystem) Collect(ctx context.Context, s *frame.Sink) error {
	mounts, err := c.mounts()
	late := c.ask(ctx, s, mounts)
	if len(late) > 0 {
		stalled := fmt.Errorf("no answer from the file system at %s", strings.Join(late, ", "))
		err = errors.Join(frame.Fail(frame.ReasonStalled, stalled), err)
	}
	return err
}

// ask sends what the mounts answer, and returns the mount points, quoted,
// from which no answer came in time.
func (c *filesystem) ask(ctx context.Context, s *frame.Sink, mounts []mount) (late []string) {
	back := make(chan answer, len(mounts))
	answered := make([]bool, len(mounts))
	asked := 0
	for i := range mounts {
		m := &mounts[i]
		if m.hidden {
			send(s, m, errorHidden)
			answered[i] = true
			continue
		}
		if c.calls.start(ctx, callKey{id: m.id, path: m.path}, i, back) {
			asked++
		}
	}
	wait(ctx, asked, back, func(a answer) {
		m := &mounts[a.index]
		answered[a.index] = true
		if a.err != nil {
			send(s, m, a.err.Error())
			return
		}
		sendUsage(s, m, a.usage)
	})
	for i := range mounts {
		if !answered[i] {
			send(s, &mounts[i], errorLate)
			late = append(late, strconv.Quote(mounts[i].point))
		}
	}
	return late
}

// send says that a mount could not be asked, and why.
func send(s *frame.Sink, m *mount, why string) {
	s.Send(filesystemError, 1, m.device, m.point, m.kind, why)
	s.Send(filesystemReadonly, readonly(m), m.device, m.point, m.kind, why)
}

func sendUsage(s *frame.Sink, m *mount, u usage) {
	for _, v := range [...]struct {
		family *frame.Family
		value  float64
	}{
		{filesystemError, 0},
		{filesystemReadonly, readonly(m)},
		{filesystemSize, float64(u.size)},
		{filesystemFree, float64(u.free)},
		{filesystemAvailable, float64(u.available)},
		{filesystemFiles, float64(u.files)},
		{filesystemFilesFree, float64(u.filesFree)},
		{filesystemPurgeable, 0},
	} {
		s.Send(v.family, v.value, m.device, m.point, m.kind, "")
	}
	s.Send(filesystemInfo, 1, m.device, m.major, m.minor, m.point)
}

func readonly(m *mount) float64 {
	if m.readonly {
		return 1
	}
	return 0
}
