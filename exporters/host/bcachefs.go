//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"tocsin/internal/frame"
)

var (
	bcachefsInfo         = bcachefsGauge("info", "The bcachefs file system; always 1.")
	bcachefsCache        = bcachefsGauge("btree_cache_size_bytes", "Memory that holds the B-trees.")
	bcachefsCompressed   = bcachefsGauge("compression_compressed_bytes", "Size of compressed data on disk.", "algorithm")
	bcachefsUncompressed = bcachefsGauge("compression_uncompressed_bytes", "Size of compressed data once unpacked.", "algorithm")
	bcachefsWriteSize    = bcachefsGauge("btree_write_average_size_bytes", "Average size of a write to the B-trees.", "type")
	bcachefsWrites       = bcachefsCounter("btree_writes_total", "Writes to the B-trees.", "type")
	bcachefsErrors       = bcachefsCounter("errors_total", "Errors that the file system found in itself.", "error_type")
	bcachefsDeviceInfo   = bcachefsGauge("device_info", "A device of the file system and what it may be used for; always 1.", "device", "label", "state")
	bcachefsBucketSize   = bcachefsGauge("device_bucket_size_bytes", "Size of a bucket of the device.", "device")
	bcachefsIODone       = bcachefsCounter("device_io_done_bytes_total", "Data read from the device and written to it.", "device", "operation", "data_type")
	bcachefsIOErrors     = bcachefsCounter("device_io_errors_total", "Errors of the device since the file system was made.", "device", "type")
	// The folder counters decides the other names.
	bcachefsPattern = bcachefsCounter("*_total", "A count of bcachefs since the file system was made.")
)

var bcachefsDevice = []numberFile{
	{"nbuckets", bcachefsGauge("device_buckets", "Buckets of the device.", "device"), 1},
	{"durability", bcachefsGauge("device_durability", "How many copies one copy on the device counts for.", "device"), 1},
}

func bcachefsGauge(name, help string, labels ...string) *frame.Family {
	return &frame.Family{Name: "node_bcachefs_" + name, Labels: append([]string{"uuid"}, labels...), Help: help}
}

func bcachefsCounter(name, help string, labels ...string) *frame.Family {
	f := bcachefsGauge(name, help, labels...)
	f.Type = frame.Counter
	return f
}

// bcachefs is the collector bcachefs (Documentation/filesystems/bcachefs of
// the kernel, fs/bcachefs/sysfs.c).
type bcachefs struct {
	roots    *roots
	families map[string]*frame.Family // by the counter's name
}

func newBcachefs(r *roots) *bcachefs {
	return &bcachefs{roots: r, families: map[string]*frame.Family{}}
}

// Name implements frame.Collector.
func (c *bcachefs) Name() string { return "bcachefs" }

// Families implements frame.Collector.
func (c *bcachefs) Families() []*frame.Family {
	return append(familiesOf(bcachefsDevice),
		bcachefsInfo, bcachefsCache, bcachefsCompressed, bcachefsUncompressed, bcachefsWriteSize, bcachefsWrites, bcachefsErrors,
		bcachefsDeviceInfo, bcachefsBucketSize, bcachefsIODone, bcachefsIOErrors, bcachefsPattern)
}

// Collect implements frame.Collector.
func (c *bcachefs) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "fs/bcachefs", "", func(uuid string, a *attributes) {
		s.Send(bcachefsInfo, 1, uuid)
		a.sendSize(s, "btree_cache_size", bcachefsCache, uuid)
		c.lines(a, "compression_stats", 1, func(f []string) bool {
			return len(f) < 3 || sendSizes(s, []*frame.Family{bcachefsCompressed, bcachefsUncompressed}, f[1:3], uuid, f[0])
		})
		c.lines(a, "btree_write_stats", 1, func(f []string) bool {
			return len(f) < 3 || sendSizes(s, []*frame.Family{bcachefsWrites, bcachefsWriteSize}, f[1:3], uuid, f[0])
		})
		c.lines(a, "errors", 0, func(f []string) bool {
			return len(f) < 2 || sendSizes(s, []*frame.Family{bcachefsErrors}, f[1:2], uuid, f[0])
		})
		names, err := a.folder.names()
		if err != nil {
			a.errs = append(a.errs, err)
		}
		for _, name := range names {
			path := filepath.Join(a.folder.path, name)
			if device, is := strings.CutPrefix(name, "dev-"); is {
				a.errs = append(a.errs, within(path, func(a *attributes) { c.device(s, a, uuid, device) }))
			}
		}
		a.errs = append(a.errs, within(filepath.Join(a.folder.path, "counters"), func(a *attributes) { c.counters(s, a, uuid) }))
	})
}

