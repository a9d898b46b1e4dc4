//go:build linux

package host

import (
	"log/slog"

	"tocsin/exporters/host/storage"
	"tocsin/internal/frame"
)

// newStorage makes the collector storage, for the mounts that the collector
// filesystem watches too.
func newStorage(m *machine) frame.Collector {
	// What is to be said of the list, filesystem says.
	v := newViews(m.roots, m.filter(m.cfg.MountPoints), m.filter(m.cfg.FilesystemTypes), slog.New(slog.DiscardHandler))
	return storage.New(storage.Machine{
		Proc: m.roots.proc, Sys: m.roots.sys, Root: m.cfg.Root,
		Mounts: func() ([]storage.Mount, error) {
			mounts, err := v.mounts()
			seen := make([]storage.Mount, len(mounts))
			for i := range mounts {
				m := &mounts[i]
				seen[i] = storage.Mount{Source: m.device, Major: m.major, Minor: m.minor, Point: m.point, Path: m.path, Kind: m.kind}
				if m.hidden {
					seen[i].Path = ""
				}
			}
			return seen, err
		},
	})
}
