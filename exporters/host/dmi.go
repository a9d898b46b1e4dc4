//go:build linux

package host

import (
	"context"
	"errors"
	"io/fs"

	"tocsin/internal/frame"
)

// dmiFiles are the files of /sys/class/dmi/id and the labels that they fill
// (drivers/firmware/dmi-id.c of the kernel). Serial numbers and the UUID are
// open to root alone.
var dmiFiles = []struct{ file, label string }{
	{"bios_date", "bios_date"},
	{"bios_release", "bios_release"},
	{"bios_vendor", "bios_vendor"},
	{"bios_version", "bios_version"},
	{"board_asset_tag", "board_asset_tag"},
	{"board_name", "board_name"},
	{"board_serial", "board_serial"},
	{"board_vendor", "board_vendor"},
	{"board_version", "board_version"},
	{"chassis_asset_tag", "chassis_asset_tag"},
	{"chassis_serial", "chassis_serial"},
	{"chassis_vendor", "chassis_vendor"},
	{"chassis_version", "chassis_version"},
	{"product_family", "product_family"},
	{"product_name", "product_name"},
	{"product_serial", "product_serial"},
	{"product_sku", "product_sku"},
	{"product_uuid", "product_uuid"},
	{"product_version", "product_version"},
	{"sys_vendor", "system_vendor"},
}

// dmiInfo declares the name; what is sent has the labels that can be read.
var dmiInfo = &frame.Family{Name: "node_dmi_info", Help: "What the machine's firmware says of the machine; always 1."}

// dmi is the collector dmi. What it reads cannot change before the next
// boot: it is read once.
type dmi struct {
	roots  *roots
	info   *frame.Family // nil: not read yet
	values []string
}

func newDMI(r *roots) *dmi { return &dmi{roots: r} }

// Name implements frame.Collector.
func (c *dmi) Name() string { return "dmi" }

// Families implements frame.Collector.
func (c *dmi) Families() []*frame.Family { return []*frame.Family{dmiInfo} }

// Collect implements frame.Collector.
func (c *dmi) Collect(_ context.Context, s *frame.Sink) error {
	if c.info == nil {
		if err := c.read(); err != nil {
			return err
		}
	}
	if len(c.values) == 0 {
		return frame.ErrNoData // no firmware of that kind: a board, many virtual machines
	}
	s.Send(c.info, 1, c.values...)
	return nil
}

func (c *dmi) read() error {
	d, err := openFolder(c.roots.sys, "class/dmi/id")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	info := &frame.Family{Name: dmiInfo.Name, Help: dmiInfo.Help}
	var values []string
	if err == nil {
		defer d.close()
		var buffer [512]byte
		for _, f := range dmiFiles {
			value, err := d.value(f.file, buffer[:])
			switch {
			case absent(err):
				continue
			case err != nil:
				return err
			}
			info.Labels = append(info.Labels, f.label)
			values = append(values, valid(string(value)))
		}
	}
	c.info, c.values = info, values
	return nil
}