// counters sends the folder's files: what was counted since the file system
// was made. Beside it stands what was counted since it was mounted.
func (c *bcachefs) counters(s *frame.Sink, a *attributes, uuid string) {
	names, err := a.folder.names()
	if err != nil {
		a.errs = append(a.errs, err)
	}
	for _, name := range names {
		c.lines(a, name, 0, func(f []string) bool {
			if len(f) != 4 || f[2] != "creation" { // since filesystem creation: 12
				return true
			}
			return sendSizes(s, []*frame.Family{c.family(name)}, f[3:], uuid)
		})
	}
}

func (c *bcachefs) family(counter string) *frame.Family {
	if c.families[counter] == nil {
		c.families[counter] = bcachefsCounter(notInNames().ReplaceAllString(counter, "_")+"_total", bcachefsPattern.Help)
	}
	return c.families[counter]
}

func (c *bcachefs) device(s *frame.Sink, a *attributes, uuid, device string) {
	s.Send(bcachefsDeviceInfo, 1, uuid, device, a.text("label"), a.text("state"))
	a.send(s, bcachefsDevice, uuid, device)
	a.sendSize(s, "bucket_size", bcachefsBucketSize, uuid, device)
	operation := ""
	c.lines(a, "io_done", 0, func(f []string) bool {
		switch {
		case len(f) == 1 && (f[0] == "read" || f[0] == "write"):
			operation = f[0]
		case len(f) == 2 && operation != "":
			return sendSizes(s, []*frame.Family{bcachefsIODone}, f[1:], uuid, device, operation, f[0])
		}
		return true
	})
	ever := false // in the part that counts since the file system was made
	c.lines(a, "io_errors", 0, func(f []string) bool {
		switch {
		case f[0] == "IO":
			ever = len(f) > 4 && f[4] == "creation"
		case ever && len(f) == 2:
			return sendSizes(s, []*frame.Family{bcachefsIOErrors}, f[1:], uuid, device, f[0])
		}
		return true
	})
}

// lines hands over the fields of a file's lines, but for the first ones: white
// space and colons part them. use is false for a line that it does not
// understand.
func (c *bcachefs) lines(a *attributes, file string, skip int, use func(fields []string) bool) {
	path := filepath.Join(a.folder.path, file)
	err := c.roots.read(path, func(content []byte) error {
		var errs []error
		for line := range bytes.Lines(content) {
			fields := strings.FieldsFunc(valid(string(line)), func(c rune) bool { return c == ':' || unicode.IsSpace(c) })
			if skip > 0 {
				skip--
				continue
			}
			if len(fields) > 0 && !use(fields) {
				errs = append(errs, malformed(path, line))
			}
		}
		return errors.Join(errs...)
	})
	if !missing(err) {
		a.errs = append(a.errs, err)
	}
}

// sendSize sends a file that holds a size, as 524k.
func (a *attributes) sendSize(s *frame.Sink, file string, family *frame.Family, labels ...string) {
	if text := a.text(file); text != "" && !sendSizes(s, []*frame.Family{family}, []string{text}, labels...) {
		a.errs = append(a.errs, malformed(a.folder.path+"/"+file, []byte(text)))
	}
}

// sendSizes sends fields, each as the family at its place.
func sendSizes(s *frame.Sink, families []*frame.Family, fields []string, labels ...string) bool {
	for i, family := range families {
		n, ok := bcachefsSize(fields[i])
		if !ok {
			return false
		}
		s.Send(family, n, labels...)
	}
	return true
}

// bcachefsSize reads 1.5G as prt_human_readable_u64 (fs/bcachefs/util.c of the
// kernel) writes it, in units of 1024.
func bcachefsSize(text string) (float64, bool) {
	factor := 1.0
	if last := len(text) - 1; last > 0 {
		if power := strings.IndexByte("kMGTPE", text[last]); power >= 0 {
			text = text[:last]
			for range power + 1 {
				factor *= 1024
			}
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	n *= factor
	if err != nil || !(n >= 0 && n <= 1<<64) { // no NaN either
		return 0, false
	}
	return float64(uint64(min(n, 1<<63))), true
}
