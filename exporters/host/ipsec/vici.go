package ipsec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Kinds of packets and of a message's elements, and bounds (strongSwan,
// src/libcharon/plugins/vici/README.md).
const (
	packetRequest    = 0
	packetResponse   = 1
	packetRegister   = 3
	packetUnregister = 4
	packetConfirm    = 5
	packetEvent      = 7

	sectionStart = 1
	sectionEnd   = 2
	keyValue     = 3
	listStart    = 4
	listItem     = 5
	listEnd      = 6

	maxPacket = 512 << 10
	maxEvents = 5000
	maxDepth  = 16 // ours; the deepest answer has 4
)

var errVici = errors.New("the answer is not understood")

// section is a message, or a part of it.
type section struct {
	values   map[string]string
	lists    map[string][]string
	sections []named
}

type named struct {
	name string
	*section
}

// find returns the section of that name, or an empty one.
func (s *section) find(name string) *section {
	for _, n := range s.sections {
		if n.name == name {
			return n.section
		}
	}
	return &section{}
}

// client is a conversation with the daemon; one at a time.
type client struct{ conn net.Conn }

// dial reaches the daemon. The conversation ends with ctx.
func dial(ctx context.Context, socket string) (*client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // what waits returns
	return &client{conn}, nil
}

func (c *client) send(kind byte, name string) error {
	b := binary.BigEndian.AppendUint32(nil, uint32(2+len(name))) //nolint:gosec // names of ours
	b = append(b, kind, byte(len(name)))
	_, err := c.conn.Write(append(b, name...))
	return err
}

func (c *client) receive() (kind byte, message []byte, err error) {
	var header [4]byte
	if _, err := io.ReadFull(c.conn, header[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(header[:])
	if length == 0 || length > maxPacket {
		return 0, nil, fmt.Errorf("%w: a packet of %d bytes", errVici, length)
	}
	packet := make([]byte, length)
	if _, err := io.ReadFull(c.conn, packet); err != nil {
		return 0, nil, err
	}
	kind, message = packet[0], packet[1:]
	if kind == packetEvent { // the event's name, which is the one that was asked for
		if len(message) == 0 || len(message) < 1+int(message[0]) {
			return 0, nil, errVici
		}
		message = message[1+int(message[0]):]
	}
	return kind, message, nil
}

// ask sends a command without arguments. Where the answer comes as events, one
// by one, each is handed to use.
func (c *client) ask(command, event string, use func(*section)) (*section, error) {
	if event != "" {
		if err := c.register(packetRegister, event); err != nil {
			return nil, err
		}
	}
	if err := c.send(packetRequest, command); err != nil {
		return nil, err
	}
	for range maxEvents {
		kind, message, err := c.receive()
		if err != nil {
			return nil, err
		}
		if kind != packetEvent && kind != packetResponse {
			return nil, fmt.Errorf("%w: a packet of kind %d", errVici, kind)
		}
		s, err := decode(message)
		if err != nil {
			return nil, err
		}
		if kind == packetResponse {
			if event != "" {
				err = c.register(packetUnregister, event)
			}
			return s, err
		}
		if use != nil {
			use(s)
		}
	}
	return nil, fmt.Errorf("more than %d of %s", maxEvents, event)
}

func (c *client) register(kind byte, event string) error {
	if err := c.send(kind, event); err != nil {
		return err
	}
	got, _, err := c.receive()
	if err == nil && got != packetConfirm {
		err = fmt.Errorf("%w: %s is refused", errVici, event)
	}
	return err
}

// decode reads a message.
func decode(b []byte) (*section, error) {
	d := decoder{rest: b}
	s, err := d.section(0)
	if err == nil && len(d.rest) > 0 {
		err = errVici
	}
	return s, err
}

type decoder struct {
	rest []byte
	list string // the name of the list that is being read
}

// section reads elements up to the end of the section, of the message at
// depth 0.
func (d *decoder) section(depth int) (*section, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: too deep", errVici)
	}
	s := &section{values: map[string]string{}, lists: map[string][]string{}}
	for len(d.rest) > 0 || depth > 0 {
		kind, err := d.take(1)
		if err != nil {
			return nil, err
		}
		if kind[0] == sectionEnd && depth > 0 {
			return s, nil
		}
		if err := d.element(kind[0], s, depth); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (d *decoder) element(kind byte, s *section, depth int) error {
	if kind == listEnd { // lists are flat
		return nil
	}
	if kind == listItem {
		item, err := d.sized(2)
		s.lists[d.list] = append(s.lists[d.list], string(item))
		return err
	}
	name, err := d.sized(1)
	if err != nil {
		return err
	}
	switch kind {
	case sectionStart:
		inner, err := d.section(depth + 1)
		if err != nil {
			return err
		}
		s.sections = append(s.sections, named{string(name), inner})
	case keyValue:
		value, err := d.sized(2)
		if err != nil {
			return err
		}
		s.values[string(name)] = string(value)
	case listStart:
		d.list = string(name)
	default:
		return fmt.Errorf("%w: an element of kind %d", errVici, kind)
	}
	return nil
}

// sized takes what follows a length of this many bytes.
func (d *decoder) sized(width int) ([]byte, error) {
	b, err := d.take(width)
	if err != nil {
		return nil, err
	}
	length := 0
	for _, digit := range b {
		length = length<<8 | int(digit)
	}
	return d.take(length)
}

func (d *decoder) take(n int) ([]byte, error) {
	if n > len(d.rest) {
		return nil, fmt.Errorf("%w: it is cut off", errVici)
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}
