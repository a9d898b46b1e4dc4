//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"

	"tocsin/internal/frame"
)

// The columns of /proc/net/dev, in its order. The kernel has already summed
// up what node_exporter sums up: missed packets count as dropped, and so on.
var netdevColumns = []*frame.Family{
	netCounter("receive_bytes_total", "Bytes received."),
	netCounter("receive_packets_total", "Packets received."),
	netCounter("receive_errs_total", "Packets received with an error."),
	netCounter("receive_drop_total", "Packets received and dropped."),
	netCounter("receive_fifo_total", "Packets lost because a receive queue was full."),
	netCounter("receive_frame_total", "Packets received that were framed badly."),
	netCounter("receive_compressed_total", "Packets received compressed."),
	netCounter("receive_multicast_total", "Multicast packets received."),
	netCounter("transmit_bytes_total", "Bytes sent."),
	netCounter("transmit_packets_total", "Packets sent."),
	netCounter("transmit_errs_total", "Packets that could not be sent."),
	netCounter("transmit_drop_total", "Packets dropped before they were sent."),
	netCounter("transmit_fifo_total", "Packets lost because a send queue was full."),
	netCounter("transmit_colls_total", "Collisions."),
	netCounter("transmit_carrier_total", "Packets lost because the carrier was."),
	netCounter("transmit_compressed_total", "Packets sent compressed."),
}

var netdevNoHandler = netCounter("receive_nohandler_total", "Packets received that nothing on this machine handles.")

func netCounter(name, help string) *frame.Family {
	return &frame.Family{Name: "node_network_" + name, Type: frame.Counter, Labels: []string{"device"}, Help: help}
}

// netdev is the collector netdev. It reads /proc/net/dev itself: gopsutil has
// half of the columns, and procfs panics on a line cut short. One counter is
// not in that file and costs a file an interface. Netlink is asked only for
// what the files do not have.
type netdev struct {
	roots      *roots
	interfaces *filter
	dump       dumpFunc
	details    bool // counters one by one, in place of the file's sums
	addresses  bool
}

func newNetdev(r *roots, interfaces *filter, dump dumpFunc, details, addresses bool) *netdev {
	return &netdev{roots: r, interfaces: interfaces, dump: dump, details: details, addresses: addresses}
}

// Name implements frame.Collector.
func (c *netdev) Name() string { return "netdev" }

// Families implements frame.Collector.
func (c *netdev) Families() []*frame.Family {
	families := append([]*frame.Family{networkAddress}, netdevColumns...)
	for _, f := range netdevDetails {
		if !slices.Contains(families, f) {
			families = append(families, f)
		}
	}
	return families
}

// Collect implements frame.Collector.
func (c *netdev) Collect(ctx context.Context, s *frame.Sink) error {
	var errs []error
	if c.details {
		errs = append(errs, c.netdevDetailed(ctx, s))
	} else {
		errs = append(errs, c.file(s))
	}
	if c.addresses {
		errs = append(errs, c.netdevAddresses(ctx, s))
	}
	return errors.Join(errs...)
}

// file sends what is in /proc/net/dev.
func (c *netdev) file(s *frame.Sink) error {
	path := filepath.Join(c.roots.proc, "net/dev")
	class, classErr := openFolder(c.roots.sys, "class/net")
	if classErr == nil {
		defer class.close()
	}
	return c.roots.read(path, func(content []byte) error {
		var errs []error
		for line := range bytes.Lines(content) {
			colon := bytes.LastIndexByte(line, ':')
			if colon < 0 {
				continue // the two lines of headings
			}
			name := bytes.TrimSpace(line[:colon])
			if !c.interfaces.watches(name) {
				continue
			}
			var columns [netdevWidth]float64
			if !netdevValues(line[colon+1:], &columns) {
				errs = append(errs, malformed(path, line))
				continue
			}
			device := string(name)
			for i, family := range netdevColumns {
				s.Send(family, columns[i], device)
			}
			if classErr == nil {
				c.noHandler(s, class, device)
			}
		}
		return errors.Join(errs...)
	})
}

// netdevWidth is how many columns /proc/net/dev has had since Linux 2.2.
const netdevWidth = 16

func netdevValues(text []byte, columns *[netdevWidth]float64) bool {
	text = bytes.TrimRight(text, "\n")
	for i := range columns {
		var field []byte
		field, text = nextField(text)
		n, ok := number(field)
		if !ok {
			return false
		}
		columns[i] = float64(n)
	}
	return len(bytes.TrimSpace(text)) == 0
}

func (c *netdev) noHandler(s *frame.Sink, class folder, device string) {
	var buffer [32]byte
	value, err := class.value(device+"/statistics/rx_nohandler", buffer[:])
	if err != nil {
		return // a kernel before 4.6, or the interface is gone
	}
	if n, ok := number(value); ok {
		s.Send(netdevNoHandler, float64(n), device)
	}
}
