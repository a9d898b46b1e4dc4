//go:build linux

package host

import (
	"context"
	"path/filepath"

	"tocsin/internal/frame"
)

var arpEntries = &frame.Family{
	Name: "node_arp_entries", Labels: []string{"device"}, Help: "Neighbours in the ARP table, by the interface they are on.",
}

// arpPublished is the flag ATF_PUBL of linux/if_arp.h: not a neighbour, but an
// address that this machine answers for.
const arpPublished = 0x8

// arp is the collector arp. It reads /proc/net/arp. node_exporter asks by
// netlink, and by name for the interface of each neighbour anew; the two lists
// are the same but for neighbours that nothing was ever sent to.
type arp struct {
	roots      *roots
	interfaces *filter
}

func newARP(r *roots, interfaces *filter) *arp { return &arp{roots: r, interfaces: interfaces} }

// Name implements frame.Collector.
func (c *arp) Name() string { return "arp" }

// Families implements frame.Collector.
func (c *arp) Families() []*frame.Family { return []*frame.Family{arpEntries} }

// Collect implements frame.Collector.
func (c *arp) Collect(_ context.Context, s *frame.Sink) error {
	path := filepath.Join(c.roots.proc, "net/arp")
	counts := map[string]*int{}
	err := c.roots.read(path, func(content []byte) error {
		return eachLine(path, content, 1, func(line []byte) bool {
			device, published, ok := arpLine(line)
			if !ok || published || !c.interfaces.watches(device) {
				return ok
			}
			n := counts[string(device)]
			if n == nil {
				n = new(int)
				counts[string(device)] = n
			}
			*n++
			return true
		})
	})
	for device, n := range counts {
		s.Send(arpEntries, float64(*n), valid(device))
	}
	return present(err)
}

// arpLine reads one line: address, hardware type, flags, hardware address,
// mask and interface.
func arpLine(line []byte) (device []byte, published, ok bool) {
	var fields [6][]byte
	for i := range fields {
		fields[i], line = nextField(line)
	}
	flags, ok := hexadecimal(fields[2])
	return fields[5], flags&arpPublished != 0, ok && len(fields[5]) > 0 && len(line) == 0
}
