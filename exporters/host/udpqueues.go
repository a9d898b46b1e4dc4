//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"

	"tocsin/internal/frame"
)

var udpQueuesBytes = &frame.Family{
	Name: "node_udp_queues", Labels: []string{"queue", "ip"},
	Help: "Bytes that wait in the queues of all UDP sockets: queue is tx or rx, ip is v4 or v6.",
}

// udpQueues is the collector udp_queues. It reads the files itself: procfs
// panics on a line cut short, and makes addresses of each of thousands of
// lines to sum two columns up.
type udpQueues struct{ roots *roots }

func newUDPQueues(r *roots) *udpQueues { return &udpQueues{roots: r} }

// Name implements frame.Collector.
func (c *udpQueues) Name() string { return "udp_queues" }

// Families implements frame.Collector.
func (c *udpQueues) Families() []*frame.Family { return []*frame.Family{udpQueuesBytes} }

// Collect implements frame.Collector. Either file is missing where the
// protocol is turned off.
func (c *udpQueues) Collect(_ context.Context, s *frame.Sink) error {
	four := present(c.file(s, "net/udp", "v4"))
	six := present(c.file(s, "net/udp6", "v6"))
	if errors.Is(four, frame.ErrNoData) {
		return six
	}
	if errors.Is(six, frame.ErrNoData) {
		return four
	}
	return errors.Join(four, six)
}

// file sends the sums of one file. A line that is not understood costs both:
// they would be too small.
func (c *udpQueues) file(s *frame.Sink, name, ip string) error {
	path := filepath.Join(c.roots.proc, name)
	return c.roots.read(path, func(content []byte) error {
		if len(content) == 0 {
			return errors.New(path + ": not even headings are in it")
		}
		var tx, rx uint64
		err := eachLine(path, content, 1, func(line []byte) bool {
			t, r, ok := udpQueuesLine(line)
			tx, rx = tx+t, rx+r
			return ok
		})
		if err != nil {
			return err
		}
		s.Send(udpQueuesBytes, float64(tx), "tx", ip)
		s.Send(udpQueuesBytes, float64(rx), "rx", ip)
		return nil
	})
}

// udpQueuesLine reads the fifth field of a socket's line, as 00000000:00000B00.
func udpQueuesLine(line []byte) (tx, rx uint64, ok bool) {
	var field []byte
	for range 5 {
		field, line = nextField(line)
	}
	sending, receiving, _ := bytes.Cut(field, []byte(":"))
	tx, ok = hexadecimal(sending)
	rx, ok2 := hexadecimal(receiving)
	return tx, rx, ok && ok2
}
