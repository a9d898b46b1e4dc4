//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

var (
	interruptsTotal = &frame.Family{
		Name: "node_interrupts_total", Type: frame.Counter, Labels: []string{"cpu", "type", "info", "devices"},
		Help: "Interrupts served since boot, by CPU and by line of /proc/interrupts.",
	}
	softirqsTotal = &frame.Family{
		Name: "node_softirqs_functions_total", Type: frame.Counter, Labels: []string{"cpu", "type"},
		Help: "Deferred parts of interrupts that have run since boot, by CPU and kind.",
	}
)

// interrupts is the collector interrupts. What is chosen by its filter is the
// line's name, info and devices with semicolons between.
type interrupts struct {
	roots *roots
	names *filter
	zeros bool // lines that have not counted anything are sent too
}

func newInterrupts(r *roots, names *filter, zeros bool) *interrupts {
	return &interrupts{roots: r, names: names, zeros: zeros}
}

// Name implements frame.Collector.
func (c *interrupts) Name() string { return "interrupts" }

// Families implements frame.Collector.
func (c *interrupts) Families() []*frame.Family { return []*frame.Family{interruptsTotal} }

// Collect implements frame.Collector.
func (c *interrupts) Collect(_ context.Context, s *frame.Sink) error {
	return c.roots.perCPU("interrupts", func(name string, counts []string, rest string) {
		info, devices := rest, ""
		if digits(name) == len(name) { // of a device; the others are the kernel's own
			info, devices, _ = strings.Cut(rest, " ")
		}
		if info == "" || !c.names.watches([]byte(name+";"+info+";"+devices)) {
			return // ERR and MIS, which count errors and have no words
		}
		sendCounts(s, interruptsTotal, counts, c.zeros, name, valid(info), valid(devices))
	})
}

// softirqs is the collector softirqs.
type softirqs struct{ roots *roots }

func newSoftirqs(r *roots) *softirqs { return &softirqs{roots: r} }

// Name implements frame.Collector.
func (c *softirqs) Name() string { return "softirqs" }

// Families implements frame.Collector.
func (c *softirqs) Families() []*frame.Family { return []*frame.Family{softirqsTotal} }

// Collect implements frame.Collector.
func (c *softirqs) Collect(_ context.Context, s *frame.Sink) error {
	return c.roots.perCPU("softirqs", func(name string, counts []string, _ string) {
		sendCounts(s, softirqsTotal, counts, true, name)
	})
}

func sendCounts(s *frame.Sink, f *frame.Family, counts []string, zeros bool, labels ...string) {
	values := append([]string{""}, labels...)
	for i, text := range counts {
		n, _ := number([]byte(text)) // perCPU has looked at it
		if n == 0 && !zeros {
			continue
		}
		values[0] = strconv.Itoa(i)
		s.Send(f, float64(n), values...)
	}
}

// perCPU reads a table of /proc with a heading for each CPU and lines of a
// name, a colon, a count for each of them, and words. Lines with fewer counts
// are left out: they are about the machine as a whole.
func (r *roots) perCPU(file string, use func(name string, counts []string, rest string)) error {
	path := filepath.Join(r.proc, file)
	err := r.read(path, func(content []byte) error {
		heading, table, _ := bytes.Cut(content, []byte("\n"))
		cpus := len(bytes.Fields(heading))
		if cpus == 0 {
			return errors.New(path + ": no heading with the CPUs")
		}
		var errs []error
		for line := range strings.Lines(string(table)) {
			name, rest, ok := strings.Cut(strings.TrimRight(line, "\n"), ":")
			fields := strings.Fields(rest)
			if !ok || len(fields) < cpus {
				continue
			}
			if !allNumbers(fields[:cpus]) {
				if len(errs) < maxComplaints {
					errs = append(errs, malformed(path, []byte(line)))
				}
				continue
			}
			use(valid(strings.TrimSpace(name)), fields[:cpus], strings.Join(fields[cpus:], " "))
		}
		return errors.Join(errs...)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return frame.ErrNoData
	}
	return err
}

func allNumbers(fields []string) bool {
	for _, f := range fields {
		if _, ok := number([]byte(f)); !ok {
			return false
		}
	}
	return true
}
