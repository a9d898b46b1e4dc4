package ports

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/frame"
)

// Every is the collector's own clock.
const Every = 30 * time.Second

// maxNamed bounds how many unexpected ports are named; all are counted.
const maxNamed = 50

var (
	open = &frame.Family{
		Name: "tocsin_host_listening_ports", Labels: []string{"protocol", "address"},
		Help: "Ports that are open, by tcp or udp and by who could reach the address: any, public, private or loopback.",
	}
	unexpected = &frame.Family{
		Name: "tocsin_host_listening_port_unexpected", Labels: []string{"protocol", "port", "address"},
		Help: "A port that is open and that the site file does not name: 1; fifty are named at most. The address is any, public or private.",
	}
	count = &frame.Family{
		Name: "tocsin_host_listening_ports_unexpected",
		Help: "How many ports are open that the site file does not name; absent where it names none at all.",
	}
)

// collector is the collector ports.
type collector struct {
	proc    string
	allowed []allowed
}

// New returns the collector of the machine whose /proc lies at proc. The list
// is one that Validate has found nothing wrong with; where it is empty nothing
// is unexpected.
func New(proc string, list List) frame.Collector {
	c := &collector{proc: proc}
	for _, text := range list {
		if a, ok := parse(text); ok {
			c.allowed = append(c.allowed, a)
		}
	}
	return c
}

// Name implements frame.Collector.
func (c *collector) Name() string { return "ports" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family { return []*frame.Family{open, unexpected, count} }

// door is what the metrics tell apart.
type door struct {
	protocol string
	port     uint16
	address  string
}

// Collect implements frame.Collector. What is missing (IPv6 turned off) has
// nothing open. A file that could not be read whole costs the counts, not what
// was seen.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	first, last := clientPorts(filepath.Join(c.proc, "sys/net/ipv4/ip_local_port_range"))
	doors := map[door]bool{} // true: unexpected
	var errs []error
	found := false
	for _, file := range []struct{ name, protocol string }{{"tcp", "tcp"}, {"tcp6", "tcp"}, {"udp", "udp"}, {"udp6", "udp"}} {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := readSockets(filepath.Join(c.proc, "net", file.name), file.protocol, func(l socket) {
			if l.protocol == "udp" && first <= l.port && l.port <= last {
				return
			}
			d := door{l.protocol, l.port, reach(l.address)}
			doors[d] = doors[d] || !c.expects(l)
		})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found = true
		errs = append(errs, err)
	}
	if !found {
		return frame.ErrNoData
	}
	err := errors.Join(errs...)
	c.send(doors, err == nil, s)
	return err
}

func (c *collector) expects(l socket) bool {
	return len(c.allowed) == 0 || slices.ContainsFunc(c.allowed, func(a allowed) bool { return a.covers(l) })
}

func (c *collector) send(doors map[door]bool, whole bool, s *frame.Sink) {
	counts := map[[2]string]int{}
	var strange []door
	for d, is := range doors {
		counts[[2]string{d.protocol, d.address}]++
		if is && d.address != "loopback" {
			strange = append(strange, d)
		}
	}
	slices.SortFunc(strange, func(a, b door) int {
		return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.address, b.address))
	})
	for _, d := range strange[:min(len(strange), maxNamed)] {
		s.Send(unexpected, 1, d.protocol, strconv.Itoa(int(d.port)), d.address)
	}
	if !whole {
		return
	}
	if len(c.allowed) > 0 {
		s.Send(count, float64(len(strange)))
	}
	for _, protocol := range []string{"tcp", "udp"} {
		for _, address := range []string{"any", "public", "private", "loopback"} {
			s.Send(open, float64(counts[[2]string{protocol, address}]), protocol, address)
		}
	}
}

var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// reach says who could reach an address.
func reach(a netip.Addr) string {
	switch {
	case a.IsUnspecified():
		return "any"
	case a.IsLoopback():
		return "loopback"
	case a.IsPrivate(), a.IsLinkLocalUnicast(), a.IsMulticast(), sharedAddresses.Contains(a):
		return "private"
	}
	return "public"
}
