//go:build linux

package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A dumpFunc asks the kernel for a list by netlink (netlink(7)) and hands each
// entry to use; its bytes are invalid after that. The body is the request's,
// without the header that all have. With an error use ends the list.
type dumpFunc func(ctx context.Context, protocol int, kind uint16, body []byte, use func(entry []byte) error) error

const (
	// netlinkPatience is how long the kernel may take for the next part of a
	// list. It makes a part in some milliseconds.
	netlinkPatience = 2 * time.Second
	// netlinkBuffer takes what the kernel sends at once: 32 KiB at most
	// (net/netlink/af_netlink.c, netlink_recvmsg).
	netlinkBuffer = 64 << 10
	// netlinkSequence marks our one request on its socket, and its answers.
	netlinkSequence = 1
)

// dump is a dumpFunc. It speaks netlink itself: the libraries hold all of a
// list at once, which for the sockets of a busy server is tens of megabytes.
func dump(ctx context.Context, protocol int, kind uint16, body []byte, use func(entry []byte) error) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	defer shut(fd)
	wait := unix.NsecToTimeval(netlinkPatience.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	request := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	request = binary.NativeEndian.AppendUint16(request, kind)
	request = binary.NativeEndian.AppendUint16(request, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request = binary.NativeEndian.AppendUint32(request, netlinkSequence)
	request = binary.NativeEndian.AppendUint32(request, 0) // the kernel knows who asks
	request = append(request, body...)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	buffer := make([]byte, netlinkBuffer)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := retry(func() (int, error) {
			n, _, flags, _, err := unix.Recvmsg(fd, buffer, nil, 0)
			if err == nil && flags&unix.MSG_TRUNC != 0 {
				err = unix.EMSGSIZE
			}
			return n, err
		})
		if err != nil {
			return fmt.Errorf("netlink: %w", err)
		}
		if done, err := netlinkMessages(buffer[:n], use); done || err != nil {
			return err
		}
	}
}

var errNetlink = errors.New("netlink: the kernel's answer is not understood")

// netlinkMessages hands the entries of one part of a list to use, and tells
// whether the list ends with it.
func netlinkMessages(part []byte, use func(entry []byte) error) (done bool, err error) {
	for len(part) > 0 {
		if len(part) < unix.NLMSG_HDRLEN {
			return false, errNetlink
		}
		length := int(binary.NativeEndian.Uint32(part))
		if length < unix.NLMSG_HDRLEN || length > len(part) {
			return false, errNetlink
		}
		kind, sequence := binary.NativeEndian.Uint16(part[4:]), binary.NativeEndian.Uint32(part[8:])
		entry := part[unix.NLMSG_HDRLEN:length]
		part = part[min(aligned(length), len(part)):]
		switch {
		case sequence != netlinkSequence:
			return false, errNetlink
		case kind == unix.NLMSG_DONE, kind == unix.NLMSG_ERROR:
			// Both begin with an error number, negative, or 0; of audit's lists the end
			// is empty (kernel/audit.c, audit_make_reply).
			if kind == unix.NLMSG_DONE && len(entry) == 0 {
				return true, nil
			}
			if len(entry) < 4 {
				return false, errNetlink
			}
			if code := int32(binary.NativeEndian.Uint32(entry)); code != 0 {
				return false, fmt.Errorf("netlink: %w", unix.Errno(-code))
			}
			return true, nil
		case kind < unix.NLMSG_MIN_TYPE: // nothing to do
		default:
			if err := use(entry); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// aligned rounds up to four, as netlink does with all lengths.
func aligned(length int) int { return (length + 3) &^ 3 }

// eachAttribute hands the attributes that follow an entry's own structure to
// use, by their kind. It returns an error when they are cut short.
func eachAttribute(attributes []byte, use func(kind uint16, value []byte)) error {
	const header, flags = 4, unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
	for len(attributes) > 0 {
		if len(attributes) < header {
			return errNetlink
		}
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < header || length > len(attributes) {
			return errNetlink
		}
		use(binary.NativeEndian.Uint16(attributes[2:])&^flags, attributes[header:length])
		attributes = attributes[min(aligned(length), len(attributes)):]
	}
	return nil
}

// attributeNumber reads a number of 32 bits; 0 if it is none.
func attributeNumber(value []byte) uint32 {
	if len(value) != 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(value)
}

// attributeText reads a string, which ends with a zero.
func attributeText(value []byte) string {
	for i, c := range value {
		if c == 0 {
			value = value[:i]
			break
		}
	}
	return valid(string(value))
}

// A link is an interface. Its bytes are invalid after the call that they are
// handed to.
type link struct {
	index uint32
	name  string
	kind  string // of virtual ones: bridge, wireguard, ...
	stats []byte // struct rtnl_link_stats64 (linux/if_link.h), as it is
}

// eachLink asks for the interfaces.
func eachLink(ctx context.Context, dump dumpFunc, use func(l link)) error {
	return dump(ctx, unix.NETLINK_ROUTE, unix.RTM_GETLINK, make([]byte, unix.SizeofIfInfomsg), func(entry []byte) error {
		if len(entry) < unix.SizeofIfInfomsg {
			return errNetlink
		}
		l := link{index: binary.NativeEndian.Uint32(entry[4:])}
		var nested error
		err := eachAttribute(entry[unix.SizeofIfInfomsg:], func(kind uint16, value []byte) {
			switch kind {
			case unix.IFLA_IFNAME:
				l.name = attributeText(value)
			case unix.IFLA_STATS64:
				l.stats = value
			case unix.IFLA_LINKINFO:
				nested = eachAttribute(value, func(kind uint16, value []byte) {
					if kind == unix.IFLA_INFO_KIND {
						l.kind = attributeText(value)
					}
				})
			}
		})
		if err = errors.Join(err, nested); err == nil {
			use(l)
		}
		return err
	})
}

// linkNames asks for the interfaces' names by their numbers.
func linkNames(ctx context.Context, dump dumpFunc) (map[uint32]string, error) {
	names := map[uint32]string{}
	err := eachLink(ctx, dump, func(l link) { names[l.index] = l.name })
	return names, err
}
