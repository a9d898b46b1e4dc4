package backups

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/lazy"
)

// zfs are the snapshots of a file system, by their names. The folder
// .zfs/snapshot is only listed: to look into one of its entries would mount
// it. So when a snapshot was made is known only where its name says so, as
// those of sanoid, zfs-auto-snapshot, pyznap, syncoid and zrepl do.
type zfs struct {
	mountPoint, prefix string
	zone               *time.Location
}

// look implements source.
func (z zfs) look(ctx context.Context, now time.Time) (finding, error) {
	folder := filepath.Join(z.mountPoint, ".zfs", "snapshot")
	d, err := os.Open(folder)
	if errors.Is(err, os.ErrNotExist) {
		return finding{}, &placeError{reasonMissing, err, "write the mount point of a ZFS file system, and see that it is mounted"}
	}
	if err != nil {
		return finding{}, err
	}
	defer d.Close()
	var times []int64
	dateless := 0
	for left := maxFiles; ; {
		names, err := d.Readdirnames(batch)
		if left -= len(names); left < 0 {
			return finding{}, &placeError{reasonTooMany, fmt.Errorf("%s has more than %d snapshots", folder, maxFiles), "destroy what is not needed"}
		}
		for _, name := range names {
			if !strings.HasPrefix(name, z.prefix) {
				continue
			}
			if at, ok := parseSnapshot(name[len(z.prefix):], z.zone); ok {
				times = append(times, at.Unix())
			} else {
				dateless++
			}
		}
		switch {
		case ctx.Err() != nil:
			return finding{}, ctx.Err()
		case errors.Is(err, io.EOF) && dateless > 0 && len(times) == 0:
			return finding{}, &placeError{reasonForm, fmt.Errorf("no snapshot in %s has a date in its name", folder), "name them as prefix_2026-01-31_23:00, or write a stamp"}
		case errors.Is(err, io.EOF):
			return finding{series: untold(times, now)}, nil
		case err != nil:
			return finding{}, err
		}
	}
}

// dated finds a day, and a time of day after it.
var dated = lazy.Regexp(`(\d{4})(-?)(\d{2})(-?)(\d{2})(?:[-_T:. ]?(\d{2})[:.h-]?(\d{2})(?:[:.m-]?(\d{2}))?)?`)

// parseSnapshot finds the time in a snapshot's name. A name with a day alone
// means its beginning.
func parseSnapshot(name string, zone *time.Location) (time.Time, bool) {
	for rest := name; ; {
		at := dated().FindStringSubmatchIndex(rest)
		if at == nil {
			return time.Time{}, false
		}
		if t, ok := timeIn(rest, at, zone); ok {
			return t, true
		}
		rest = rest[at[0]+1:] // the day may begin within what was none
	}
}

// timeIn reads what was found at these places, as regexp has them.
func timeIn(name string, at []int, zone *time.Location) (time.Time, bool) {
	part := func(i int) string { return name[max(at[2*i], 0):max(at[2*i+1], 0)] }
	n := func(i int) int { v, _ := strconv.Atoi(part(i)); return v } // empty is 0
	year, month, day, hour, minute, second := n(1), n(3), n(5), n(6), n(7), n(8)
	if hour > 23 || minute > 59 || second > 60 {
		hour, minute, second = 0, 0, 0
	}
	noon := time.Date(year, time.Month(month), day, 12, 0, 0, 0, time.UTC)
	if part(2) != part(4) || noon.Day() != day || int(noon.Month()) != month {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, zone)
	return t, !t.Before(earliest) && t.Before(farthest)
}
