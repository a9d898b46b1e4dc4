package icmpprobe

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"tocsin/probes/probe"
)

// socket is one that echo requests go out by.
type socket struct {
	conn net.PacketConn
	raw  bool // it sees all ICMP of the machine, and its identifiers are ours
	four *ipv4.PacketConn
	six  *ipv6.PacketConn
}

// open makes a socket for one address. Ordinary users may have a datagram one
// if their group is in net.ipv4.ping_group_range; a raw one takes CAP_NET_RAW.
// Without either nothing is known of the address.
func open(to, source netip.Addr, o *Options) (*socket, error) {
	s := &socket{}
	var err error
	if s.conn, err = datagram(to, source); err != nil {
		datagramErr := err
		if s.conn, err = raw(to, source); err != nil {
			if errors.Is(err, os.ErrPermission) {
				err = fmt.Errorf("this user may not ping (%w): put its group into net.ipv4.ping_group_range, or give tocsin CAP_NET_RAW", datagramErr)
			}
			return nil, &probe.Unmeasured{Err: err}
		}
		s.raw = true
	}
	if to.Is4() {
		s.four = ipv4.NewPacketConn(s.conn)
		_ = s.four.SetControlMessage(ipv4.FlagTTL, true) // without it the reply's hop limit is not told
		err = s.four.SetTTL(o.TTL)
	} else {
		s.six = ipv6.NewPacketConn(s.conn)
		_ = s.six.SetControlMessage(ipv6.FlagHopLimit, true)
		err = s.six.SetHopLimit(o.TTL)
	}
	if err == nil {
		err = s.tune(to.Is4(), o.DontFragment)
	}
	if err != nil {
		_ = s.conn.Close()
		return nil, &probe.Unmeasured{Err: fmt.Errorf("prepare the socket: %w", err)}
	}
	return s, nil
}

func datagram(to, source netip.Addr) (net.PacketConn, error) {
	family, protocol := unix.AF_INET6, unix.IPPROTO_ICMPV6
	var local unix.Sockaddr = &unix.SockaddrInet6{}
	if to.Is4() {
		family, protocol, local = unix.AF_INET, unix.IPPROTO_ICMP, &unix.SockaddrInet4{}
	}
	if source.IsValid() {
		local = &unix.SockaddrInet6{Addr: source.As16()}
		if source.Is4() {
			local = &unix.SockaddrInet4{Addr: source.As4()}
		}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "ping")
	defer f.Close() // FilePacketConn has a copy of its own
	if err := unix.Bind(fd, local); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	return net.FilePacketConn(f)
}

func raw(to, source netip.Addr) (net.PacketConn, error) {
	network, local := "ip6:ipv6-icmp", "::"
	if to.Is4() {
		network, local = "ip4:icmp", "0.0.0.0"
	}
	if source.IsValid() {
		local = source.String()
	}
	return net.ListenPacket(network, local) //nolint:noctx // nothing is looked up
}

// tune lets errors that routers send be read, and forbids fragments if asked.
func (s *socket) tune(four, whole bool) error {
	sc, ok := s.conn.(syscall.Conn)
	if !ok {
		return errors.New("the socket has no descriptor")
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	level, recvErrors, discover, do := unix.IPPROTO_IPV6, unix.IPV6_RECVERR, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO
	if four {
		level, recvErrors, discover, do = unix.IPPROTO_IP, unix.IP_RECVERR, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO
	}
	var set error
	err = rc.Control(func(fd uintptr) {
		if !s.raw {
			set = unix.SetsockoptInt(int(fd), level, recvErrors, 1)
		}
		if set == nil && whole {
			set = unix.SetsockoptInt(int(fd), level, discover, do)
		}
	})
	return errors.Join(err, set)
}

// send writes a message to an address.
func (s *socket) send(b []byte, to netip.Addr) error {
	var addr net.Addr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 0))
	if s.raw {
		addr = &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}
	}
	_, err := s.conn.WriteTo(b, addr)
	return err
}

// receive reads a message, with its sender and its hop limit; -1 where the
// system does not tell it.
func (s *socket) receive(b []byte) (n, hops int, from netip.Addr, err error) {
	var addr net.Addr
	hops = -1
	if s.four != nil {
		var cm *ipv4.ControlMessage
		if n, cm, addr, err = s.four.ReadFrom(b); cm != nil {
			hops = cm.TTL
		}
	} else {
		var cm *ipv6.ControlMessage
		if n, cm, addr, err = s.six.ReadFrom(b); cm != nil {
			hops = cm.HopLimit
		}
	}
	switch a := addr.(type) {
	case *net.UDPAddr:
		from = a.AddrPort().Addr().Unmap()
	case *net.IPAddr:
		from, _ = netip.AddrFromSlice(a.IP)
		from = from.Unmap()
	}
	return n, hops, from, err
}

// tooLong tells whether a packet is longer than the way to the host allows.
func tooLong(err error) bool { return errors.Is(err, unix.EMSGSIZE) }
