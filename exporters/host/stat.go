//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"tocsin/internal/frame"
)

// statLines are the lines of /proc/stat that the collector stat sends, by
// their first word.
var statLines = map[string]*frame.Family{
	"intr":          {Name: "node_intr_total", Type: frame.Counter, Help: "Interrupts served since boot."},
	"ctxt":          {Name: "node_context_switches_total", Type: frame.Counter, Help: "Context switches since boot."},
	"btime":         {Name: "node_boot_time_seconds", Help: "When the machine was booted, in seconds since 1970."},
	"processes":     {Name: "node_forks_total", Type: frame.Counter, Help: "Processes and threads started since boot."},
	"procs_running": {Name: "node_procs_running", Help: "Processes that run or could run now."},
	"procs_blocked": {Name: "node_procs_blocked", Help: "Processes that wait for a disk or the like to answer."},
}

// statSoftirqs has a name of its own: node_softirqs_functions_total, of the
// collector softirqs, is the same by CPU.
var statSoftirqs = &frame.Family{
	Name: "node_softirqs_total", Type: frame.Counter, Labels: []string{"vector"},
	Help: "Deferred parts of interrupts that have run since boot, by kind.",
}

// softirqVectors are the kinds of softirqs, in the order of the kernel
// (include/linux/interrupt.h) and under node_exporter's names.
var softirqVectors = [10]string{"hi", "timer", "net_tx", "net_rx", "block", "block_iopoll", "tasklet", "sched", "hrtimer", "rcu"}

// stat is the collector stat. It reads /proc/stat itself: procfs writes a
// zero where a line is missing, and a boot time of zero reads as a reboot;
// gopsutil's boot time is taken from the uptime and moves by a second.
type stat struct {
	roots    *roots
	softirqs bool // their totals are sent too
}

func newStat(r *roots, softirqs bool) *stat { return &stat{roots: r, softirqs: softirqs} }

// Name implements frame.Collector.
func (c *stat) Name() string { return "stat" }

// Families implements frame.Collector.
func (c *stat) Families() []*frame.Family {
	families := []*frame.Family{statSoftirqs}
	for _, word := range []string{"intr", "ctxt", "btime", "processes", "procs_running", "procs_blocked"} {
		families = append(families, statLines[word])
	}
	return families
}

// Collect implements frame.Collector.
func (c *stat) Collect(_ context.Context, s *frame.Sink) error {
	path := filepath.Join(c.roots.proc, "stat")
	return c.roots.read(path, func(content []byte) error {
		var errs []error
		var odd error // of the softirqs
		found := 0
		for line := range bytes.Lines(content) {
			word, rest := nextField(bytes.TrimRight(line, "\n"))
			if c.softirqs && string(word) == "softirq" && !sendSoftirqs(s, rest) {
				odd = malformed(path, line)
			}
			family, known := statLines[string(word)]
			if !known {
				continue
			}
			value, _ := nextField(rest)
			n, ok := number(value)
			if !ok {
				errs = append(errs, malformed(path, line))
				continue
			}
			found++
			s.Send(family, float64(n))
		}
		if missing := len(statLines) - found - len(errs); missing > 0 {
			errs = append(errs, fmt.Errorf("%s: %d of the %d lines wanted are missing", path, missing, len(statLines)))
		}
		return errors.Join(append(errs, odd)...)
	})
}

// sendSoftirqs reads the sum of all, then one number for each kind. A kernel
// with more kinds has them behind these.
func sendSoftirqs(s *frame.Sink, text []byte) bool {
	var counts [1 + len(softirqVectors)]uint64
	for i := range counts {
		var field []byte
		var ok bool
		field, text = nextField(text)
		if counts[i], ok = number(field); !ok {
			return false
		}
	}
	for i, vector := range softirqVectors {
		s.Send(statSoftirqs, float64(counts[1+i]), vector)
	}
	return true
}
