//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"tocsin/internal/frame"
)

var (
	infinibandInfo = &frame.Family{
		Name: "node_infiniband_info", Labels: []string{"device", "board_id", "firmware_version", "hca_type"},
		Help: "What the InfiniBand adapter is, in words; always 1.",
	}
	infinibandState    = infinibandGauge("state_id", "State of the port: 1 down, 2 initialising, 3 armed, 4 active, 5 active, deferred.")
	infinibandPhysical = infinibandGauge("physical_state_id", "State of the link: 1 asleep, 2 polling, 3 disabled, 4 training, 5 up, 6 recovering, 7 under test.")
	infinibandRate     = infinibandGauge("rate_bytes_per_second", "Speed of the link, in bytes a second.")
	infinibandLifespan = infinibandGauge("lifespan_seconds", "How long the adapter keeps counters before it reads them anew, in seconds.")
)

func infinibandGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_infiniband_" + name, Labels: []string{"device", "port"}, Help: help}
}

// infiniband is the collector infiniband. It reads sysfs itself, and the files
// that it sends alone: procfs gives up all adapters for one file, and reads
// each that is there.
type infiniband struct{ roots *roots }

func newInfiniband(r *roots) *infiniband { return &infiniband{roots: r} }

// Name implements frame.Collector.
func (c *infiniband) Name() string { return "infiniband" }

// Families implements frame.Collector.
func (c *infiniband) Families() []*frame.Family {
	families := []*frame.Family{infinibandInfo, infinibandState, infinibandPhysical, infinibandRate, infinibandLifespan}
	for _, counter := range infinibandCounters {
		families = append(families, counter.family)
	}
	return families
}

// Collect implements frame.Collector.
func (c *infiniband) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.class(ctx, "infiniband", nil, func(d folder, device string) error {
		a := attributes{folder: d}
		s.Send(infinibandInfo, 1, device, a.text("board_id"), a.text("fw_ver"), a.text("hca_type"))
		ports, err := os.ReadDir(filepath.Join(d.path, "ports"))
		errs := append(a.errs, err)
		for _, port := range ports {
			errs = append(errs, ctx.Err(), infinibandPort(s, filepath.Join(d.path, "ports", port.Name()), device, port.Name()))
		}
		return errors.Join(errs...)
	})
}

// infinibandPort sends one port (Documentation/ABI/stable/sysfs-class-infiniband).
func infinibandPort(s *frame.Sink, path, device, port string) error {
	if _, err := strconv.ParseUint(port, 10, 32); err != nil {
		return err
	}
	d, err := openFolder(path)
	if err != nil {
		return err
	}
	defer d.close()
	a := attributes{folder: d}
	for _, state := range []struct {
		file   string
		family *frame.Family
	}{{"state", infinibandState}, {"phys_state", infinibandPhysical}} {
		if text := a.value(state.file); len(text) > 0 { // 4: ACTIVE
			id, _, colon := bytes.Cut(text, []byte(":"))
			if n, ok := number(id); ok && colon {
				s.Send(state.family, float64(n), device, port)
			} else {
				a.errs = append(a.errs, malformed(d.path+"/"+state.file, text))
			}
		}
	}
	if text := a.value("rate"); len(text) > 0 { // 100 Gb/sec (4X EDR)
		rate, rest := nextField(text)
		gigabits, err := strconv.ParseFloat(string(rate), 64)
		if err != nil || !bytes.HasPrefix(rest, []byte(" Gb/sec")) {
			a.errs = append(a.errs, malformed(d.path+"/rate", text))
		} else {
			s.Send(infinibandRate, gigabits*1e9/8, device, port)
		}
	}
	for _, counter := range infinibandCounters {
		if n, ok := a.count(counter.file); ok {
			s.Send(counter.family, float64(n)*counter.unit, device, port)
		}
	}
	if milliseconds, ok := a.count("hw_counters/lifespan"); ok {
		s.Send(infinibandLifespan, float64(milliseconds)/1000, device, port)
	}
	return errors.Join(a.errs...)
}
