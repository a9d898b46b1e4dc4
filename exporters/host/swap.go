//go:build linux

package host

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

var (
	swapSize     = swapGauge("size_bytes", "Size of the swap, in bytes.")
	swapUsed     = swapGauge("used_bytes", "What of the swap is in use, in bytes.")
	swapPriority = swapGauge("priority", "The swap's priority: the highest is used first.")
)

func swapGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_swap_" + name, Labels: []string{"device", "swap_type"}, Help: help}
}

// swap is the collector swap (proc(5), swaps).
type swap struct{ roots *roots }

func newSwap(r *roots) *swap { return &swap{roots: r} }

// Name implements frame.Collector.
func (c *swap) Name() string { return "swap" }

// Families implements frame.Collector.
func (c *swap) Families() []*frame.Family {
	return []*frame.Family{swapSize, swapUsed, swapPriority}
}

// Collect implements frame.Collector.
func (c *swap) Collect(_ context.Context, s *frame.Sink) error {
	return c.roots.lines(filepath.Join(c.roots.proc, "swaps"), func(line []byte) bool {
		fields := strings.Fields(string(line))
		if fields[0] == "Filename" {
			return true
		}
		if len(fields) < 5 {
			return false
		}
		var values [3]float64 // kilobytes, kilobytes, a number
		for i := range values {
			n, err := strconv.ParseInt(fields[2+i], 10, 64)
			if err != nil {
				return false
			}
			values[i] = float64(n)
		}
		device, kind := valid(fields[0]), valid(fields[1])
		s.Send(swapSize, values[0]*1024, device, kind)
		s.Send(swapUsed, values[1]*1024, device, kind)
		s.Send(swapPriority, values[2], device, kind)
		return true
	})
}
