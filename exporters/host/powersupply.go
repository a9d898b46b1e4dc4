//go:build linux

package host

import (
	"context"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
)

// powerSupplyFiles are the numbers of one power supply
// (Documentation/ABI/testing/sysfs-class-power of the kernel): a battery has
// most of them, a mains adapter has online.
var powerSupplyFiles = []numberFile{
	power("authentic", "authentic", 1),
	power("calibrate", "calibrate", 1),
	power("capacity", "capacity", 1),
	power("capacity_alert_max", "capacity_alert_max", 1),
	power("capacity_alert_min", "capacity_alert_min", 1),
	power("cycle_count", "cyclecount", 1),
	power("online", "online", 1),
	power("present", "present", 1),
	power("time_to_empty_now", "time_to_empty_seconds", 1),
	power("time_to_full_now", "time_to_full_seconds", 1),

	power("current_boot", "current_boot", 1e6),
	power("current_max", "current_max", 1e6),
	power("current_now", "current_ampere", 1e6),
	power("energy_empty", "energy_empty", 1e6),
	power("energy_empty_design", "energy_empty_design", 1e6),
	power("energy_full", "energy_full", 1e6),
	power("energy_full_design", "energy_full_design", 1e6),
	power("energy_now", "energy_watthour", 1e6),
	power("voltage_boot", "voltage_boot", 1e6),
	power("voltage_max", "voltage_max", 1e6),
	power("voltage_max_design", "voltage_max_design", 1e6),
	power("voltage_min", "voltage_min", 1e6),
	power("voltage_min_design", "voltage_min_design", 1e6),
	power("voltage_now", "voltage_volt", 1e6),
	power("voltage_ocv", "voltage_ocv", 1e6),
	power("charge_control_limit", "charge_control_limit", 1e6),
	power("charge_control_limit_max", "charge_control_limit_max", 1e6),
	power("charge_counter", "charge_counter", 1e6),
	power("charge_empty", "charge_empty", 1e6),
	power("charge_empty_design", "charge_empty_design", 1e6),
	power("charge_full", "charge_full", 1e6),
	power("charge_full_design", "charge_full_design", 1e6),
	power("charge_now", "charge_ampere", 1e6),
	power("charge_term_current", "charge_term_current", 1e6),
	power("constant_charge_current", "constant_charge_current", 1e6),
	power("constant_charge_current_max", "constant_charge_current_max", 1e6),
	power("constant_charge_voltage", "constant_charge_voltage", 1e6),
	power("constant_charge_voltage_max", "constant_charge_voltage_max", 1e6),
	power("precharge_current", "precharge_current", 1e6),
	power("input_current_limit", "input_current_limit", 1e6),
	power("power_now", "power_watt", 1e6),

	power("temp", "temp_celsius", 10),
	power("temp_alert_max", "temp_alert_max_celsius", 10),
	power("temp_alert_min", "temp_alert_min_celsius", 10),
	power("temp_ambient", "temp_ambient_celsius", 10),
	// node_exporter looks for temp_ambient_max, which the kernel does not have.
	power("temp_ambient_alert_max", "temp_ambient_max_celsius", 10),
	power("temp_ambient_alert_min", "temp_ambient_min_celsius", 10),
	power("temp_max", "temp_max_celsius", 10),
	power("temp_min", "temp_min_celsius", 10),
}

func power(file, name string, per float64) numberFile {
	family := &frame.Family{
		Name: "node_power_supply_" + name, Labels: []string{"power_supply"},
		Help: "The power supply's file " + file + ", in amperes, volts, watts, hours of them or degrees Celsius where it has a unit.",
	}
	return numberFile{file, family, per}
}

// powerSupplyInfo declares the name; each supply has those of the labels that
// its files fill.
var powerSupplyInfo = &frame.Family{Name: "node_power_supply_info", Help: "What the power supply is, in words; always 1."}

// powerSupplyTexts are files and labels of powerSupplyInfo, sorted.
var powerSupplyTexts = []string{
	"capacity_level", "charge_type", "health", "manufacturer", "model_name", "scope", "serial_number", "status", "technology", "type", "usb_type",
}

// powerSupply is the collector powersupplyclass.
type powerSupply struct {
	roots    *roots
	supplies *filter
}

func newPowerSupply(r *roots, supplies *filter) *powerSupply {
	return &powerSupply{roots: r, supplies: supplies}
}

// Name implements frame.Collector.
func (c *powerSupply) Name() string { return "powersupplyclass" }

// Families implements frame.Collector.
func (c *powerSupply) Families() []*frame.Family {
	return append([]*frame.Family{powerSupplyInfo}, familiesOf(powerSupplyFiles)...)
}

// Collect implements frame.Collector.
func (c *powerSupply) Collect(ctx context.Context, s *frame.Sink) error {
	info := &dto.MetricFamily{Name: &powerSupplyInfo.Name, Help: &powerSupplyInfo.Help, Type: dto.MetricType_GAUGE.Enum()}
	err := c.roots.devices(ctx, "class/power_supply", "", func(supply string, a *attributes) {
		if !c.supplies.watches([]byte(supply)) {
			return
		}
		names, err := a.folder.names()
		if err != nil {
			a.errs = append(a.errs, err)
		}
		for _, f := range powerSupplyFiles { // of so many, none has all
			if _, has := slices.BinarySearch(names, f.file); has {
				a.send(s, []numberFile{f}, supply)
			}
		}
		info.Metric = append(info.Metric, describe(supply, a))
	})
	if len(info.Metric) > 0 {
		s.Pass(info)
	}
	return err
}

// describe makes the metric that says in words what a power supply is.
func describe(supply string, a *attributes) *dto.Metric {
	one := 1.0
	label := "power_supply"
	m := &dto.Metric{Gauge: &dto.Gauge{Value: &one}, Label: []*dto.LabelPair{{Name: &label, Value: &supply}}}
	for _, file := range powerSupplyTexts {
		if text := a.text(file); text != "" {
			m.Label = append(m.Label, &dto.LabelPair{Name: &file, Value: &text})
		}
	}
	return m
}
