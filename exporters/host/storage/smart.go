//go:build linux

package storage

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

var (
	selfTestErrors = &frame.Family{
		Name: "tocsin_host_smart_self_test_errors", Labels: []string{"disk"},
		Help: "Self-tests that the disk failed, as smartd last saw them.",
	}
	errorLogEntries = &frame.Family{
		Name: "tocsin_host_smart_error_log_entries", Labels: []string{"disk"},
		Help: "Errors that the disk noted in its own log, as smartd last saw them.",
	}
	attributeRaw = &frame.Family{
		Name: "tocsin_host_smart_attribute_raw", Labels: []string{"disk", "attribute"},
		Help: "A count that tells of a dying disk, as smartd last saw it: reallocated_sectors, reported_uncorrectable, pending_sectors, offline_uncorrectable, crc_errors.",
	}
)

// attributes are those of ATA's attributes whose raw value is a plain count
// on all disks, and that say something. Others are packed as the maker likes.
var attributes = map[uint64]string{
	5: "reallocated_sectors", 187: "reported_uncorrectable", 197: "pending_sectors", 198: "offline_uncorrectable", 199: "crc_errors",
}

// maxDisks bounds how many of smartd's files are read.
const maxDisks = 256

// disks reads the files in which smartd keeps what it saw (smartd(8), option
// savestates, which Debian sets): smartd.MODEL-SERIAL.TYPE.state.
func (c *Collector) disks(s *frame.Sink) error {
	folder := filepath.Join(c.machine.Root, "var/lib/smartmontools")
	files, err := list("smartd.", folder)
	errs := []error{err}
	seen := 0
	for _, file := range files {
		disk, is := strings.CutSuffix(strings.TrimPrefix(file, "smartd."), ".state") // beside them lies smartd.x.state~
		if !is || seen == maxDisks {
			continue
		}
		seen++
		content, err := read(folder, file)
		if err != nil {
			errs = append(errs, optional(err))
			continue
		}
		parseState(content).send(s, strings.ToValidUTF8(disk, "\uFFFD"))
	}
	return errors.Join(errs...)
}

// smartState is what one file of smartd says; nil is not said.
type smartState struct {
	selfTests, log *uint64
	raw            map[string]uint64 // by attributes' names
}

// parseState reads lines of "key = number". Of an attribute the id stands
// before the raw value: ata-smart-attribute.0.id = 5. smartd writes no line
// for a zero (write_dev_state_line in smartd.cpp): an attribute that the disk
// has is 0 then, while without a number of failed tests nobody may have looked
// for them.
func parseState(content string) smartState {
	state := smartState{raw: map[string]uint64{}}
	ids := map[string]uint64{} // by the attribute's number in the file
	for line := range strings.Lines(content) {
		key, value, _ := strings.Cut(line, "=")
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		if err != nil {
			continue
		}
		switch key = strings.TrimSpace(key); key {
		case "self-test-errors":
			state.selfTests = &n
		case "ata-error-count", "nvme-err-log-entries":
			state.log = &n
		}
		entry, is := strings.CutPrefix(key, "ata-smart-attribute.")
		number, field, _ := strings.Cut(entry, ".")
		switch {
		case is && field == "id":
			ids[number] = n
			n = 0
			fallthrough
		case is && field == "raw":
			if name := attributes[ids[number]]; name != "" {
				state.raw[name] = n
			}
		}
	}
	return state
}

func (state smartState) send(s *frame.Sink, disk string) {
	if state.selfTests != nil {
		s.Send(selfTestErrors, float64(*state.selfTests), disk)
	}
	if state.log != nil {
		s.Send(errorLogEntries, float64(*state.log), disk)
	}
	for attribute, n := range state.raw {
		s.Send(attributeRaw, float64(n), disk, attribute)
	}
}
