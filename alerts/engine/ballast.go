package engine

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/shirou/gopsutil/v3/disk"
)

const (
	ballastBytes = 8 << 20
	// ballastDrop is the free space below which the ballast goes, and
	// ballastKeep the one above which it is laid again.
	ballastDrop = 4 << 20
	ballastKeep = 256 << 20
)

// ballast is a file that holds space for the moment when the disk is full: it
// is then removed, so that alerts, silences and what was said can still be
// written.
type ballast struct {
	path    string
	log     *slog.Logger
	dropped atomic.Bool
}

func newBallast(dir string, log *slog.Logger) *ballast {
	return &ballast{path: filepath.Join(dir, "ballast"), log: log}
}

// check lays the ballast where there is room and removes it where there is
// none. It is called at the start and every few seconds.
func (b *ballast) check() {
	room, err := disk.Usage(filepath.Dir(b.path))
	if err != nil {
		return
	}
	free := room.Free
	_, err = os.Stat(b.path)
	switch {
	case err == nil && free < ballastDrop:
		if err := os.Remove(b.path); err != nil {
			b.log.Error("ballast could not be removed", "err", err)
			return
		}
		b.dropped.Store(true)
		b.log.Error("disk is full, ballast removed to keep alerting", "folder", filepath.Dir(b.path), "freed", ballastBytes)
	case os.IsNotExist(err) && free > ballastKeep:
		if err := b.lay(); err != nil {
			b.log.Warn("ballast could not be laid", "err", err)
			return
		}
		b.dropped.Store(false)
	}
}

// lay reserves the space.
func (b *ballast) lay() error {
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("lay ballast: %w", err)
	}
	defer f.Close()
	if err := reserve(f, ballastBytes); err != nil {
		_ = os.Remove(b.path)
		return fmt.Errorf("lay ballast: %w", err)
	}
	return nil
}
