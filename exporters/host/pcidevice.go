//go:build linux

package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

var pciLabels = []string{"segment", "bus", "device", "function"}

var (
	pciInfo = &frame.Family{
		Name: "node_pcidevice_info",
		Labels: append(pciLabels[:4:4], "parent_segment", "parent_bus", "parent_device", "parent_function",
			"class_id", "vendor_id", "device_id", "subsystem_vendor_id", "subsystem_device_id", "revision"),
		Help: "What the PCI device is; always 1.",
	}
	pciPower = &frame.Family{
		Name: "node_pcidevice_power_state", Labels: append(pciLabels[:4:4], "state"), Help: "How the device is powered: 1 for the state that it is in.",
	}
	pciNUMA = pciGauge("numa_node", "The NUMA node that the device is near to.")
)

// pciStates are the values of the label state (pci_power_names in
// drivers/pci/pci.c of the kernel).
var pciStates = []string{"D0", "D1", "D2", "D3hot", "D3cold", "unknown", "error"}

// pciFiles are sent for every device. What a device lacks is -1 for its link
// and 0 for its virtual functions, as with node_exporter
// (Documentation/ABI/testing/sysfs-bus-pci of the kernel).
var pciFiles = []struct {
	file    string
	family  *frame.Family
	lacking float64
	read    func(text string) (float64, error)
}{
	{"max_link_speed", pciGauge("max_link_transfers_per_second", "Transfers a second that the device's link can make; -1 without a link."), -1, transfers},
	{"max_link_width", pciGauge("max_link_width", "Lanes that the device's link can have; -1 without a link."), -1, decimal},
	{"current_link_speed", pciGauge("current_link_transfers_per_second", "Transfers a second that the device's link makes; -1 without a link."), -1, transfers},
	{"current_link_width", pciGauge("current_link_width", "Lanes that the device's link has; -1 without a link."), -1, decimal},
	{"d3cold_allowed", pciGauge("d3cold_allowed", "Whether the device may be put off altogether."), 0, decimal},
	{"sriov_drivers_autoprobe", pciGauge("sriov_drivers_autoprobe", "Whether drivers take the device's virtual functions."), 0, decimal},
	{"sriov_numvfs", pciGauge("sriov_numvfs", "Virtual functions that are on."), 0, decimal},
	{"sriov_totalvfs", pciGauge("sriov_totalvfs", "Virtual functions that the device can have."), 0, decimal},
	{"sriov_vf_total_msix", pciGauge("sriov_vf_total_msix", "Interrupts (MSI-X) for the virtual functions."), 0, decimal},
}

func pciGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_pcidevice_" + name, Labels: pciLabels, Help: help}
}

// transfers reads "8.0 GT/s PCIe".
func transfers(text string) (float64, error) {
	number, unit, _ := strings.Cut(text, " ")
	if unit != "GT/s PCIe" {
		return 0, fmt.Errorf("unknown unit in %s", strconv.Quote(text))
	}
	n, err := decimal(number)
	return n * 1e9, err
}

func decimal(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

// pciDevice is the collector pcidevice. It has no names of makers and
// devices: those stand in a file of a megabyte, which node_exporter reads when
// it is told to.
type pciDevice struct{ roots *roots }

func newPCIDevice(r *roots) *pciDevice { return &pciDevice{roots: r} }

// Name implements frame.Collector.
func (c *pciDevice) Name() string { return "pcidevice" }

// Families implements frame.Collector.
func (c *pciDevice) Families() []*frame.Family {
	families := []*frame.Family{pciInfo, pciPower, pciNUMA}
	for _, f := range pciFiles {
		families = append(families, f.family)
	}
	return families
}

// Collect implements frame.Collector.
func (c *pciDevice) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "bus/pci/devices", "", func(name string, a *attributes) {
		place, ok := pciPlace(name)
		if !ok {
			return
		}
		labels := append(place, c.parent(a.folder.path)...)
		for _, id := range []struct {
			file  string
			width int
		}{{"class", 6}, {"vendor", 4}, {"device", 4}, {"subsystem_vendor", 4}, {"subsystem_device", 4}, {"revision", 2}} {
			text := ""
			if n, ok := a.number(id.file); ok {
				text = fmt.Sprintf("0x%0*x", id.width, n)
			}
			labels = append(labels, text)
		}
		s.Send(pciInfo, 1, labels...)
		for _, f := range pciFiles {
			value, err := f.lacking, error(nil)
			if text := a.text(f.file); text != "" && !strings.HasPrefix(text, "Unknown") {
				value, err = f.read(text)
			}
			if err != nil {
				a.errs = append(a.errs, fmt.Errorf("%s/%s: %w", a.folder.path, f.file, err))
				continue
			}
			s.Send(f.family, value, place...)
		}
		if state := a.text("power_state"); state != "" {
			for _, one := range pciStates {
				s.Send(pciPower, truth(one == state), append(place[:4:4], one)...)
			}
		}
		if node, ok := a.number("numa_node"); ok && node != -1 {
			s.Send(pciNUMA, float64(node), place...)
		}
	})
}

// parent is the place of the device above, or four stars for one that is
// connected to the host itself.
func (c *pciDevice) parent(path string) []string {
	target, err := os.Readlink(path)
	if err == nil {
		if place, ok := pciPlace(filepath.Base(filepath.Dir(target))); ok {
			return place
		}
	}
	return []string{"*", "*", "*", "*"}
}

// pciPlace cuts 0000:00:1f.2 into segment, bus, device and function.
func pciPlace(name string) ([]string, bool) {
	segment, rest, _ := strings.Cut(name, ":")
	bus, rest, _ := strings.Cut(rest, ":")
	device, function, _ := strings.Cut(rest, ".")
	place := []string{segment, bus, device, function}
	for _, part := range place {
		if _, err := strconv.ParseUint(part, 16, 32); err != nil {
			return nil, false
		}
	}
	return place[:4:4], true
}
