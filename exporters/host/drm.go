//go:build linux

package host

import (
	"context"
	"strings"

	"tocsin/internal/frame"
)

var drmInfo = &frame.Family{
	Name: "node_drm_card_info", Labels: []string{"card", "memory_vendor", "power_performance_level", "unique_id", "vendor"},
	Help: "What the graphics card is, in words; always 1.",
}

// drmFiles are those of AMD's driver (Documentation/gpu/amdgpu of the
// kernel); others have none that are alike.
var drmFiles = []numberFile{
	drmGauge("gpu_busy_percent", "gpu_busy_percent", "How busy the card is, of a hundred."),
	drmGauge("mem_info_gtt_total", "memory_gtt_size_bytes", "System memory that the card may use."),
	drmGauge("mem_info_gtt_used", "memory_gtt_used_bytes", "System memory that the card uses."),
	drmGauge("mem_info_vram_total", "memory_vram_size_bytes", "Memory of the card."),
	drmGauge("mem_info_vram_used", "memory_vram_used_bytes", "Memory of the card in use."),
	drmGauge("mem_info_vis_vram_total", "memory_vis_vram_size_bytes", "Memory of the card that the processor can see."),
	drmGauge("mem_info_vis_vram_used", "memory_vis_vram_used_bytes", "Memory of the card in use that the processor can see."),
}

func drmGauge(file, name, help string) numberFile {
	return numberFile{"device/" + file, &frame.Family{Name: "node_drm_" + name, Labels: []string{"card"}, Help: help}, 1}
}

// drm is the collector drm.
type drm struct{ roots *roots }

func newDRM(r *roots) *drm { return &drm{roots: r} }

// Name implements frame.Collector.
func (c *drm) Name() string { return "drm" }

// Families implements frame.Collector.
func (c *drm) Families() []*frame.Family { return append(familiesOf(drmFiles), drmInfo) }

// Collect implements frame.Collector.
func (c *drm) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "class/drm", "card", func(card string, a *attributes) {
		// Beside the cards stand their sockets: card0-DP-1.
		if _, ok := numbered(card, "card"); !ok || !strings.Contains(a.text("device/uevent"), "DRIVER=amdgpu") {
			return
		}
		s.Send(drmInfo, 1, card, a.text("device/mem_info_vram_vendor"), a.text("device/power_dpm_force_performance_level"), a.text("device/unique_id"), "amd")
		a.send(s, drmFiles, card)
	})
}
