package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/disk"
	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// New returns all collectors of this machine. The configuration is one that
// SetDefaults has filled and Validate has found nothing wrong with.
func New(cfg Config, log *slog.Logger) []frame.Collector {
	return collectors(cfg, newRoots(cfg), kernel{
		statfs:   statfs,
		uname:    unix.Uname,
		adjtimex: unix.Adjtimex,
		now:      time.Now,
	}, log)
}

// collectors is the list of what exists.
func collectors(cfg Config, r *roots, k kernel, log *slog.Logger) []frame.Collector {
	disks := newFilter(cfg.Disks, log)
	interfaces := newFilter(cfg.Interfaces, log)
	return []frame.Collector{
		newCPU(r),
		newDiskstats(r, disks),
		newFilesystem(r, newFilter(cfg.MountPoints, log), newFilter(cfg.FilesystemTypes, log), k.statfs, log),
		newLoadavg(r),
		newMeminfo(r),
		newNetclass(r, interfaces),
		newNetdev(r, interfaces),
		newStat(r),
		newClock(r, k.now),
		newTimex(k.adjtimex),
		newUname(k.uname),
	}
}

// kernel is what the collectors ask by system call, so that tests can answer.
type kernel struct {
	statfs   statfsFunc
	uname    func(*unix.Utsname) error
	adjtimex func(*unix.Timex) (int, error)
	now      func() time.Time
}

// statfsFunc asks how full the file system at path is. It may never return.
type statfsFunc func(ctx context.Context, path string) (usage, error)

// usage is what statfs(2) says of a file system.
type usage struct {
	size, free, available uint64 // bytes
	files, filesFree      uint64
}

// statfs asks the kernel.
func statfs(ctx context.Context, path string) (usage, error) {
	u, err := disk.UsageWithContext(ctx, path)
	if err != nil {
		return usage{}, err
	}
	return usage{
		size: u.Total, free: u.Total - u.Used, available: u.Free,
		files: u.InodesTotal, filesFree: u.InodesFree,
	}, nil
}

// gopsutil gives ctx the roots in the form in which gopsutil takes them.
func (r *roots) gopsutil(ctx context.Context) context.Context {
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: r.proc,
		common.HostSysEnvKey:  r.sys,
		common.HostRootEnvKey: r.root,
	})
}
