//go:build linux

package host

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strconv"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var (
	networkRouteInfo = &frame.Family{
		Name: "node_network_route_info", Labels: []string{"device", "src", "dest", "gw", "priority", "proto", "weight"},
		Help: "A route of this machine's tables; always 1.",
	}
	networkRoutes = &frame.Family{
		Name: "node_network_routes", Labels: []string{"device"}, Help: "Routes, by the interface that they lead to.",
	}
)

// maxRoutes bounds how many routes are sent one by one: a router may have a
// million. All are counted.
const maxRoutes = 5000

// routeProtocols are who made a route, by number (linux/rtnetlink.h), spelt as
// node_exporter does.
var routeProtocols = map[byte]string{
	0: "unspec", 1: "redirect", 2: "kernel", 3: "boot", 4: "static", 8: "gated", 9: "ra", 10: "mrt", 11: "zebra",
	12: "bird", 13: "dnrouted", 14: "xorp", 15: "ntk", 16: "dhcp", 17: "mrouted", 42: "babel", 186: "bgp", 187: "isis",
	188: "ospf", 189: "rip", 192: "eigrp",
}

// networkRoute is the collector network_route.
type networkRoute struct{ dump dumpFunc }

func newNetworkRoute(dump dumpFunc) *networkRoute { return &networkRoute{dump: dump} }

// Name implements frame.Collector.
func (c *networkRoute) Name() string { return "network_route" }

// Families implements frame.Collector.
func (c *networkRoute) Families() []*frame.Family {
	return []*frame.Family{networkRouteInfo, networkRoutes}
}

// Collect implements frame.Collector.
func (c *networkRoute) Collect(ctx context.Context, s *frame.Sink) error {
	names, err := linkNames(ctx, c.dump)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	sent := map[route]bool{}
	total := 0
	err = c.dump(ctx, unix.NETLINK_ROUTE, unix.RTM_GETROUTE, make([]byte, unix.SizeofRtMsg), func(entry []byte) error {
		return eachRoute(entry, func(index uint32, r route) {
			r.device = names[index]
			counts[r.device]++
			total++
			// The labels do not tell the table: the same route may be in two.
			if len(sent) < maxRoutes && !sent[r] {
				sent[r] = true
				s.Send(networkRouteInfo, 1, r.device, r.source, r.destination, r.gateway, r.priority, r.protocol, r.weight)
			}
		})
	})
	if err != nil {
		return err
	}
	for device, n := range counts {
		s.Send(networkRoutes, float64(n), device)
	}
	if total > maxRoutes {
		return fmt.Errorf("of %d routes %d are sent one by one", total, len(sent))
	}
	return nil
}

// route is what the labels say.
type route struct{ device, source, destination, gateway, priority, protocol, weight string }

// Where struct rtmsg has what is used here (linux/rtnetlink.h).
const (
	routeLength   = 1 // of the destination's prefix
	routeProtocol = 5
	routeType     = 7
)

// eachRoute hands a route to use, with the number of its interface; one of
// several ways is handed over once for each. Only unicast routes are.
func eachRoute(entry []byte, use func(index uint32, r route)) error {
	if len(entry) < unix.SizeofRtMsg {
		return errNetlink
	}
	if entry[routeType] != unix.RTN_UNICAST {
		return nil
	}
	r := route{destination: "default", priority: "0", protocol: "unknown"}
	if name, ok := routeProtocols[entry[routeProtocol]]; ok {
		r.protocol = name
	}
	var index uint32
	var ways []byte
	err := eachAttribute(entry[unix.SizeofRtMsg:], func(kind uint16, value []byte) {
		switch kind {
		case unix.RTA_DST:
			if entry[routeLength] > 0 {
				r.destination = routeAddress(value) + "/" + strconv.Itoa(int(entry[routeLength]))
			}
		case unix.RTA_PREFSRC:
			r.source = routeAddress(value)
		case unix.RTA_GATEWAY:
			r.gateway = routeAddress(value)
		case unix.RTA_OIF:
			index = attributeNumber(value)
		case unix.RTA_PRIORITY:
			r.priority = strconv.FormatUint(uint64(attributeNumber(value)), 10)
		case unix.RTA_MULTIPATH:
			ways = value
		}
	})
	if err != nil {
		return err
	}
	if len(ways) == 0 {
		use(index, r)
		return nil
	}
	return eachWay(ways, r, use)
}

// eachWay reads the struct rtnexthop that follow each other, each with
// attributes of its own.
func eachWay(ways []byte, r route, use func(index uint32, r route)) error {
	for len(ways) > 0 {
		if len(ways) < unix.SizeofRtNexthop {
			return errNetlink
		}
		length := int(binary.NativeEndian.Uint16(ways))
		if length < unix.SizeofRtNexthop || length > len(ways) {
			return errNetlink
		}
		r.gateway = ""
		r.weight = strconv.Itoa(int(ways[3]) + 1)
		err := eachAttribute(ways[unix.SizeofRtNexthop:length], func(kind uint16, value []byte) {
			if kind == unix.RTA_GATEWAY {
				r.gateway = routeAddress(value)
			}
		})
		if err != nil {
			return err
		}
		use(binary.NativeEndian.Uint32(ways[4:]), r)
		ways = ways[min(aligned(length), len(ways)):]
	}
	return nil
}

func routeAddress(value []byte) string {
	if len(value) != net.IPv4len && len(value) != net.IPv6len {
		return ""
	}
	return net.IP(value).String()
}
