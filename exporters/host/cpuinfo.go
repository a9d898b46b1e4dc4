//go:build linux

package host

import (
	"bytes"
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

var (
	cpuInfoFamily = &frame.Family{
		Name:   "node_cpu_info",
		Labels: []string{"package", "core", "cpu", "vendor", "family", "model", "model_name", "microcode", "stepping", "cachesize"},
		Help:   "What /proc/cpuinfo says of each CPU; always 1.",
	}
	cpuFlagInfo = &frame.Family{
		Name: "node_cpu_flag_info", Labels: []string{"flag"},
		Help: "What the first CPU can do, as far as the site file asks for it; always 1.",
	}
	cpuBugInfo = &frame.Family{
		Name: "node_cpu_bug_info", Labels: []string{"bug"},
		Help: "Faults that the kernel knows of the first CPU, as far as the site file asks for them; always 1.",
	}
	// cpuInfoHertz is sent by cpufreq, which has the same name of sysfs with
	// fewer labels.
	cpuInfoHertz = &frame.Family{
		Name: "node_cpu_frequency_hertz", Labels: []string{"package", "core", "cpu"},
		Help: "Frequency that the CPU runs at, in hertz, as /proc/cpuinfo has it.",
	}
)

// cpuInfoKeys are the lines of /proc/cpuinfo that become labels of
// node_cpu_info, in their order.
var cpuInfoKeys = []string{
	"physical id", "core id", "processor", "vendor_id", "cpu family", "model", "model name", "microcode", "stepping", "cache size",
}

// Indices into cpuInfoKeys.
const (
	cpuPackage = iota
	cpuCore
	cpuProcessor
)

// A cpuDescription is what /proc/cpuinfo says of one CPU: the values of
// cpuInfoKeys, and the lines that are no labels.
type cpuDescription struct {
	labels      []string
	flags, bugs string
	megahertz   string
}

// cpuInfo reads /proc/cpuinfo and hands over each of its CPUs, once. procfs
// has a parser for each architecture and panics on a line cut short. A kernel
// without the file has no CPUs.
func (r *roots) cpuInfo(use func(d cpuDescription)) error {
	path := filepath.Join(r.proc, "cpuinfo")
	return optional("CPUs", r.read(path, func(content []byte) error {
		seen := map[string]bool{}
		for block := range bytes.SplitSeq(content, []byte("\n\n")) {
			fields := cpuInfoFields(block)
			d := cpuDescription{labels: make([]string, len(cpuInfoKeys)), flags: fields["flags"], bugs: fields["bugs"], megahertz: fields["cpu MHz"]}
			for i, key := range cpuInfoKeys {
				d.labels[i] = fields[key]
			}
			cpu := d.labels[cpuProcessor]
			if _, ok := number([]byte(cpu)); !ok || seen[cpu] {
				continue // what some architectures say of the whole machine
			}
			seen[cpu] = true
			use(d)
		}
		if len(seen) == 0 {
			return errors.New(path + ": no CPU is in it")
		}
		return nil
	}))
}

// cpuInfoFields reads lines of the form "model name	: Processor". ARM says
// Features where x86 says flags, and some machines vendor.
func cpuInfoFields(block []byte) map[string]string {
	fields := map[string]string{}
	for line := range bytes.Lines(block) {
		key, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			continue
		}
		name := string(bytes.TrimSpace(key))
		switch name {
		case "Features":
			name = "flags"
		case "vendor":
			name = "vendor_id"
		}
		fields[name] = valid(string(bytes.TrimSpace(value)))
	}
	return fields
}

// sendInfo sends what the site file asks for: the CPUs' descriptions, and of
// the first one, which speaks for all, what it can do and what is wrong with
// it.
func (c *cpuTimes) sendInfo(s *frame.Sink) error {
	if !c.info {
		return nil
	}
	first := true
	return c.roots.cpuInfo(func(d cpuDescription) {
		s.Send(cpuInfoFamily, 1, d.labels...)
		if first {
			sendWords(s, cpuFlagInfo, c.flags, d.flags)
			sendWords(s, cpuBugInfo, c.bugs, d.bugs)
		}
		first = false
	})
}

// sendWords sends one series for each word that is wanted; none without a
// filter.
func sendWords(s *frame.Sink, f *frame.Family, wanted *filter, text string) {
	if wanted == nil {
		return
	}
	seen := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		if !seen[word] && wanted.watches([]byte(word)) {
			s.Send(f, 1, word)
		}
		seen[word] = true
	}
}

// sendInfoHertz sends the frequencies that /proc/cpuinfo has.
func (r *roots) sendInfoHertz(s *frame.Sink) error {
	return r.cpuInfo(func(d cpuDescription) {
		if mhz, err := strconv.ParseFloat(d.megahertz, 64); err == nil {
			s.Send(cpuInfoHertz, mhz*1e6, d.labels[cpuPackage], d.labels[cpuCore], d.labels[cpuProcessor])
		}
	})
}
