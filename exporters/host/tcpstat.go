//go:build linux

package host

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var tcpStates = &frame.Family{
	Name: "node_tcp_connection_states", Labels: []string{"state"},
	Help: "TCP sockets by their state, and the bytes that wait in their queues (rx_queued_bytes, tx_queued_bytes).",
}

// tcpStateNames are the states by their numbers (net/tcp_states.h).
var tcpStateNames = [...]string{
	"unknown", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait",
	"last_ack", "listen", "closing",
}

// Of struct inet_diag_req_v2 and struct inet_diag_msg (linux/inet_diag.h).
const (
	diagRequest   = 56
	diagAllStates = 0xfff
	diagMessage   = 72
	diagReceive   = 56 // where the bytes that wait to be read are told
	diagSend      = 60
)

// tcpstat is the collector tcpstat.
type tcpstat struct {
	roots *roots
	dump  dumpFunc
}

func newTCPStat(r *roots, dump dumpFunc) *tcpstat { return &tcpstat{roots: r, dump: dump} }

// Name implements frame.Collector.
func (c *tcpstat) Name() string { return "tcpstat" }

// Families implements frame.Collector.
func (c *tcpstat) Families() []*frame.Family { return []*frame.Family{tcpStates} }

// Collect implements frame.Collector. Half a list would be too small a number,
// so a failure costs all.
func (c *tcpstat) Collect(ctx context.Context, s *frame.Sink) error {
	var count tcpCount
	if err := count.family(ctx, c.dump, unix.AF_INET); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join(c.roots.proc, "net/tcp6"))
	if err == nil {
		err = count.family(ctx, c.dump, unix.AF_INET6)
	} else {
		err = optional("IPv6", err) // missing where IPv6 is turned off
	}
	if err != nil {
		return err
	}
	if count.sockets == 0 {
		return frame.ErrNoData
	}
	for state, n := range count.states {
		if n > 0 {
			s.Send(tcpStates, float64(n), tcpStateNames[state])
		}
	}
	s.Send(tcpStates, float64(count.receiving), "rx_queued_bytes")
	s.Send(tcpStates, float64(count.sending), "tx_queued_bytes")
	return nil
}

// tcpCount counts sockets.
type tcpCount struct {
	states                      [len(tcpStateNames)]uint64
	sockets, receiving, sending uint64
}

// family adds the sockets of IPv4 or IPv6.
func (n *tcpCount) family(ctx context.Context, dump dumpFunc, family byte) error {
	request := make([]byte, diagRequest)
	request[0], request[1] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(request[4:], diagAllStates)
	err := dump(ctx, unix.NETLINK_INET_DIAG, unix.SOCK_DIAG_BY_FAMILY, request, func(entry []byte) error {
		if len(entry) < diagMessage {
			return errNetlink
		}
		state := int(entry[1])
		if state >= len(n.states) {
			state = 0
		}
		n.sockets++
		n.states[state]++
		n.receiving += uint64(binary.NativeEndian.Uint32(entry[diagReceive:]))
		n.sending += uint64(binary.NativeEndian.Uint32(entry[diagSend:]))
		return nil
	})
	if errors.Is(err, unix.ENOENT) {
		return errors.New("the kernel has no socket diagnosis (module tcp_diag)")
	}
	return err
}
