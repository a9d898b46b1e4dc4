//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"tocsin/internal/frame"
)

// zfsFiles are the statistics of ZFS as a whole, and the names under which
// they are sent. A version of ZFS has some of them.
var zfsFiles = []struct{ file, prefix string }{
	{"abdstats", "node_zfs_abd_"},
	{"arcstats", "node_zfs_arc_"},
	{"dbufstats", "node_zfs_dbuf_"},
	{"dmu_tx", "node_zfs_dmu_tx_"},
	{"dnodestats", "node_zfs_dnode_"},
	{"fm", "node_zfs_fm_"},
	{"vdev_cache_stats", "node_zfs_vdev_cache_"},
	{"vdev_mirror_stats", "node_zfs_vdev_mirror_"},
	{"xuio_stats", "node_zfs_xuio_"},
	{"zfetchstats", "node_zfs_zfetch_"},
	{"zil", "node_zfs_zil_"},
}

const (
	zfsPoolPrefix    = "node_zfs_zpool_"
	zfsDatasetPrefix = "node_zfs_zpool_dataset_"
)

var zfsState = &frame.Family{Name: "node_zfs_zpool_state", Labels: []string{"zpool", "state"}, Help: "How the pool stands: 1 for the state that it is in."}

// zfsStates are the values of the label state.
var zfsStates = []string{"online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"}

// zfs is the collector zfs: the kstats that OpenZFS puts under
// /proc/spl/kstat/zfs (module/os/linux/spl/spl-kstat.c of OpenZFS).
type zfs struct {
	roots    *roots
	families map[string]map[string]*frame.Family // by prefix, then by the kernel's name
}

func newZFS(r *roots) *zfs { return &zfs{roots: r, families: map[string]map[string]*frame.Family{}} }

// Name implements frame.Collector.
func (c *zfs) Name() string { return "zfs" }

// Families implements frame.Collector.
func (c *zfs) Families() []*frame.Family {
	families := []*frame.Family{
		zfsState,
		{Name: zfsDatasetPrefix + "*", Type: frame.Untyped, Labels: []string{"zpool", "dataset"}, Help: "A statistic of a ZFS dataset, as OpenZFS counts it."},
		{Name: zfsPoolPrefix + "*", Type: frame.Untyped, Labels: []string{"zpool"}, Help: "A statistic of a ZFS pool, as OpenZFS before 2.1 counts it."},
	}
	for _, f := range zfsFiles {
		families = append(families, &frame.Family{Name: f.prefix + "*", Type: frame.Untyped, Help: "A number of ZFS's " + f.file + ", as OpenZFS counts it."})
	}
	return families
}

