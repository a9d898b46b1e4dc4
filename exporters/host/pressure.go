//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// pressureFiles are the files of /proc/pressure with what their lines mean
// (Documentation/accounting/psi.rst). Of the CPU the kernel has a line full
// too, which is not sent: for the machine as a whole it means nothing.
var pressureFiles = []struct{ file, line, name, help string }{
	{"cpu", "some", "cpu_waiting", "some process waited for a CPU"},
	{"io", "some", "io_waiting", "some process waited for a disk or the like"},
	{"io", "full", "io_stalled", "no process could go on for waiting for a disk or the like"},
	{"memory", "some", "memory_waiting", "some process waited for memory"},
	{"memory", "full", "memory_stalled", "no process could go on for waiting for memory"},
	{"irq", "full", "irq_stalled", "no process could go on for interrupts being served"},
}

// pressure is the collector pressure.
type pressure struct {
	roots    *roots
	families []*frame.Family // as pressureFiles
}

func newPressure(r *roots) *pressure {
	c := &pressure{roots: r}
	for _, f := range pressureFiles {
		c.families = append(c.families, &frame.Family{
			Name: "node_pressure_" + f.name + "_seconds_total", Type: frame.Counter,
			Help: "Time in which " + f.help + ", in seconds.",
		})
	}
	return c
}

// Name implements frame.Collector.
func (c *pressure) Name() string { return "pressure" }

// Families implements frame.Collector.
func (c *pressure) Families() []*frame.Family { return c.families }

// Collect implements frame.Collector. A kernel without pressure has no files,
// or, where it is off (psi=0), files that cannot be read.
func (c *pressure) Collect(_ context.Context, s *frame.Sink) error {
	var errs []error
	answered := false
	for i := 0; i < len(pressureFiles); {
		file, first := pressureFiles[i].file, i
		for i < len(pressureFiles) && pressureFiles[i].file == file {
			i++
		}
		err := c.roots.lines(filepath.Join(c.roots.proc, "pressure", file), func(line []byte) bool {
			return c.line(s, first, i, line)
		})
		if errors.Is(err, frame.ErrNoData) || errors.Is(err, unix.EOPNOTSUPP) {
			continue
		}
		answered = true
		errs = append(errs, err)
	}
	if !answered {
		return frame.ErrNoData
	}
	return errors.Join(errs...)
}

// line reads one, as: some avg10=0.00 avg60=0.00 avg300=0.00 total=1234.
func (c *pressure) line(s *frame.Sink, first, end int, line []byte) bool {
	kind, rest := nextField(line)
	_, total, found := bytes.Cut(rest, []byte(" total="))
	microseconds, ok := number(bytes.TrimSpace(total))
	if !found || !ok {
		return false
	}
	for i := first; i < end; i++ {
		if strings.EqualFold(pressureFiles[i].line, string(kind)) {
			s.Send(c.families[i], float64(microseconds)/1e6)
		}
	}
	return true
}
