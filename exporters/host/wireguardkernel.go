//go:build linux

package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Of linux/wireguard.h. The private key, which the kernel tells too, is not
// looked at.
const (
	wgDeviceName, wgDevicePeers        = 2, 8
	wgPeerKey, wgPeerHandshake         = 1, 6
	wgPeerReceived, wgPeerSent         = 7, 8
	wgGetDevice, wgVersion             = 0, 1
	genlHeader                         = 4 // struct genlmsghdr: command, version, two bytes unused
	ctrlGetFamily, ctrlID, ctrlNameTag = 3, 1, 2
)

// askKernel adds the peers of the kernel's interfaces.
func (c *wireguard) askKernel(ctx context.Context, peers map[string][]wireguardPeer) error {
	var names []string
	err := eachLink(ctx, c.dump, func(l link) {
		if l.kind == "wireguard" {
			names = append(names, l.name)
		}
	})
	if err != nil || len(names) == 0 {
		return err
	}
	family, err := genericFamily(ctx, c.dump, "wireguard")
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		found, err := kernelPeers(ctx, c.dump, family, name)
		switch {
		case errors.Is(err, unix.ENODEV): // it has just gone
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		default:
			peers[name] = found
		}
	}
	return errors.Join(errs...)
}

// genericFamily finds the number of a family of generic netlink.
func genericFamily(ctx context.Context, dump dumpFunc, wanted string) (uint16, error) {
	var number uint16
	err := dump(ctx, unix.NETLINK_GENERIC, unix.GENL_ID_CTRL, []byte{ctrlGetFamily, 1, 0, 0}, func(entry []byte) error {
		if len(entry) < genlHeader {
			return errNetlink
		}
		var id uint16
		var name string
		err := eachAttribute(entry[genlHeader:], func(kind uint16, value []byte) {
			switch {
			case kind == ctrlID && len(value) == 2:
				id = binary.NativeEndian.Uint16(value)
			case kind == ctrlNameTag:
				name = attributeText(value)
			}
		})
		if name == wanted {
			number = id
		}
		return err
	})
	if err == nil && number == 0 {
		err = fmt.Errorf("netlink: the kernel knows no family %s", wanted)
	}
	return number, err
}

// kernelPeers asks for the peers of one interface.
func kernelPeers(ctx context.Context, dump dumpFunc, family uint16, name string) ([]wireguardPeer, error) {
	peers := []wireguardPeer{}
	request := []byte{wgGetDevice, wgVersion, 0, 0}
	request = binary.NativeEndian.AppendUint16(request, uint16(4+len(name)+1)) //nolint:gosec // an interface's name has 15 bytes at most
	request = binary.NativeEndian.AppendUint16(request, wgDeviceName)
	request = append(append(request, name...), 0)
	request = append(request, make([]byte, aligned(len(request))-len(request))...)
	err := dump(ctx, unix.NETLINK_GENERIC, family, request, func(entry []byte) error {
		if len(entry) < genlHeader {
			return errNetlink
		}
		var nested error
		err := eachAttribute(entry[genlHeader:], func(kind uint16, value []byte) {
			if kind != wgDevicePeers {
				return
			}
			nested = errors.Join(nested, eachAttribute(value, func(_ uint16, value []byte) {
				p, err := kernelPeer(value)
				nested = errors.Join(nested, err)
				if err == nil {
					peers = addPeer(peers, p)
				}
			}))
		})
		return errors.Join(err, nested)
	})
	return peers, err
}

func kernelPeer(attributes []byte) (p wireguardPeer, err error) {
	known := false
	err = eachAttribute(attributes, func(kind uint16, value []byte) {
		switch {
		case kind == wgPeerKey && len(value) == wireguardKey:
			p.key, known = [wireguardKey]byte(value), true
		case kind == wgPeerHandshake && len(value) == 16: // struct __kernel_timespec
			seconds, nanoseconds := int64(binary.NativeEndian.Uint64(value)), int64(binary.NativeEndian.Uint64(value[8:])) //nolint:gosec // they are signed there
			p.handshake = max(0, float64(seconds)+float64(nanoseconds)/1e9)
		case kind == wgPeerReceived && len(value) == 8:
			p.received = binary.NativeEndian.Uint64(value)
		case kind == wgPeerSent && len(value) == 8:
			p.sent = binary.NativeEndian.Uint64(value)
		}
	})
	if err == nil && !known {
		err = errNetlink
	}
	return p, err
}