// Collect implements frame.Collector.
func (c *zfs) Collect(ctx context.Context, s *frame.Sink) error {
	root := filepath.Join(c.roots.proc, "spl/kstat/zfs")
	names, err := list(root)
	if errors.Is(err, fs.ErrNotExist) {
		return frame.ErrNoData
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range zfsFiles {
		err := c.kstat(filepath.Join(root, f.file), func(_ string, name []byte, value float64) { c.send(s, f.prefix, name, nil, value) })
		errs = append(errs, err)
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil { // thousands of datasets are no rarity
			return errors.Join(append(errs, err)...)
		}
		errs = append(errs, c.pool(ctx, s, filepath.Join(root, name), valid(name)))
	}
	return errors.Join(errs...)
}

// pool sends what one folder has; a name that is no folder has nothing.
func (c *zfs) pool(ctx context.Context, s *frame.Sink, path, pool string) error {
	files, err := list(path)
	if missing(err) { // a file of zfsFiles, or a pool that was exported meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		full := filepath.Join(path, file)
		switch {
		case file == "state":
			err = c.state(s, full, pool)
		case file == "io":
			err = c.io(s, full, pool)
		case strings.HasPrefix(file, "objset-"):
			err = c.kstat(full, func(dataset string, name []byte, value float64) {
				c.send(s, zfsDatasetPrefix, name, []string{pool, dataset}, value)
			})
		default:
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// state reads ONLINE, DEGRADED, ...
func (c *zfs) state(s *frame.Sink, path, pool string) error {
	return c.roots.read(path, func(content []byte) error {
		line, _, _ := bytes.Cut(content, []byte("\n"))
		if len(line) == 0 {
			return errors.New(path + ": empty")
		}
		state := strings.ToLower(string(line))
		for _, one := range zfsStates {
			s.Send(zfsState, truth(one == state), pool, one)
		}
		return nil
	})
}

// io reads a pool's traffic.
func (c *zfs) io(s *frame.Sink, path, pool string) error {
	return c.roots.read(path, func(content []byte) error {
		return parseIO(path, content, func(name []byte, value float64) { c.send(s, zfsPoolPrefix, name, []string{pool}, value) })
	})
}

// parseIO reads a line of names and a line of numbers; above them stands a
// line of the kstat itself.
func parseIO(path string, content []byte, use func(name []byte, value float64)) error {
	var names [][]byte
	for line := range bytes.Lines(content) {
		fields := bytes.Fields(line)
		if names == nil {
			if len(fields) >= 12 && string(fields[0]) == "nread" {
				names = fields
			}
			continue
		}
		if len(fields) != len(names) {
			return malformed(path, line)
		}
		for i, field := range fields {
			n, ok := number(field)
			if !ok || !metricName(names[i]) {
				return malformed(path, line)
			}
			use(names[i], float64(n))
		}
		return nil
	}
	return errors.New(path + ": no numbers")
}

// The types of a kstat's values that are sent, and the one that names a
// dataset (KSTAT_DATA_* in OpenZFS's sys/kstat.h).
const (
	kstatInt64  = "3"
	kstatUint64 = "4"
	kstatString = "7"
)

// kstat reads a file of names and values. One that is not there is none of
// this version's.
func (c *zfs) kstat(path string, use func(dataset string, name []byte, value float64)) error {
	err := c.roots.read(path, func(content []byte) error { return parseKstat(path, content, use) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// parseKstat reads lines of name, type and value; above them stand two lines
// of the kstat itself.
func parseKstat(path string, content []byte, use func(dataset string, name []byte, value float64)) error {
	var errs []error
	begun := false
	dataset := ""
	for line := range bytes.Lines(content) {
		line = bytes.TrimRight(line, "\n")
		name, rest := nextField(line)
		kind, rest := nextField(rest)
		text := bytes.TrimSpace(rest)
		switch {
		case !begun:
			begun = string(name) == "name" && string(kind) == "type" && string(text) == "data"
		case string(name) == "dataset_name" && string(kind) == kstatString:
			dataset = valid(string(text))
		case string(kind) == kstatInt64 || string(kind) == kstatUint64:
			value, ok := kstatNumber(text)
			if !ok || !metricName(name) {
				errs = append(errs, malformed(path, line))
				continue
			}
			use(dataset, name, value)
		}
	}
	if !begun {
		errs = append(errs, errors.New(path+": no kstat"))
	}
	return errors.Join(errs...)
}

func kstatNumber(text []byte) (float64, bool) {
	if n, ok := number(text); ok {
		return float64(n), true
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return float64(n), err == nil
}

// metricName tells whether a kstat's name can end a metric's.
func metricName(name []byte) bool {
	for _, c := range name {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return len(name) > 0
}

// maxKstats bounds how many names one file may have; arcstats has some 150.
const maxKstats = 1000

func (c *zfs) send(s *frame.Sink, prefix string, name []byte, labels []string, value float64) {
	known := c.families[prefix]
	if known == nil || len(known) >= maxKstats {
		known = map[string]*frame.Family{}
		c.families[prefix] = known
	}
	f := known[string(name)]
	if f == nil {
		f = &frame.Family{Name: prefix + strings.ReplaceAll(string(name), "-", "_"), Type: frame.Untyped, Help: "ZFS's " + string(name) + ", as OpenZFS counts it."}
		switch prefix {
		case zfsPoolPrefix:
			f.Labels = []string{"zpool"}
		case zfsDatasetPrefix:
			f.Labels = []string{"zpool", "dataset"}
		}
		known[string(name)] = f
	}
	s.Send(f, value, labels...)
}
