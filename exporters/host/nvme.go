//go:build linux

package host

import (
	"context"
	"path/filepath"
	"strings"

	"tocsin/internal/frame"
)

var (
	nvmeInfo = &frame.Family{
		Name: "node_nvme_info", Labels: []string{"device", "firmware_revision", "model", "serial", "state", "cntlid"},
		Help: "What the NVMe controller is, in words; always 1.",
	}
	nvmeNamespaceInfo = &frame.Family{
		Name: "node_nvme_namespace_info", Labels: []string{"device", "nsid", "ana_state"},
		Help: "The namespaces of the controller and how this path to them stands; always 1.",
	}
	nvmeCapacity  = nvmeGauge("capacity_bytes", "Size of the namespace, as node_nvme_namespace_size_bytes.")
	nvmeSize      = nvmeGauge("size_bytes", "The namespace's file size, multiplied by its block size as node_exporter does: too much where a block is not 512 bytes.")
	nvmeUsed      = nvmeGauge("used_bytes", "How much of the namespace is in use; absent before Linux 6.8.")
	nvmeBlockSize = nvmeGauge("logical_block_size_bytes", "Size of one block of the namespace.")
)

func nvmeGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_nvme_namespace_" + name, Labels: []string{"device", "nsid"}, Help: help}
}

// nvme is the collector nvme.
type nvme struct{ roots *roots }

func newNVMe(r *roots) *nvme { return &nvme{roots: r} }

// Name implements frame.Collector.
func (c *nvme) Name() string { return "nvme" }

// Families implements frame.Collector.
func (c *nvme) Families() []*frame.Family {
	return []*frame.Family{nvmeInfo, nvmeNamespaceInfo, nvmeCapacity, nvmeSize, nvmeUsed, nvmeBlockSize}
}

// Collect implements frame.Collector.
func (c *nvme) Collect(ctx context.Context, s *frame.Sink) error {
	return c.roots.devices(ctx, "class/nvme", "", func(device string, a *attributes) {
		s.Send(nvmeInfo, 1, device, a.text("firmware_rev"), a.text("model"), a.text("serial"), a.text("state"), a.text("cntlid"))
		names, err := a.folder.names()
		if err != nil {
			a.errs = append(a.errs, err)
		}
		for _, name := range names {
			if id, ok := namespace(name); ok {
				err := within(filepath.Join(a.folder.path, name), func(a *attributes) { sendNamespace(s, a, device, id) })
				a.errs = append(a.errs, err)
			}
		}
	})
}

// namespace takes the number of the namespace from nvme0n1.
func namespace(name string) (id string, ok bool) {
	rest, is := strings.CutPrefix(name, "nvme")
	controller := digits(rest)
	if !is || controller == 0 {
		return "", false
	}
	return numbered(rest[controller:], "n")
}

func sendNamespace(s *frame.Sink, a *attributes, device, id string) {
	state := a.text("ana_state")
	if state == "" {
		state = "unknown" // a drive with one way to it has none
	}
	s.Send(nvmeNamespaceInfo, 1, device, id, state)
	block, ok := a.number("queue/logical_block_size")
	if !ok {
		return
	}
	s.Send(nvmeBlockSize, float64(block), device, id)
	if size, ok := a.number("size"); ok {
		s.Send(nvmeSize, float64(size)*float64(block), device, id)
		s.Send(nvmeCapacity, float64(size)*float64(block), device, id)
	}
	if used, ok := a.number("nuse"); ok {
		s.Send(nvmeUsed, float64(used)*float64(block), device, id)
	}
}
