//go:build linux

package host

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"tocsin/internal/frame"
	"tocsin/internal/lazy"
)

// raplPattern declares the counters whose names the processor's zones decide:
// package, core, dram, psys, ...
var raplPattern = &frame.Family{
	Name: "node_rapl_*_joules_total", Type: frame.Counter, Labels: []string{"index", "path"},
	Help: "Energy that a part of the processor has used, in joules; it starts over at the counter's end.",
}

var raplJoules = &frame.Family{
	Name: "node_rapl_joules_total", Type: frame.Counter, Labels: []string{"index", "path", "rapl_zone"},
	Help: "Energy that a part of the processor has used, in joules, the part as a label.",
}

// notInNames is what of a zone's name one underscore stands for.
var notInNames = lazy.Regexp(`_*[^0-9A-Za-z_]+_*`)

// rapl is the collector rapl (Documentation/power/powercap/powercap.rst of
// the kernel). Since Linux 5.10 root alone may read the energy: without it
// there is no data.
type rapl struct {
	roots    *roots
	labelled bool                     // the zone is a label, not a part of the name
	families map[string]*frame.Family // by zone
}

func newRapl(r *roots, labelled bool) *rapl {
	return &rapl{roots: r, labelled: labelled, families: map[string]*frame.Family{}}
}

// Name implements frame.Collector.
func (c *rapl) Name() string { return "rapl" }

// Families implements frame.Collector.
func (c *rapl) Families() []*frame.Family { return []*frame.Family{raplPattern, raplJoules} }

// Collect implements frame.Collector.
func (c *rapl) Collect(ctx context.Context, s *frame.Sink) error {
	const class = "class/powercap"
	next := map[string]int{} // the index of the next zone of that name
	return c.roots.devices(ctx, class, "", func(folder string, a *attributes) {
		name := a.text("name")
		if name == "" {
			return // a control type, which holds the zones
		}
		zone, index := raplZone(name, next)
		next[zone] = index + 1
		microjoules, ok := a.number("energy_uj")
		if !ok {
			return
		}
		joules, number, path := float64(microjoules)/1e6, strconv.Itoa(index), filepath.Join(c.roots.sys, class, folder)
		if c.labelled {
			s.Send(raplJoules, joules, number, path, zone)
			return
		}
		s.Send(c.family(zone), joules, number, path)
	})
}

// raplZone cuts package-0 into its name and number. Zones without a number
// are counted.
func raplZone(name string, next map[string]int) (zone string, index int) {
	if before, after, ok := strings.Cut(name, "-"); ok {
		if n, err := strconv.Atoi(after); err == nil && n >= 0 {
			return before, n
		}
	}
	return name, next[name]
}

func (c *rapl) family(zone string) *frame.Family {
	if c.families[zone] == nil {
		c.families[zone] = &frame.Family{
			Name: "node_rapl_" + notInNames().ReplaceAllString(zone, "_") + "_joules_total",
			Type: raplPattern.Type, Labels: raplPattern.Labels, Help: raplPattern.Help,
		}
	}
	return c.families[zone]
}
