//go:build linux

package host

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var (
	unitCPU          = unitFigure("cpu_seconds_total", frame.Counter, "Time on a CPU that the watched unit's processes have had.")
	unitMemory       = unitFigure("memory_bytes", frame.Gauge, "Memory that the watched unit's processes hold, file cache included.")
	unitMemoryCache  = unitFigure("memory_reclaimable_bytes", frame.Gauge, "What of the watched unit's memory the kernel can take back at any time: file cache.")
	unitMemoryLimit  = unitFigure("memory_limit_bytes", frame.Gauge, "Memory that the watched unit may hold (MemoryMax=); absent without a limit.")
	unitOOMKills     = unitFigure("oom_kills_total", frame.Counter, "Processes of the watched unit that the kernel has killed for want of memory, since the unit was started.")
	unitTasks        = unitFigure("tasks", frame.Gauge, "Processes and threads that the watched unit has.")
	unitTasksLimit   = unitFigure("tasks_limit", frame.Gauge, "Processes and threads that the watched unit may have (TasksMax=); absent without a limit.")
	unitBytesRead    = unitFigure("read_bytes_total", frame.Counter, "Bytes that the watched unit has read from disks.")
	unitBytesWritten = unitFigure("written_bytes_total", frame.Counter, "Bytes that the watched unit has written to disks.")
	unitWaiting      = unitFigure("pressure_waiting_seconds_total", frame.Counter, "Time in which at least one task of the watched unit waited for the resource (cpu, memory or io).", "resource")
	unitStalled      = unitFigure("pressure_stalled_seconds_total", frame.Counter, "Time in which no task of the watched unit got on for want of the resource (cpu, memory or io).", "resource")

	unitFigures = []*frame.Family{
		unitCPU, unitMemory, unitMemoryCache, unitMemoryLimit, unitOOMKills, unitTasks, unitTasksLimit,
		unitBytesRead, unitBytesWritten, unitWaiting, unitStalled,
	}
)

func unitFigure(name string, kind frame.Type, help string, labels ...string) *frame.Family {
	return &frame.Family{Name: "tocsin_host_unit_" + name, Type: kind, Help: help, Labels: append([]string{"unit"}, labels...)}
}

// cgroups reads the figures that the kernel keeps of a unit's control group:
// Documentation/admin-guide/cgroup-v2.rst, and cgroup-v1/*.rst where version 1
// is mounted. A controller that is not on for the group has no files there,
// and no series here. The kernel's own files are read rather than systemd's
// properties: they are cheaper, have more, and no property stands for a file
// that is not there.
type cgroups struct {
	roots  *roots
	root   string // /sys/fs/cgroup
	second bool   // version 2 alone is mounted
}

func newCgroups(r *roots) cgroups {
	root := filepath.Join(r.sys, "fs/cgroup")
	_, err := os.Stat(filepath.Join(root, "cgroup.controllers"))
	return cgroups{roots: r, root: root, second: err == nil}
}

// send sends the figures of the unit whose control group is at a path, as
// /system.slice/ssh.service; a unit without processes has none.
func (c cgroups) send(s *frame.Sink, unit, path string) error {
	path = strings.TrimPrefix(path, "/")
	if !filepath.IsLocal(path) || path == "." {
		return nil
	}
	g := group{roots: c.roots, sink: s, unit: unit}
	if c.second {
		g.version2(filepath.Join(c.root, path))
	} else {
		g.version1(c.root, path)
	}
	return errors.Join(g.errs...)
}

// A group is the control group of one unit.
type group struct {
	roots *roots
	sink  *frame.Sink
	unit  string
	errs  []error
}

func (g *group) version2(folder string) {
	g.number(folder, "memory.current", unitMemory, 1)
	g.number(folder, "memory.max", unitMemoryLimit, 1)
	g.sum(folder, "memory.stat", unitMemoryCache, "inactive_file", "active_file", "slab_reclaimable")
	g.sum(folder, "memory.events", unitOOMKills, "oom_kill")
	g.number(folder, "pids.current", unitTasks, 1)
	g.number(folder, "pids.max", unitTasksLimit, 1)
	g.disks(folder)
	g.cpu(folder)
	g.pressures(folder)
}

// version1 reads one folder a controller; where systemd keeps its groups in
// version 2 beside them ("hybrid"), that has the pressure.
func (g *group) version1(root, path string) {
	memory := filepath.Join(root, "memory", path)
	g.number(memory, "memory.usage_in_bytes", unitMemory, 1)
	g.number(memory, "memory.limit_in_bytes", unitMemoryLimit, 1)
	g.sum(memory, "memory.stat", unitMemoryCache, "total_inactive_file", "total_active_file")
	g.sum(memory, "memory.oom_control", unitOOMKills, "oom_kill")
	pids := filepath.Join(root, "pids", path)
	g.number(pids, "pids.current", unitTasks, 1)
	g.number(pids, "pids.max", unitTasksLimit, 1)
	g.operations(filepath.Join(root, "blkio", path))
	unified := filepath.Join(root, "unified", path)
	if !g.number(filepath.Join(root, "cpuacct", path), "cpuacct.usage", unitCPU, nano) {
		g.cpu(unified)
	}
	g.pressures(unified)
}

