//go:build linux

package host

import (
	"slices"
	"strconv"

	"tocsin/internal/frame"
)

// hwmonKey tells the families of sensors apart.
type hwmonKey struct {
	kind, element string
	both          bool // the sensor has a file without an element too
}

// send sends the files of one sensor, each under the name that node_exporter
// makes of it. What is no number is no reading.
func (c *hwmon) send(s *frame.Sink, chip, sensor string, r readings) {
	if label, ok := r.values["label"]; ok {
		s.Send(hwmonLabel, 1, chip, sensor, label)
	}
	_, both := r.values[""]
	for element, text := range r.values {
		if element == "label" || (element != "" && hwmonUnit(r.kind, element).name != "") {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		name := sensor
		if r.kind == "freq" && element == "input" {
			if name = cleanName(r.values["label"]); name == "" {
				continue
			}
		}
		s.Send(c.family(hwmonKey{r.kind, element, both}), value/hwmonUnit(r.kind, element).per, chip, name)
	}
}

// family returns the family of a file, made once.
func (c *hwmon) family(key hwmonKey) *frame.Family {
	if f := c.families[key]; f != nil {
		return f
	}
	unit := hwmonUnit(key.kind, key.element)
	name := "node_hwmon_" + key.kind
	switch {
	case unit.name != "":
		name = unit.name
	case key.element == "input" && key.both:
		name += "_input"
	case key.element != "" && key.element != "input":
		name += "_" + cleanName(key.element)
	}
	pattern := hwmonPattern
	if key.kind == "energy" && unit.suffix != "" {
		pattern = hwmonEnergy
	}
	f := &frame.Family{Name: name + unit.suffix, Type: pattern.Type, Labels: pattern.Labels, Help: pattern.Help}
	c.families[key] = f
	return f
}

// hwmonScale says what becomes of a file's number and name.
type hwmonScale struct {
	per    float64 // how many of the file's units are one of ours
	suffix string  // of the name
	name   string  // the whole name, where it has little to do with the file's
}

func hwmonUnit(kind, element string) hwmonScale {
	switch kind {
	case "beep_enable":
		return hwmonScale{per: 1, name: "node_hwmon_beep_enabled"}
	case "vrm":
		return hwmonScale{per: 1, name: "node_hwmon_voltage_regulator_version"}
	case "update_interval":
		return hwmonScale{per: 1000, name: "node_hwmon_update_interval_seconds"}
	}
	switch element {
	case "fault", "alarm":
		return hwmonScale{per: 1}
	case "beep":
		return hwmonScale{per: 1, suffix: "_enabled"}
	}
	switch {
	case kind == "in", kind == "cpu":
		return hwmonScale{per: 1000, suffix: "_volts"}
	case kind == "temp" && element != "type":
		return hwmonScale{per: 1000, suffix: "_celsius"}
	case kind == "curr":
		return hwmonScale{per: 1000, suffix: "_amps"}
	case kind == "energy":
		return hwmonScale{per: 1e6, suffix: "_joule_total"}
	case kind == "power":
		return powerUnit(element)
	case kind == "humidity":
		return hwmonScale{per: 1e6}
	case kind == "fan" && slices.Contains([]string{"input", "min", "max", "target"}, element):
		return hwmonScale{per: 1, suffix: "_rpm"}
	case kind == "freq" && element == "input":
		return hwmonScale{per: 1e6, suffix: "_freq_mhz"}
	default:
		return hwmonScale{per: 1}
	}
}

func powerUnit(element string) hwmonScale {
	switch element {
	case "accuracy":
		return hwmonScale{per: 1e6}
	case "average_interval", "average_interval_min", "average_interval_max":
		return hwmonScale{per: 1000, suffix: "_seconds"}
	default:
		return hwmonScale{per: 1e6, suffix: "_watt"}
	}
}
