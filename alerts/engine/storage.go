package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
	"github.com/shirou/gopsutil/v3/disk"
	"golang.org/x/sys/unix"
)

// The size cap where the site gives none: the smaller of the two.
const (
	maxDefaultBytes  = 5_000_000_000
	defaultDiskShare = 10 // a tenth of the file system
)

// maxBlock is how long a block of the storage may get by merging: large enough
// to keep few files, small enough that retention by size cuts finely.
const maxBlock = 24 * time.Hour

// openStorage opens the TSDB in dir/tsdb. One that cannot be opened is set
// aside and a new one begins: setAside then names the folder that has the old
// measurements. A folder that another process uses is an error, not a reason
// to set it aside.
func openStorage(dir string, cfg Config, log *slog.Logger, reg prometheus.Registerer) (db *tsdb.DB, setAside string, err error) {
	path := filepath.Join(dir, "tsdb")
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = time.Duration(cfg.Retention).Milliseconds()
	opts.MaxBytes = sizeLimit(dir, cfg)
	opts.MaxBlockDuration = maxBlock.Milliseconds()
	opts.WALCompression = compression.Snappy

	// A registry of its own for each attempt: a failed one leaves metrics behind.
	metrics := prometheus.NewRegistry()
	db, err = tsdb.Open(path, log, metrics, opts, nil)
	if err == nil {
		return db, "", reg.Register(metrics)
	}
	if inUse(path) {
		return nil, "", fmt.Errorf("%w %s is in use by another Tocsin: stop it, or choose another folder with --data-dir or data_dir", ErrDataFolder, dir)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil, "", fmt.Errorf("%w: open measurements: %w", ErrDataFolder, err)
	}
	setAside = path + ".broken-" + time.Now().UTC().Format("20060102T150405")
	log.Error("measurements could not be opened, beginning anew", "err", err, "set_aside", setAside)
	if err := os.Rename(path, setAside); err != nil {
		return nil, "", fmt.Errorf("%w: set broken measurements aside: %w", ErrDataFolder, err)
	}
	metrics = prometheus.NewRegistry()
	db, err = tsdb.Open(path, log, metrics, opts, nil)
	if err != nil {
		return nil, "", fmt.Errorf("%w: open measurements: %w", ErrDataFolder, err)
	}
	return db, setAside, reg.Register(metrics)
}

// inUse tells whether another process holds the TSDB's lock, which is a flock.
func inUse(path string) bool {
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return true
	}
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
	return false
}

// sizeLimit is what the site says, else the smaller of 5 GB and a tenth of the
// file system.
func sizeLimit(dir string, cfg Config) int64 {
	if cfg.Size > 0 {
		return int64(cfg.Size)
	}
	room, err := disk.Usage(dir)
	if err != nil {
		return maxDefaultBytes
	}
	return min(maxDefaultBytes, int64(room.Total)/defaultDiskShare) //nolint:gosec // a file system's size fits
}
