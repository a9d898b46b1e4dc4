//go:build linux

package host

import (
	"context"
	"encoding/binary"
	"net"
	"strconv"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
)

var networkAddress = &frame.Family{
	Name: "node_network_address_info", Labels: []string{"device", "address", "netmask", "scope"},
	Help: "An address of an interface, with the length of its network's prefix; always 1.",
}

// netdevAddresses sends the addresses of the interfaces that are watched.
func (c *netdev) netdevAddresses(ctx context.Context, s *frame.Sink) error {
	names, err := linkNames(ctx, c.dump)
	if err != nil {
		return err
	}
	type address struct{ device, ip, length string }
	sent := map[address]bool{}
	return c.dump(ctx, unix.NETLINK_ROUTE, unix.RTM_GETADDR, make([]byte, unix.SizeofIfAddrmsg), func(entry []byte) error {
		if len(entry) < unix.SizeofIfAddrmsg {
			return errNetlink
		}
		device := names[binary.NativeEndian.Uint32(entry[4:])]
		ip, err := netdevAddress(entry[unix.SizeofIfAddrmsg:])
		a := address{device: device, ip: ip.String(), length: strconv.Itoa(int(entry[1]))}
		if err != nil || ip == nil || sent[a] || !c.interfaces.watches([]byte(device)) {
			return err
		}
		sent[a] = true
		s.Send(networkAddress, 1, device, a.ip, a.length, networkScope(ip))
		return nil
	})
}

// netdevAddress finds the machine's own address: of a link from point to
// point that is IFA_LOCAL, and IFA_ADDRESS the other side's (rtnetlink(7)).
func netdevAddress(attributes []byte) (ip net.IP, err error) {
	var local net.IP
	err = eachAttribute(attributes, func(kind uint16, value []byte) {
		if len(value) != net.IPv4len && len(value) != net.IPv6len {
			return
		}
		switch kind {
		case unix.IFA_ADDRESS:
			ip = value
		case unix.IFA_LOCAL:
			local = value
		}
	})
	if local != nil {
		ip = local
	}
	return ip, err
}

// networkScope names the scope of an address as node_exporter does.
func networkScope(ip net.IP) string {
	switch {
	case ip.IsLoopback(), ip.IsLinkLocalUnicast(), ip.IsLinkLocalMulticast():
		return "link-local"
	case ip.IsInterfaceLocalMulticast():
		return "interface-local"
	case ip.IsGlobalUnicast():
		return "global"
	default:
		return ""
	}
}
