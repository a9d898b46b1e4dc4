package icmpprobe

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

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
