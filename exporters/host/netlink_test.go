//go:build linux

package host

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

// attribute makes one attribute of netlink, padded.
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, aligned(len(b))-len(b))...)
}

// native writes a number as the kernel does on this machine.
func native(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

// linkEntry makes the kernel's entry of an interface; its counters are base, base+1, ...
func linkEntry(index uint32, name string, base uint64) []byte {
	var stats []byte
	for i := range uint64(25) {
		stats = binary.NativeEndian.AppendUint64(stats, base+i)
	}
	return slices.Concat(native(0), native(index), native(0), native(0),
		attribute(unix.IFLA_IFNAME, append([]byte(name), 0)), attribute(unix.IFLA_STATS64, stats))
}

// addressEntry makes the entry of an address.
func addressEntry(index uint32, length byte, attributes ...[]byte) []byte {
	return slices.Concat([]byte{0, length, 0, 0}, native(index), slices.Concat(attributes...))
}

// routeEntry makes the entry of a route.
func routeEntry(length, protocol, kind byte, attributes ...[]byte) []byte {
	return slices.Concat([]byte{unix.AF_INET, length, 0, 0, 254, protocol, 0, kind}, native(0), slices.Concat(attributes...))
}

// way makes one of several ways of a route.
func way(index uint32, weight byte, gateway net.IP) []byte {
	via := attribute(unix.RTA_GATEWAY, gateway)
	head := binary.NativeEndian.AppendUint16(nil, uint16(8+len(via)))
	return slices.Concat(head, []byte{0, weight - 1}, native(index), via)
}

// queueEntry makes the entry of a qdisc.
func queueEntry(index, parent uint32, kind string, attributes ...[]byte) []byte {
	return slices.Concat(native(0), native(index), native(0x80010000), native(parent), native(2),
		attribute(unix.TCA_KIND, append([]byte(kind), 0)), slices.Concat(attributes...))
}

// queueStats makes what is nested in TCA_STATS2.
func queueStats(bytes uint64, packets uint32, queue ...uint32) []byte {
	basic := slices.Concat(binary.NativeEndian.AppendUint64(nil, bytes), native(packets), native(0))
	var numbers []byte
	for _, n := range queue {
		numbers = append(numbers, native(n)...)
	}
	return attribute(unix.TCA_STATS2|unix.NLA_F_NESTED, slices.Concat(attribute(tcStatsBasic, basic), attribute(tcStatsQueue, numbers)))
}

// socketEntry makes the entry of a TCP socket.
func socketEntry(state byte, receiving, sending uint32) []byte {
	b := make([]byte, diagMessage)
	b[1] = state
	copy(b[diagReceive:], native(receiving))
	copy(b[diagSend:], native(sending))
	return b
}

func ip4(text string) []byte { return net.ParseIP(text).To4() }

// fakeLists are what fakeDump answers, by the kind of the request; of sockets,
// by the family as well.
func fakeLists() map[uint16][][]byte {
	return map[uint16][][]byte{
		unix.RTM_GETLINK: {linkEntry(1, "lo", 0), linkEntry(2, "eth0", 100), linkEntry(5, "bond0", 5000)},
		unix.RTM_GETADDR: {
			addressEntry(1, 8, attribute(unix.IFA_ADDRESS, ip4("127.0.0.1")), attribute(unix.IFA_LOCAL, ip4("127.0.0.1"))),
			addressEntry(2, 32, attribute(unix.IFA_ADDRESS, ip4("192.0.2.9")), attribute(unix.IFA_LOCAL, ip4("192.0.2.8"))),
			addressEntry(5, 64, attribute(unix.IFA_ADDRESS, net.ParseIP("2001:db8::1"))),
			addressEntry(5, 64, attribute(unix.IFA_ADDRESS, net.ParseIP("fe80::1"))),
		},
		unix.RTM_GETROUTE: {
			routeEntry(0, 3, unix.RTN_UNICAST, attribute(unix.RTA_GATEWAY, ip4("192.0.2.1")), attribute(unix.RTA_OIF, native(2))),
			routeEntry(24, 2, unix.RTN_UNICAST, attribute(unix.RTA_DST, ip4("192.0.2.0")), attribute(unix.RTA_PREFSRC, ip4("192.0.2.8")),
				attribute(unix.RTA_OIF, native(2)), attribute(unix.RTA_PRIORITY, native(100))),
			routeEntry(24, 250, unix.RTN_UNICAST, attribute(unix.RTA_DST, ip4("198.51.100.0")),
				attribute(unix.RTA_MULTIPATH, slices.Concat(way(2, 1, ip4("192.0.2.1")), way(5, 4, ip4("203.0.113.1"))))),
			routeEntry(8, 2, unix.RTN_LOCAL, attribute(unix.RTA_DST, ip4("127.0.0.0")), attribute(unix.RTA_OIF, native(1))),
		},
		unix.RTM_GETQDISC: {
			queueEntry(2, tcRoot, "mq", queueStats(9000000000, 70, 3, 4500, 5, 6, 7)),
			queueEntry(2, 0x80010001, "fq_codel", queueStats(1, 1, 1, 1, 1, 1, 1)),
			queueEntry(5, tcRoot, "noqueue"),
		},
		unix.SOCK_DIAG_BY_FAMILY + unix.AF_INET<<8:  {socketEntry(1, 10, 20), socketEntry(1, 0, 3), socketEntry(10, 1, 128), socketEntry(12, 0, 0)},
		unix.SOCK_DIAG_BY_FAMILY + unix.AF_INET6<<8: {socketEntry(6, 0, 0), socketEntry(1, 5, 0)},
	}
}

// fakeDump is a dumpFunc that always answers the same.
func fakeDump(ctx context.Context, protocol int, kind uint16, body []byte, use func([]byte) error) error {
	if protocol == unix.NETLINK_INET_DIAG {
		if len(body) != diagRequest || body[1] != unix.IPPROTO_TCP {
			return unix.EINVAL
		}
		kind += uint16(body[0]) << 8
	}
	list, ok := fakeLists()[kind]
	if !ok {
		return unix.EOPNOTSUPP
	}
	for _, entry := range list {
		if err := errors.Join(ctx.Err(), use(entry)); err != nil {
			return err
		}
	}
	return nil
}

// answering makes a dumpFunc of one list, whatever is asked, and then an error.
func answering(err error, lists map[uint16][][]byte) dumpFunc {
	return func(_ context.Context, _ int, kind uint16, _ []byte, use func([]byte) error) error {
		for _, entry := range lists[kind] {
			if err := use(entry); err != nil {
				return err
			}
		}
		return err
	}
}

func TestNetdev_detailsAndAddresses(t *testing.T) {
	all := newFilter(Filter{Exclude: "^lo$"}, discard())
	c := newNetdev(newRoots(Config{Proc: t.TempDir()}), all, fakeDump, true, true)
	r := run(t, c, time.Second)
	wantSamples(t, r, map[string]float64{
		`node_network_receive_packets_total{device="eth0"}`:                                           100,
		`node_network_transmit_bytes_total{device="eth0"}`:                                            103,
		`node_network_receive_dropped_total{device="bond0"}`:                                          5006,
		`node_network_transmit_window_errors_total{device="bond0"}`:                                   5020,
		`node_network_receive_nohandler_total{device="bond0"}`:                                        5023,
		`node_network_receive_packets_total{device="lo"}`:                                             -1,
		`node_network_receive_errs_total{device="eth0"}`:                                              -1,
		`node_network_address_info{address="192.0.2.8",device="eth0",netmask="32",scope="global"}`:    1,
		`node_network_address_info{address="2001:db8::1",device="bond0",netmask="64",scope="global"}`: 1,
		`node_network_address_info{address="fe80::1",device="bond0",netmask="64",scope="link-local"}`: 1,
		`node_network_address_info{address="127.0.0.1",device="lo",netmask="8",scope="link-local"}`:   -1,
		`node_network_address_info{address="192.0.2.9",device="eth0",netmask="32",scope="global"}`:    -1,
	})
	wantFailure(t, r, "")
}

func TestNetlink_failuresAreTold(t *testing.T) {
	filter := newFilter(Filter{}, discard())
	root := newRoots(Config{Proc: write(t, map[string]string{"net/tcp6": ""})})
	short := map[uint16][][]byte{
		unix.RTM_GETLINK: {linkEntry(2, "eth0", 0)}, unix.RTM_GETROUTE: {{1, 2, 3}}, unix.RTM_GETQDISC: {make([]byte, tcMessage+3)},
		unix.SOCK_DIAG_BY_FAMILY: {make([]byte, diagMessage-1)}, unix.RTM_GETADDR: {{1}},
	}
	for name, tc := range map[string]struct {
		dump  dumpFunc
		words string
	}{
		"refused":   {answering(unix.EPERM, nil), "operation not permitted"},
		"cut short": {answering(nil, short), errNetlink.Error()},
	} {
		for _, c := range []frame.Collector{
			newTCPStat(root, tc.dump), newQdisc(filter, tc.dump), newNetworkRoute(tc.dump), newNetdev(root, filter, tc.dump, true, true),
		} {
			t.Run(name+"/"+c.Name(), func(t *testing.T) { wantFailure(t, run(t, c, time.Second), anyReason, tc.words) })
		}
	}
	t.Run("no socket diagnosis", func(t *testing.T) {
		wantFailure(t, run(t, newTCPStat(root, answering(unix.ENOENT, nil)), time.Second), frame.ReasonError, "tcp_diag")
	})
	t.Run("no sockets", func(t *testing.T) {
		r := run(t, newTCPStat(root, answering(nil, nil)), time.Second)
		wantFailure(t, r, "")
		if len(r.samples) > 0 {
			t.Errorf("of no sockets: %v", r.samples)
		}
	})
}

// A router's table is counted whole, but not sent whole.
func TestNetworkRoute_routesAreBounded(t *testing.T) {
	lists := map[uint16][][]byte{unix.RTM_GETLINK: {linkEntry(2, "eth0", 0)}}
	for i := range maxRoutes + 10 {
		destination := attribute(unix.RTA_DST, []byte{10, byte(i >> 8), byte(i), 0})
		lists[unix.RTM_GETROUTE] = append(lists[unix.RTM_GETROUTE], routeEntry(24, 186, unix.RTN_UNICAST, destination, attribute(unix.RTA_OIF, native(2))))
	}
	r := run(t, newNetworkRoute(answering(nil, lists)), time.Second)
	wantSamples(t, r, map[string]float64{`node_network_routes{device="eth0"}`: maxRoutes + 10})
	wantFailure(t, r, frame.ReasonError, "of 5010 routes 5000 are sent")
	if len(r.samples) != maxRoutes+1 {
		t.Errorf("%d series", len(r.samples))
	}
}

// The kernel itself: lists come, refusals and deadlines are told.
func TestDump_realKernel(t *testing.T) {
	names, err := linkNames(t.Context(), dump)
	if err != nil {
		t.Fatal(err)
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		if names[uint32(i.Index)] != i.Name {
			t.Errorf("interface %d is %q, want %q", i.Index, names[uint32(i.Index)], i.Name)
		}
	}
	nothing := func([]byte) error { return nil }
	if err := dump(t.Context(), unix.NETLINK_ROUTE, 0xfff0, make([]byte, 16), nothing); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("a request that no kernel knows: %v", err)
	}
	if err := dump(t.Context(), unix.NETLINK_ROUTE, unix.RTM_GETLINK, make([]byte, 16), func([]byte) error { return errTest }); !errors.Is(err, errTest) {
		t.Errorf("who uses the list has enough of it: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dump(ended, unix.NETLINK_ROUTE, unix.RTM_GETLINK, make([]byte, 16), nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("after its time: %v", err)
	}
}

// message wraps an entry as the kernel does.
func message(kind uint16, sequence uint32, entry []byte) []byte {
	b := native(uint32(unix.NLMSG_HDRLEN + len(entry)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_MULTI)
	return slices.Concat(b, native(sequence), native(0), entry, make([]byte, aligned(len(entry))-len(entry)))
}

func TestNetlinkMessages(t *testing.T) {
	entry := message(unix.RTM_NEWLINK, netlinkSequence, []byte("entry"))
	for name, tc := range map[string]struct {
		part    []byte
		entries int
		done    bool
		err     error
	}{
		"two entries":           {slices.Concat(entry, entry), 2, false, nil},
		"the last one unpadded": {slices.Concat(entry, entry[:len(entry)-3]), 2, false, nil},
		"the end":               {slices.Concat(entry, message(unix.NLMSG_DONE, netlinkSequence, native(0))), 1, true, nil},
		"nothing to do":         {message(unix.NLMSG_NOOP, netlinkSequence, nil), 0, false, nil},
		"an error":              {message(unix.NLMSG_ERROR, netlinkSequence, native(^uint32(unix.EBUSY)+1)), 0, false, unix.EBUSY},
		"an error at the end":   {message(unix.NLMSG_DONE, netlinkSequence, native(^uint32(unix.EBUSY)+1)), 0, false, unix.EBUSY},
		"an empty error":        {message(unix.NLMSG_ERROR, netlinkSequence, nil), 0, false, errNetlink},
		"another's answer":      {message(unix.RTM_NEWLINK, 7, nil), 0, false, errNetlink},
		"a header cut short":    {entry[:15], 0, false, errNetlink},
		"an entry cut short":    {entry[:18], 0, false, errNetlink},
		"a length of nothing":   {make([]byte, 16), 0, false, errNetlink},
	} {
		t.Run(name, func(t *testing.T) {
			entries := 0
			done, err := netlinkMessages(tc.part, func([]byte) error { entries++; return nil })
			if entries != tc.entries || done != tc.done || !errors.Is(err, tc.err) {
				t.Errorf("%d entries, done %v, %v; want %d, %v, %v", entries, done, err, tc.entries, tc.done, tc.err)
			}
		})
	}
}

func FuzzNetlinkMessages(f *testing.F) {
	for _, list := range fakeLists() {
		var part []byte
		for _, entry := range list {
			part = append(part, message(unix.RTM_NEWLINK, netlinkSequence, entry)...)
		}
		f.Add(slices.Concat(part, message(unix.NLMSG_DONE, netlinkSequence, native(0))))
	}
	filter := newFilter(Filter{}, discard())
	root := newRoots(Config{Proc: write(f, map[string]string{"net/tcp6": ""})})
	f.Fuzz(func(t *testing.T, part []byte) {
		fuzzed := func(_ context.Context, _ int, _ uint16, _ []byte, use func([]byte) error) error {
			_, err := netlinkMessages(part, use)
			return err
		}
		for _, c := range []frame.Collector{
			newTCPStat(root, fuzzed), newQdisc(filter, fuzzed), newNetworkRoute(fuzzed), newNetdev(root, filter, fuzzed, true, true),
		} {
			if r := run(t, c, time.Second); r.reason == frame.ReasonInvalid || r.reason == frame.ReasonPanic {
				t.Errorf("%s: %s: %s", c.Name(), r.reason, r.err)
			}
		}
	})
}