// cpu reads what every group of version 2 has, whatever controllers are on.
func (g *group) cpu(folder string) {
	g.lines(folder, "cpu.stat", func(key, rest []byte) bool {
		if string(key) != "usage_usec" {
			return true
		}
		n, ok := number(bytes.TrimSpace(rest))
		if ok {
			g.sink.Send(unitCPU, float64(n)/micro, g.unit)
		}
		return ok
	})
}

// read reads a file that may not be there.
func (g *group) read(folder, file string, use func(path string, content []byte) error) {
	path := filepath.Join(folder, file)
	err := g.roots.read(path, func(content []byte) error { return use(path, content) })
	// ENODEV: the unit has just stopped. EOPNOTSUPP: pressure that is put off.
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.EOPNOTSUPP) {
		g.errs = append(g.errs, err)
	}
}

// unlimited is from where a number means that there is no limit: version 1
// writes the largest number of whole pages.
const unlimited = 1 << 62

// number sends the number that a file has, and tells whether the file is
// there. The word max means that there is no limit.
func (g *group) number(folder, file string, f *frame.Family, scale float64) (there bool) {
	g.read(folder, file, func(path string, content []byte) error {
		there = true
		text := bytes.TrimSpace(content)
		n, ok := number(text)
		switch {
		case string(text) == "max" || ok && n >= unlimited:
		case !ok:
			return malformed(path, content)
		default:
			g.sink.Send(f, float64(n)/scale, g.unit)
		}
		return nil
	})
	return there
}

// lines hands on each line of a file as its first word and the rest. One that
// each does not understand is told.
func (g *group) lines(folder, file string, each func(key, rest []byte) bool) {
	g.read(folder, file, func(path string, content []byte) error {
		var bad error
		for line := range bytes.Lines(content) {
			key, rest := nextField(bytes.TrimRight(line, "\n"))
			if !each(key, rest) && bad == nil {
				bad = malformed(path, line) // one stands for all
			}
		}
		return bad
	})
}

// sum sends the sum of the lines that have these keys, where there are any and
// all are numbers.
func (g *group) sum(folder, file string, f *frame.Family, keys ...string) {
	var sum uint64
	found, whole := false, true
	g.lines(folder, file, func(key, rest []byte) bool {
		if !slices.Contains(keys, string(key)) {
			return true
		}
		n, ok := number(bytes.TrimSpace(rest))
		sum += n
		found, whole = true, whole && ok
		return ok
	})
	if found && whole {
		g.sink.Send(f, float64(sum), g.unit)
	}
}

// disks adds up io.stat: a line for each disk, "8:0 rbytes=1 wbytes=2 ...". A
// group that never used a disk has no lines: nothing read, and that is known.
func (g *group) disks(folder string) {
	var read, written uint64
	there, whole := false, true
	g.read(folder, "io.stat", func(path string, content []byte) error {
		there = true
		for line := range bytes.Lines(content) {
			_, rest := nextField(bytes.TrimRight(line, "\n"))
			for len(rest) > 0 {
				var pair []byte
				pair, rest = nextField(rest)
				key, value, _ := bytes.Cut(pair, []byte("="))
				if !add(value, string(key), "rbytes", &read, "wbytes", &written) {
					whole = false
					return malformed(path, line)
				}
			}
		}
		return nil
	})
	if there && whole {
		g.sink.Send(unitBytesRead, float64(read), g.unit)
		g.sink.Send(unitBytesWritten, float64(written), g.unit)
	}
}

// add adds the value of a key that is one of two to its sum, and tells whether
// it is a number; that of another key is passed over.
func add(value []byte, key, first string, a *uint64, second string, b *uint64) bool {
	n, ok := number(value)
	switch key {
	case first:
		*a += n
	case second:
		*b += n
	default:
		return true
	}
	return ok
}

// operations adds up what version 1 has: "8:0 Read 1", and a line Total.
func (g *group) operations(folder string) {
	var read, written uint64
	there, whole := false, true
	g.lines(folder, "blkio.throttle.io_service_bytes_recursive", func(_, rest []byte) bool {
		there = true
		operation, rest := nextField(rest)
		ok := add(bytes.TrimSpace(rest), string(operation), "Read", &read, "Write", &written)
		whole = whole && ok
		return ok
	})
	if there && whole {
		g.sink.Send(unitBytesRead, float64(read), g.unit)
		g.sink.Send(unitBytesWritten, float64(written), g.unit)
	}
}

// pressures reads what Documentation/accounting/psi.rst describes:
// "some avg10=0.00 avg60=0.00 avg300=0.00 total=123", in microseconds.
func (g *group) pressures(folder string) {
	for _, resource := range []string{"cpu", "memory", "io"} {
		g.lines(folder, resource+".pressure", func(key, rest []byte) bool {
			_, total, found := bytes.Cut(rest, []byte("total="))
			n, ok := number(total)
			if !found || !ok {
				return false
			}
			switch string(key) {
			case "some":
				g.sink.Send(unitWaiting, float64(n)/micro, g.unit, resource)
			case "full":
				g.sink.Send(unitStalled, float64(n)/micro, g.unit, resource)
			}
			return true
		})
	}
}
