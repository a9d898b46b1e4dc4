//go:build linux

package host

import (
	"context"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

var (
	edacChannelCE = edacCounter("channel_correctable", "Memory errors of the channel that were put right.", "controller", "csrow", "channel", "dimm_label")
	edacChannelUE = edacCounter("channel_uncorrectable", "Memory errors of the channel that could not be put right.", "controller", "csrow", "channel", "dimm_label")
)

// edacTotals and edacNoInfo are files of a memory controller, edacRows of a
// row of its chips (Documentation/admin-guide/RAS of the kernel).
var (
	edacTotals = []numberFile{
		{"ce_count", edacCounter("correctable", "Memory errors that were put right.", "controller"), 1},
		{"ue_count", edacCounter("uncorrectable", "Memory errors that could not be put right.", "controller"), 1},
	}
	edacRows = []numberFile{
		{"ce_count", edacCounter("csrow_correctable", "Memory errors of the row of chips that were put right.", "controller", "csrow"), 1},
		{"ue_count", edacCounter("csrow_uncorrectable", "Memory errors of the row of chips that could not be put right.", "controller", "csrow"), 1},
	}
	edacNoInfo = []numberFile{
		{"ce_noinfo_count", edacRows[0].family, 1},
		{"ue_noinfo_count", edacRows[1].family, 1},
	}
)

func edacCounter(name, help string, labels ...string) *frame.Family {
	return &frame.Family{Name: "node_edac_" + name + "_errors_total", Type: frame.Counter, Labels: labels, Help: help}
}

// edac is the collector edac.
type edac struct{ roots *roots }

func newEDAC(r *roots) *edac { return &edac{roots: r} }

// Name implements frame.Collector.
func (c *edac) Name() string { return "edac" }

// Families implements frame.Collector.
func (c *edac) Families() []*frame.Family {
	return append(familiesOf(edacTotals, edacRows), edacChannelCE, edacChannelUE)
}

// Collect implements frame.Collector.
func (c *edac) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "devices/system/edac/mc", "mc", func(folder string, a *attributes) {
		controller, ok := numbered(folder, "mc")
		if !ok {
			return
		}
		a.send(s, edacTotals, controller)
		a.send(s, edacNoInfo, controller, "unknown")
		rows, err := a.folder.names()
		if err != nil {
			a.errs = append(a.errs, err)
		}
		for _, name := range rows {
			if row, ok := numbered(name, "csrow"); ok {
				a.errs = append(a.errs, within(filepath.Join(a.folder.path, name), func(a *attributes) { edacRow(s, a, controller, row) }))
			}
		}
	})
}

func edacRow(s *frame.Sink, a *attributes, controller, row string) {
	a.send(s, edacRows, controller, row)
	files, err := a.folder.names()
	if err != nil {
		a.errs = append(a.errs, err)
	}
	for _, file := range files {
		before, is := strings.CutSuffix(file, "_ce_count")
		channel, ok := numbered(before, "ch")
		if !is || !ok {
			continue
		}
		labels := []string{controller, row, channel, dimmLabel(a, before)}
		if n, ok := a.number(file); ok {
			s.Send(edacChannelCE, float64(n), labels...)
		}
		if n, ok := a.number(before + "_ue_count"); ok {
			s.Send(edacChannelUE, float64(n), labels...)
		}
	}
}

// dimmLabel is the module's name: what the administrator wrote on the board,
// or what the driver made up: CPU_SrcID#0_Ha#0_Chan#1_DIMM#0.
func dimmLabel(a *attributes, channel string) string {
	label, err := a.folder.value(channel+"_dimm_label", a.buffer[:])
	if err != nil {
		return "unknown"
	}
	return strings.NewReplacer("#", "", "csrow", "_csrow", "channel", "_channel").Replace(valid(string(label)))
}
