//go:build linux

package host

import (
	"context"
	"encoding/binary"

	"tocsin/internal/frame"
)

// netdevDetails are the counters of struct rtnl_link_stats64 (linux/if_link.h),
// in its order. Six are columns of /proc/net/dev too.
var netdevDetails = []*frame.Family{
	netdevColumns[1], // receive_packets_total
	netdevColumns[9], // transmit_packets_total
	netdevColumns[0], // receive_bytes_total
	netdevColumns[8], // transmit_bytes_total
	netCounter("receive_errors_total", "Packets received with an error."),
	netCounter("transmit_errors_total", "Packets that could not be sent."),
	netCounter("receive_dropped_total", "Packets received and dropped for want of room."),
	netCounter("transmit_dropped_total", "Packets dropped before they were sent."),
	netCounter("multicast_total", "Multicast packets received."),
	netCounter("collisions_total", "Collisions."),
	netCounter("receive_length_errors_total", "Packets received that were too long or too short."),
	netCounter("receive_over_errors_total", "Packets received when the card's buffer was full."),
	netCounter("receive_crc_errors_total", "Packets received whose check sum was wrong."),
	netCounter("receive_frame_errors_total", "Packets received that were aligned badly."),
	netCounter("receive_fifo_errors_total", "Packets lost because a receive queue was full."),
	netCounter("receive_missed_errors_total", "Packets that the card had to let go by."),
	netCounter("transmit_aborted_errors_total", "Packets whose sending was given up."),
	netCounter("transmit_carrier_errors_total", "Packets lost because the carrier was."),
	netCounter("transmit_fifo_errors_total", "Packets lost because a send queue was full."),
	netCounter("transmit_heartbeat_errors_total", "Packets lost to a missing heartbeat of the transceiver."),
	netCounter("transmit_window_errors_total", "Packets lost to a collision that came late."),
	netdevColumns[6],  // receive_compressed_total
	netdevColumns[15], // transmit_compressed_total
	netdevNoHandler,
}

// netdevDetailed sends the counters one by one, where /proc/net/dev has sums.
func (c *netdev) netdevDetailed(ctx context.Context, s *frame.Sink) error {
	sent := map[string]bool{}
	return eachLink(ctx, c.dump, func(l link) {
		if sent[l.name] || !c.interfaces.watches([]byte(l.name)) {
			return
		}
		sent[l.name] = true
		stats := l.stats
		for _, family := range netdevDetails {
			if len(stats) < 8 {
				return // an older kernel has fewer
			}
			s.Send(family, float64(binary.NativeEndian.Uint64(stats)), l.name)
			stats = stats[8:]
		}
	})
}
