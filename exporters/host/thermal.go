//go:build linux

package host

import (
	"context"

	"tocsin/internal/frame"
)

var thermalZoneFiles = []numberFile{
	{"temp", &frame.Family{Name: "node_thermal_zone_temp", Labels: []string{"zone", "type"}, Help: "Temperature of the zone, in degrees Celsius."}, 1000},
}

var coolingFiles = []numberFile{
	{"cur_state", &frame.Family{Name: "node_cooling_device_cur_state", Labels: []string{"name", "type"}, Help: "How hard the cooling device works, on its own scale."}, 1},
	{"max_state", &frame.Family{Name: "node_cooling_device_max_state", Labels: []string{"name", "type"}, Help: "How hard the cooling device can work, on its own scale."}, 1},
}

// thermalZone is the collector thermal_zone
// (Documentation/driver-api/thermal/sysfs-api.rst of the kernel). A zone
// whose sensor does not answer has no temperature; node_exporter says 0.
type thermalZone struct{ roots *roots }

func newThermalZone(r *roots) *thermalZone { return &thermalZone{roots: r} }

// Name implements frame.Collector.
func (c *thermalZone) Name() string { return "thermal_zone" }

// Families implements frame.Collector.
func (c *thermalZone) Families() []*frame.Family { return familiesOf(thermalZoneFiles, coolingFiles) }

// Collect implements frame.Collector.
func (c *thermalZone) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "class/thermal", "", func(name string, a *attributes) {
		if zone, ok := numbered(name, "thermal_zone"); ok {
			a.send(s, thermalZoneFiles, zone, a.text("type"))
		}
		if number, ok := numbered(name, "cooling_device"); ok {
			a.send(s, coolingFiles, number, a.text("type"))
		}
	})
}
