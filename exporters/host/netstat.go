//go:build linux

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"sync"

	"tocsin/internal/frame"
)

// netstatAny declares what the collector may send: the kernel has some 400
// numbers, and more with each release.
var netstatAny = &frame.Family{
	Name: "node_netstat_*", Type: frame.Untyped, Help: "A number of the kernel's network protocols, by its name in /proc/net.",
}

// maxNetstat bounds how many of the kernel's names are remembered.
const maxNetstat = 4096

// netstat is the collector netstat. It reads the files itself: what the kernel
// calls the numbers is looked up in memory, where a scrape of node_exporter
// makes strings of them all and matches each against an expression.
type netstat struct {
	roots  *roots
	fields *filter

	mu    sync.Mutex // guards what follows
	names map[string]*netstatField
	run   uint64
}

// netstatField is one number by its name, as Tcp_ActiveOpens.
type netstatField struct {
	family *frame.Family // nil: not watched
	run    uint64        // in which it was sent the last time
}

func newNetstat(r *roots, fields *filter) *netstat {
	return &netstat{roots: r, fields: fields, names: map[string]*netstatField{}}
}

// Name implements frame.Collector.
func (c *netstat) Name() string { return "netstat" }

// Families implements frame.Collector.
func (c *netstat) Families() []*frame.Family { return []*frame.Family{netstatAny} }

// Collect implements frame.Collector.
func (c *netstat) Collect(_ context.Context, s *frame.Sink) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run++
	if len(c.names) >= maxNetstat {
		clear(c.names)
	}
	return errors.Join(
		c.file(s, "net/netstat", c.pairs),
		c.file(s, "net/snmp", c.pairs),
		optional("IPv6", c.file(s, "net/snmp6", c.lines)), // missing where IPv6 is turned off
	)
}

func (c *netstat) file(s *frame.Sink, name string, parse func(s *frame.Sink, path string, content []byte) error) error {
	path := filepath.Join(c.roots.proc, name)
	return c.roots.read(path, func(content []byte) error { return parse(s, path, content) })
}

// pairs reads /proc/net/netstat and /proc/net/snmp: a line of names, as
// "Tcp: ActiveOpens ...", and then one of their values, as "Tcp: 5 ...".
func (c *netstat) pairs(s *frame.Sink, path string, content []byte) error {
	var names []byte
	if len(content) == 0 {
		return errors.New(path + ": nothing is in it")
	}
	err := eachLine(path, content, 0, func(line []byte) bool {
		if names == nil {
			names = line
			return bytes.IndexByte(line, ':') > 0
		}
		ok := c.pair(s, names, line)
		names = nil
		return ok
	})
	if names != nil {
		return errors.Join(err, malformed(path, names)) // its values are cut off
	}
	return err
}

// pair sends one protocol's values. All of them are looked at first: a line of
// another length than its names cannot be told which value is whose.
func (c *netstat) pair(s *frame.Sink, names, values []byte) bool {
	protocol, names := nextField(names)
	again, values := nextField(values)
	if !bytes.Equal(protocol, again) || !sameLength(names, values) {
		return false
	}
	protocol = bytes.TrimSuffix(protocol, []byte(":"))
	ok := true
	for len(names) > 0 {
		var name, value []byte
		name, names = nextField(names)
		value, values = nextField(values)
		ok = c.send(s, protocol, name, value) && ok
	}
	return ok
}

// lines reads /proc/net/snmp6: a number a line, as "Udp6InDatagrams 5". Those
// of ICMP by type and all others without a 6 in the name belong to nobody.
func (c *netstat) lines(s *frame.Sink, path string, content []byte) error {
	return eachLine(path, content, 0, func(line []byte) bool {
		name, rest := nextField(line)
		value, rest := nextField(rest)
		six := bytes.IndexByte(name, '6')
		if len(value) == 0 || len(rest) > 0 || six < 0 {
			return len(value) > 0
		}
		return c.send(s, name[:six+1], name[six+1:], value)
	})
}

// send sends one number, if it is watched and was not sent in this run.
func (c *netstat) send(s *frame.Sink, protocol, name, value []byte) bool {
	n, err := strconv.ParseInt(string(value), 10, 64) // Tcp_MaxConn is -1
	if err != nil {
		return false
	}
	field := c.field(protocol, name)
	if field.family != nil && field.run != c.run {
		field.run = c.run
		s.Send(field.family, float64(n))
	}
	return true
}

func (c *netstat) field(protocol, name []byte) *netstatField {
	var room [64]byte
	key := append(append(append(room[:0], protocol...), '_'), name...)
	if known := c.names[string(key)]; known != nil {
		return known
	}
	field := &netstatField{}
	if c.fields.watches(key) && isWord(key) {
		field.family = &frame.Family{
			Name: "node_netstat_" + string(key), Type: frame.Untyped,
			Help: "The number " + string(name) + " of " + string(protocol) + ", as the kernel counts it.",
		}
	}
	// What is sent must be known to the end of the run, that it is not sent twice.
	if field.family != nil || len(c.names) < maxNetstat {
		c.names[string(key)] = field
	}
	return field
}

// isWord tells whether a name can be part of a metric's.
func isWord(name []byte) bool {
	for _, c := range name {
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// sameLength tells whether two lines have as many fields.
func sameLength(a, b []byte) bool {
	for len(a) > 0 && len(b) > 0 {
		_, a = nextField(a)
		_, b = nextField(b)
	}
	return len(a) == len(b)
}
