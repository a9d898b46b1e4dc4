//go:build linux

package host

import (
	"context"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var (
	qdiscBytes      = qdiscCounter("bytes_total", "Bytes sent.")
	qdiscPackets    = qdiscCounter("packets_total", "Packets sent.")
	qdiscDrops      = qdiscCounter("drops_total", "Packets dropped.")
	qdiscRequeues   = qdiscCounter("requeues_total", "Packets that the interface did not take, and that were put back.")
	qdiscOverlimits = qdiscCounter("overlimits_total", "Packets that came faster than is allowed.")
	qdiscLength     = qdiscGauge("current_queue_length", "Packets that wait to be sent.")
	qdiscBacklog    = qdiscGauge("backlog", "Bytes that wait to be sent.")
)

func qdiscCounter(name, help string) *frame.Family {
	f := qdiscGauge(name, help)
	f.Type = frame.Counter
	return f
}

func qdiscGauge(name, help string) *frame.Family {
	return &frame.Family{Name: "node_qdisc_" + name, Labels: []string{"device", "kind"}, Help: help}
}

// struct tcmsg (linux/rtnetlink.h): where an interface's number and a qdisc's
// parent are; the root has none, or TC_H_ROOT.
const (
	tcMessage = 20
	tcIndex   = 4
	tcParent  = 12
	tcRoot    = 1<<32 - 1
)

// Of gen_stats.h: the kinds of what is nested in TCA_STATS2, and how long
// struct gnet_stats_basic (without its padding) and gnet_stats_queue are.
const (
	tcStatsBasic, tcStatsQueue = 1, 3
	tcBasicSize, tcQueueSize   = 12, 20
)

// qdisc is the collector qdisc: the queues in front of the interfaces, those
// at the root alone.
type qdisc struct {
	interfaces *filter
	dump       dumpFunc
}

func newQdisc(interfaces *filter, dump dumpFunc) *qdisc {
	return &qdisc{interfaces: interfaces, dump: dump}
}

// Name implements frame.Collector.
func (c *qdisc) Name() string { return "qdisc" }

// Families implements frame.Collector.
func (c *qdisc) Families() []*frame.Family {
	return []*frame.Family{qdiscBytes, qdiscPackets, qdiscDrops, qdiscRequeues, qdiscOverlimits, qdiscLength, qdiscBacklog}
}

// Collect implements frame.Collector.
func (c *qdisc) Collect(ctx context.Context, s *frame.Sink) error {
	names, err := linkNames(ctx, c.dump)
	if err != nil {
		return err
	}
	sent := map[[2]string]bool{}
	return c.dump(ctx, unix.NETLINK_ROUTE, unix.RTM_GETQDISC, make([]byte, tcMessage), func(entry []byte) error {
		if len(entry) < tcMessage {
			return errNetlink
		}
		parent := binary.NativeEndian.Uint32(entry[tcParent:])
		device := names[binary.NativeEndian.Uint32(entry[tcIndex:])]
		if (parent != 0 && parent != tcRoot) || !c.interfaces.watches([]byte(device)) {
			return nil
		}
		kind, basic, queue, err := qdiscStats(entry[tcMessage:])
		if err != nil || sent[[2]string{device, kind}] {
			return err
		}
		sent[[2]string{device, kind}] = true
		if basic != nil {
			s.Send(qdiscBytes, float64(binary.NativeEndian.Uint64(basic)), device, kind)
			s.Send(qdiscPackets, float64(binary.NativeEndian.Uint32(basic[8:])), device, kind)
		}
		if queue != nil {
			for i, family := range []*frame.Family{qdiscLength, qdiscBacklog, qdiscDrops, qdiscRequeues, qdiscOverlimits} {
				s.Send(family, float64(binary.NativeEndian.Uint32(queue[4*i:])), device, kind)
			}
		}
		return nil
	})
}

// qdiscStats finds the name of the kind and the two structures of numbers; one
// that is not there, or too short, is nil.
func qdiscStats(attributes []byte) (kind string, basic, queue []byte, err error) {
	var nested []byte
	err = eachAttribute(attributes, func(k uint16, value []byte) {
		switch k {
		case unix.TCA_KIND:
			kind = attributeText(value)
		case unix.TCA_STATS2:
			nested = value
		}
	})
	if err != nil {
		return "", nil, nil, err
	}
	err = eachAttribute(nested, func(k uint16, value []byte) {
		switch {
		case k == tcStatsBasic && len(value) >= tcBasicSize:
			basic = value
		case k == tcStatsQueue && len(value) >= tcQueueSize:
			queue = value
		}
	})
	return kind, basic, queue, err
}
