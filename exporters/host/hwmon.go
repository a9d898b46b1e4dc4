//go:build linux

package host

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

var (
	hwmonChip  = &frame.Family{Name: "node_hwmon_chip_names", Labels: []string{"chip", "chip_name"}, Help: "What the chip calls itself; always 1."}
	hwmonLabel = &frame.Family{Name: "node_hwmon_sensor_label", Labels: []string{"chip", "sensor", "label"}, Help: "What the sensor is called; always 1."}
	// The kernel's files decide the other names.
	hwmonPattern = &frame.Family{
		Name: "node_hwmon_*", Labels: []string{"chip", "sensor"},
		Help: "A sensor's reading or limit, in the unit at the name's end: volts, amperes, watts, degrees Celsius, turns a minute.",
	}
	hwmonEnergy = &frame.Family{
		Name: "node_hwmon_energy*_joule_total", Type: frame.Counter, Labels: hwmonPattern.Labels, Help: "Energy used so far, in joules.",
	}
)

// hwmonKinds are the kinds of files that are read
// (Documentation/hwmon/sysfs-interface.rst of the kernel).
var hwmonKinds = []string{
	"vrm", "beep_enable", "update_interval", "in", "cpu", "fan", "pwm", "temp", "curr", "power", "energy", "humidity", "intrusion", "freq",
}

// hwmon is the collector hwmon. A chip on a slow or wedged bus may keep a
// read waiting for as long as it likes: the frame leaves the collector
// behind, and what was read before is on the page.
type hwmon struct {
	roots          *roots
	chips, sensors *filter
	families       map[hwmonKey]*frame.Family
}

func newHwmon(r *roots, chips, sensors *filter) *hwmon {
	return &hwmon{roots: r, chips: chips, sensors: sensors, families: map[hwmonKey]*frame.Family{}}
}

// Name implements frame.Collector.
func (c *hwmon) Name() string { return "hwmon" }

// Families implements frame.Collector.
func (c *hwmon) Families() []*frame.Family {
	return []*frame.Family{hwmonChip, hwmonLabel, hwmonPattern, hwmonEnergy}
}

// Collect implements frame.Collector.
func (c *hwmon) Collect(ctx context.Context, s *frame.Sink) error {
	chips, err := c.roots.hwmonChips(ctx)
	if len(chips) == 0 || ctx.Err() != nil { // of a part of the chips the labels would be wrong
		return err
	}
	errs := []error{err}
	for _, chip := range chips {
		if !c.chips.watches([]byte(chip.label)) {
			continue
		}
		sensors, err := chip.read(ctx)
		if name := cleanName(chip.name); name != "" {
			s.Send(hwmonChip, 1, chip.label, name)
		}
		for sensor, r := range sensors {
			if c.sensors.watches([]byte(chip.label + ";" + sensor)) {
				c.send(s, chip.label, sensor, r)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// hwmonFolder is one folder of /sys/class/hwmon.
type hwmonFolder struct {
	path  string
	name  string // what its driver calls it: coretemp
	place string // where it sits: platform_coretemp_0
	label string // place, made unique
}

// hwmonChips lists the chips and gives each the label by which node_exporter
// knows it: the folders' numbers change from boot to boot.
func (r *roots) hwmonChips(ctx context.Context) ([]hwmonFolder, error) {
	var chips []hwmonFolder
	places, names := map[string]int{}, map[[2]string]int{}
	err := r.devices(ctx, "class/hwmon", "", func(_ string, a *attributes) {
		chip := hwmonFolder{path: a.folder.path, name: a.text("name")}
		chip.place = chip.where(a.folder)
		if chip.place == "" {
			return
		}
		chips = append(chips, chip)
		places[chip.place]++
		names[[2]string{chip.place, chip.name}]++
	})
	for i := range chips {
		chip := &chips[i]
		chip.label = chip.place
		if places[chip.place] < 2 {
			continue
		}
		suffix := cleanName(chip.name)
		if names[[2]string{chip.place, chip.name}] > 1 {
			suffix = ""
		}
		chip.label += "_" + cmp.Or(suffix, cleanName(filepath.Base(chip.path)))
	}
	return chips, err
}

// where names the device that the chip belongs to by the last two parts of
// its path: pci0000:00/0000:00:18.3. Without a device it is the chip's name.
func (chip *hwmonFolder) where(d folder) string {
	if device, err := d.target("device"); err == nil {
		name, bus := cleanName(filepath.Base(device)), cleanName(filepath.Base(filepath.Dir(device)))
		switch {
		case name != "" && bus != "":
			return bus + "_" + name
		case name != "":
			return name
		}
	}
	if name := cleanName(chip.name); name != "" {
		return name
	}
	device, err := d.target(".")
	if err != nil {
		return ""
	}
	return cleanName(filepath.Base(device))
}

// readings are the files of one sensor, by what they say of it: input, max,
// label, ... and "" for the file that is called as the sensor is.
type readings struct {
	kind   string
	values map[string]string
}

// read reads all sensors of a chip. Older drivers have them in the folder of
// its device.
func (chip *hwmonFolder) read(ctx context.Context) (map[string]readings, error) {
	sensors := map[string]readings{}
	for _, path := range []string{chip.path, filepath.Join(chip.path, "device")} {
		err := within(path, func(a *attributes) {
			names, err := a.folder.names()
			if err != nil {
				a.errs = append(a.errs, err)
			}
			for _, file := range names {
				if err := ctx.Err(); err != nil {
					a.errs = append(a.errs, err)
					return
				}
				a.sensor(file, sensors)
			}
		})
		if err != nil {
			return sensors, err
		}
	}
	return sensors, nil
}

// sensor reads one file. A sensor that does not answer has no reading: what
// is not plugged in says ENODATA, EIO, ENXIO, EAGAIN, as its driver likes.
func (a *attributes) sensor(file string, sensors map[string]readings) {
	kind, sensor, element, ok := sensorFile(file)
	if !ok {
		return
	}
	value, err := a.folder.value(file, a.buffer[:])
	if err != nil {
		return
	}
	if sensors[sensor].values == nil {
		sensors[sensor] = readings{kind: kind, values: map[string]string{}}
	}
	sensors[sensor].values[element] = valid(string(value))
}

// sensorFile cuts temp1_max into its kind, sensor and element: temp, temp1,
// max. A file without a number belongs to sensor 0.
func sensorFile(file string) (kind, sensor, element string, ok bool) {
	digit := strings.IndexAny(file, "0123456789")
	if digit < 0 {
		return file, file + "0", "", slices.Contains(hwmonKinds, file)
	}
	kind = file[:digit]
	if !slices.Contains(hwmonKinds, kind) {
		return "", "", "", false
	}
	rest := file[digit:]
	n, err := strconv.Atoi(rest[:digits(rest)])
	rest = rest[digits(rest):]
	element, under := strings.CutPrefix(rest, "_")
	if err != nil || under != (element != "") || (!under && rest != "") {
		return "", "", "", false
	}
	return kind, kind + strconv.Itoa(n), element, true
}

// cleanName makes a label of a path or name: lower case, and an underscore
// for what is no letter, digit or colon.
func cleanName(text string) string {
	cleaned := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == ':' || c == '_' {
			return c
		}
		return '_'
	}, strings.ToLower(text))
	return strings.Trim(cleaned, "_")
}
