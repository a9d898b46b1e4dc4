//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"tocsin/internal/frame"
)

var (
	bondingSlaves = &frame.Family{
		Name: "node_bonding_slaves", Labels: []string{"master"}, Help: "Interfaces that each bond is made of.",
	}
	bondingActive = &frame.Family{
		Name: "node_bonding_active", Labels: []string{"master"}, Help: "Interfaces of each bond whose link is up.",
	}
)

// bonding is the collector bonding. It reads sysfs, as the kernel's document
// networking/bonding.rst has it.
type bonding struct{ roots *roots }

func newBonding(r *roots) *bonding { return &bonding{roots: r} }

// Name implements frame.Collector.
func (c *bonding) Name() string { return "bonding" }

// Families implements frame.Collector.
func (c *bonding) Families() []*frame.Family { return []*frame.Family{bondingSlaves, bondingActive} }

// Collect implements frame.Collector.
func (c *bonding) Collect(_ context.Context, s *frame.Sink) error {
	class, err := openFolder(c.roots.sys, "class/net")
	if err != nil {
		return present(err)
	}
	defer class.close()
	masters, err := class.value("bonding_masters", make([]byte, pageOfSysfs))
	if err != nil {
		return present(err)
	}
	var errs []error
	sent := map[string]bool{}
	for master := range bytes.FieldsSeq(masters) {
		name := string(master)
		if !sent[name] {
			sent[name] = true
			errs = append(errs, c.bond(s, class, name))
		}
	}
	return errors.Join(errs...)
}

// bond sends what is known of one bond. One that has just gone is no error.
func (c *bonding) bond(s *frame.Sink, class folder, master string) error {
	slaves, err := class.value(filepath.Join(master, "bonding/slaves"), make([]byte, pageOfSysfs))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	all, active := 0, 0
	var errs []error
	var buffer [32]byte
	for slave := range bytes.FieldsSeq(slaves) {
		all++
		state, err := class.value(filepath.Join(master, "lower_"+string(slave), "bonding_slave/mii_status"), buffer[:])
		if errors.Is(err, fs.ErrNotExist) { // an older kernel
			state, err = class.value(filepath.Join(master, "slave_"+string(slave), "bonding_slave/mii_status"), buffer[:])
		}
		if string(state) == "up" {
			active++
		}
		errs = append(errs, err)
	}
	s.Send(bondingSlaves, float64(all), valid(master))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.Send(bondingActive, float64(active), valid(master))
	return nil
}
