//go:build linux

package storage

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

var (
	snapshots = &frame.Family{
		Name: "tocsin_host_zfs_snapshots", Labels: []string{"dataset"}, Help: "Snapshots of a dataset of ZFS that is mounted.",
	}
	snapshotsChanged = &frame.Family{
		Name: "tocsin_host_zfs_snapshots_changed_timestamp_seconds", Labels: []string{"dataset"},
		Help: "When a snapshot of the dataset was last made or removed: none is younger.",
	}
)

// snapshots tells of the datasets that are mounted. The folder .zfs/snapshot
// is listed and asked when it changed (zpl_snapdir_getattr of OpenZFS); what
// is in it is not touched: ZFS would mount the snapshots for that.
func (c *Collector) snapshots(ctx context.Context, s *frame.Sink, mounts []Mount) error {
	var errs []error
	told := map[string]bool{}
	for i := range mounts {
		m := &mounts[i]
		if m.Kind != "zfs" || m.Path == "" || told[m.Source] || c.suspended(m.Source) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		told[m.Source] = true
		errs = append(errs, sendSnapshots(s, m))
	}
	return errors.Join(errs...)
}

// suspended tells whether the dataset's pool has stopped for an error: whoever
// asks for its files then waits until it is mended.
func (c *Collector) suspended(dataset string) bool {
	pool, _, _ := strings.Cut(dataset, "/")
	state, err := read(c.machine.Proc, "spl/kstat/zfs", pool, "state")
	return err == nil && state == "SUSPENDED"
}

func sendSnapshots(s *frame.Sink, m *Mount) error {
	f, err := os.Open(filepath.Join(m.Path, ".zfs/snapshot"))
	if err != nil {
		return optional(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	count := 0
	for {
		names, err := f.Readdirnames(maxEntries)
		count += len(names)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	s.Send(snapshots, float64(count), m.Source)
	s.Send(snapshotsChanged, float64(info.ModTime().UnixMilli())/1000, m.Source)
	return nil
}
