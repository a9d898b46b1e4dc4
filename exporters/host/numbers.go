//go:build linux

package host

import (
	"context"
	"path/filepath"

	"tocsin/internal/frame"
)

// numbers is a collector of files under one folder, each of which holds one
// number: entropy, kernel_hung, ksmd.
type numbers struct {
	name   string
	folder string
	files  []numberFile
}

// Name implements frame.Collector.
func (c *numbers) Name() string { return c.name }

// Families implements frame.Collector.
func (c *numbers) Families() []*frame.Family { return familiesOf(c.files) }

// Collect implements frame.Collector. A kernel without the folder, or without
// all of the files, has no data.
func (c *numbers) Collect(_ context.Context, s *frame.Sink) error {
	sent := 0
	err := within(c.folder, func(a *attributes) {
		for _, f := range c.files {
			if n, ok := a.number(f.file); ok {
				s.Send(f.family, float64(n)/f.per)
				sent++
			}
		}
	})
	if err == nil && sent == 0 {
		return frame.ErrNoData
	}
	return err
}

// newEntropy is the collector entropy (random(4)).
func newEntropy(r *roots) *numbers {
	return &numbers{"entropy", filepath.Join(r.proc, "sys/kernel/random"), []numberFile{
		{"entropy_avail", &frame.Family{Name: "node_entropy_available_bits", Help: "Randomness in the kernel's pool, in bits."}, 1},
		{"poolsize", &frame.Family{Name: "node_entropy_pool_size_bits", Help: "How much randomness the kernel's pool holds, in bits."}, 1},
	}}
}

// newKernelHung is the collector kernel_hung: a counter that Linux 6.13 and
// newer have where they look for hung tasks (CONFIG_DETECT_HUNG_TASK).
func newKernelHung(r *roots) *numbers {
	return &numbers{"kernel_hung", filepath.Join(r.proc, "sys/kernel"), []numberFile{
		{"hung_task_detect_count", &frame.Family{
			Name: "node_kernel_hung_tasks_total", Type: frame.Counter, Help: "Tasks that the kernel has found hung since boot.",
		}, 1},
	}}
}

// newKSMD is the collector ksmd (Documentation/admin-guide/mm/ksm.rst).
func newKSMD(r *roots) *numbers {
	gauge := func(file, help string) numberFile {
		return numberFile{file, &frame.Family{Name: "node_ksmd_" + file, Help: help}, 1}
	}
	return &numbers{"ksmd", filepath.Join(r.sys, "kernel/mm/ksm"), []numberFile{
		{"full_scans", &frame.Family{Name: "node_ksmd_full_scans_total", Type: frame.Counter, Help: "Passes over all memory that may be merged."}, 1},
		gauge("merge_across_nodes", "Whether pages of different NUMA nodes are merged."),
		gauge("pages_shared", "Merged pages."),
		gauge("pages_sharing", "Places that use the merged pages: what is saved."),
		gauge("pages_to_scan", "Pages that are looked at before the daemon sleeps."),
		gauge("pages_unshared", "Pages that are looked at again and again, and have no twin."),
		gauge("pages_volatile", "Pages that change too fast to be merged."),
		gauge("run", "Whether pages are merged: 0 no, 1 yes, 2 no and what was merged is undone."),
		{"sleep_millisecs", &frame.Family{Name: "node_ksmd_sleep_seconds", Help: "How long the daemon sleeps between two looks, in seconds."}, 1000},
	}}
}

// lines calls use for each line of a file that is not empty. A kernel without
// the file has no data.
func (r *roots) lines(path string, use func(line []byte) bool) error {
	return present(r.read(path, func(content []byte) error { return eachLine(path, content, 0, use) }))
}
