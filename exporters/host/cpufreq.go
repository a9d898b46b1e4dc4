//go:build linux

package host

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/frame"
)

// cpufreqFiles are in kilohertz (Documentation/admin-guide/pm/cpufreq.rst).
var cpufreqFiles = []numberFile{
	{"cpuinfo_cur_freq", cpufreqGauge("frequency_hertz", "Frequency that the CPU runs at, in hertz."), 1e-3},
	{"cpuinfo_avg_freq", cpufreqGauge("frequency_avg_hertz", "Frequency that the CPU has lately run at on average, in hertz."), 1e-3},
	{"cpuinfo_min_freq", cpufreqGauge("frequency_min_hertz", "Lowest frequency that the CPU can run at, in hertz."), 1e-3},
	{"cpuinfo_max_freq", cpufreqGauge("frequency_max_hertz", "Highest frequency that the CPU can run at, in hertz."), 1e-3},
	{"scaling_cur_freq", cpufreqGauge("scaling_frequency_hertz", "Frequency that the kernel has asked for, in hertz."), 1e-3},
	{"scaling_min_freq", cpufreqGauge("scaling_frequency_min_hertz", "Lowest frequency that the kernel may ask for, in hertz."), 1e-3},
	{"scaling_max_freq", cpufreqGauge("scaling_frequency_max_hertz", "Highest frequency that the kernel may ask for, in hertz."), 1e-3},
}

var cpufreqGovernor = &frame.Family{
	Name: "node_cpu_scaling_governor", Labels: []string{"cpu", "governor"},
	Help: "Whether the CPU's frequency is chosen by this governor; one series for each that could.",
}

func cpufreqGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_cpu_" + name, Labels: []string{"cpu"}, Help: help}
}

// cpufreq is the collector cpufreq.
type cpufreq struct {
	roots *roots
	info  bool // what /proc/cpuinfo says stands in for what sysfs does not
}

func newCPUFreq(r *roots, info bool) *cpufreq { return &cpufreq{roots: r, info: info} }

// Name implements frame.Collector.
func (c *cpufreq) Name() string { return "cpufreq" }

// Families implements frame.Collector.
func (c *cpufreq) Families() []*frame.Family {
	return append(familiesOf(cpufreqFiles), cpufreqGovernor)
}

// Collect implements frame.Collector.
func (c *cpufreq) Collect(ctx context.Context, s *frame.Sink) error {
	var errs []error
	known := !c.info // by sysfs, whose files of that name root alone may read
	err := c.roots.devices(ctx, "devices/system/cpu", "cpu", func(name string, a *attributes) {
		cpu, ok := numbered(name, "cpu")
		if !ok {
			return
		}
		errs = append(errs, within(filepath.Join(a.folder.path, "cpufreq"), func(a *attributes) {
			a.send(s, cpufreqFiles, cpu)
			known = known || len(a.value(cpufreqFiles[0].file)) > 0
			governor := a.text("scaling_governor")
			if governor == "" {
				return
			}
			governors := strings.Fields(a.text("scaling_available_governors"))
			slices.Sort(governors)
			for _, g := range slices.Compact(governors) {
				chosen := 0.0
				if g == governor {
					chosen = 1
				}
				s.Send(cpufreqGovernor, chosen, cpu, g)
			}
		}))
	})
	if !known {
		// node_exporter sends both, and a page with both is not valid: the help of
		// the two differs.
		errs = append(errs, c.roots.sendInfoHertz(s))
		if errors.Is(err, frame.ErrNoData) {
			err = nil
		}
	}
	return errors.Join(append(errs, err)...)
}
