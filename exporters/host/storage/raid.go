//go:build linux

package storage

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

var (
	syncProgress = &frame.Family{
		Name: "tocsin_host_md_sync_progress_ratio", Labels: []string{"device", "action"},
		Help: "How far the array is with what it does: resync, recover, check, repair or reshape; absent while it does nothing.",
	}
	mismatchSectors = &frame.Family{
		Name: "tocsin_host_md_mismatch_sectors", Labels: []string{"device", "level"},
		Help: "Sectors that differed between the array's disks at the last check or repair.",
	}
)

// arrays tells of software RAID (Documentation/admin-guide/md.rst of the
// kernel). Arrays without disks to spare have none of these files.
func (c *Collector) arrays(s *frame.Sink) error {
	devices, err := list("md", c.machine.Sys, "block")
	errs := []error{err}
	for _, device := range devices {
		errs = append(errs, c.array(s, device))
	}
	return errors.Join(errs...)
}

func (c *Collector) array(s *frame.Sink, device string) error {
	var errs []error
	file := func(name string) string {
		text, err := read(c.machine.Sys, "block", device, "md", name)
		errs = append(errs, optional(err))
		return text
	}
	level, action, completed, mismatch := file("level"), file("sync_action"), file("sync_completed"), file("mismatch_cnt")
	if mismatch != "" {
		n, err := strconv.ParseUint(mismatch, 10, 64)
		if err == nil {
			s.Send(mismatchSectors, float64(n), device, level)
		}
		errs = append(errs, err)
	}
	ratio, doing, err := progress(completed)
	if doing && action != "" {
		s.Send(syncProgress, ratio, device, action)
	}
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("array %s: %w", device, err)
	}
	return nil
}

// progress reads "33551104 / 390620288", in sectors. An array that does
// nothing says none, one that waits for another says delayed.
func progress(completed string) (ratio float64, doing bool, err error) {
	before, after, ok := strings.Cut(completed, " / ")
	if !ok {
		return 0, false, nil
	}
	done, err1 := strconv.ParseUint(before, 10, 64)
	all, err2 := strconv.ParseUint(after, 10, 64)
	if err := errors.Join(err1, err2); err != nil || all == 0 {
		return 0, false, err
	}
	return min(float64(done)/float64(all), 1), true, nil
}
