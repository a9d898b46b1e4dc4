package addresses

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"tocsin/internal/frame"
)

const (
	lookupTimeout = 5 * time.Second
	// dnsEvery is how often names are looked up.
	dnsEvery = time.Minute
)

var (
	held = &frame.Family{
		Name: "tocsin_address_held", Labels: []string{"address"},
		Help: "Whether this host holds an address that moves between hosts: it is on an interface that is up.",
	}
	candidate = &frame.Family{
		Name: "tocsin_address_candidate_info", Labels: []string{"address", "candidate"},
		Help: "A host that may hold an address that moves between hosts, as the site file says; always 1.",
	}
	leads = &frame.Family{
		Name: "tocsin_address_dns_match", Labels: []string{"address", "name"},
		Help: "Whether a name of the DNS leads to the address that the site file says.",
	}
)

// Families lists all that the collectors may send.
func Families() []*frame.Family { return []*frame.Family{held, candidate, leads} }

// Options are what the collectors need to know beside their configuration.
type Options struct {
	Host string // this host's name
	// Told has the site as a whole told of: the candidates, and the DNS. One
	// instance does, the one that knows the hosts.
	Told bool
	// Held lists the addresses of this host's interfaces that are up; the
	// system's if nil.
	Held func() ([]netip.Addr, error)
	// Lookup asks the DNS; the system's resolver if nil.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
}

// New returns the collectors: none without an entry.
func New(list List, o Options) []frame.Entry {
	if len(list) == 0 {
		return nil
	}
	if o.Held == nil {
		o.Held = onInterfaces
	}
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
	entries := []frame.Entry{{Collector: &holding{list, o}}}
	if o.Told && slices.ContainsFunc(list, func(a Address) bool { return a.DNS != "" }) {
		entries = append(entries, frame.Entry{Collector: &leading{list, o}, Every: dnsEvery})
	}
	return entries
}

// holding tells who holds the addresses, and who may.
type holding struct {
	list    List
	options Options
}

// Name implements frame.Collector.
func (c *holding) Name() string { return "addresses" }

// Families implements frame.Collector.
func (c *holding) Families() []*frame.Family { return []*frame.Family{held, candidate} }

// Collect implements frame.Collector.
func (c *holding) Collect(_ context.Context, s *frame.Sink) error {
	if c.options.Told {
		for i := range c.list {
			for _, name := range c.list[i].Hosts {
				s.Send(candidate, 1, c.list[i].Parsed().String(), name)
			}
		}
	}
	own, err := c.options.Held()
	if err != nil {
		return fmt.Errorf("list the interfaces' addresses: %w", err)
	}
	for i := range c.list {
		ip := c.list[i].Parsed()
		switch {
		case slices.Contains(own, ip):
			s.Send(held, 1, ip.String())
		case slices.Contains(c.list[i].Hosts, c.options.Host):
			s.Send(held, 0, ip.String())
		}
	}
	return nil
}

// onInterfaces lists the addresses of all interfaces that are up.
func onInterfaces() ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		own, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", i.Name, err)
		}
		for _, a := range own {
			if network, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(network.IP); ok {
					all = append(all, ip.Unmap())
				}
			}
		}
	}
	return all, nil
}

// leading tells where the DNS leads.
type leading struct {
	list    List
	options Options
}

// Name implements frame.Collector.
func (c *leading) Name() string { return "addresses_dns" }

// Families implements frame.Collector.
func (c *leading) Families() []*frame.Family { return []*frame.Family{leads} }

// Collect implements frame.Collector. A name that is not there does not lead to
// the address; a resolver that does not answer says nothing.
func (c *leading) Collect(ctx context.Context, s *frame.Sink) error {
	var failed []error
	for i := range c.list {
		a := &c.list[i]
		if a.DNS == "" {
			continue
		}
		found, err := c.lookup(ctx, a.DNS)
		var missing *net.DNSError
		if err != nil && (!errors.As(err, &missing) || !missing.IsNotFound) {
			failed = append(failed, frame.Fail(frame.ReasonUnreachable, fmt.Errorf("look up %s: %w", a.DNS, err)))
			continue
		}
		match := 0.0
		if slices.ContainsFunc(found, func(ip netip.Addr) bool { return ip.Unmap() == a.Parsed() }) {
			match = 1
		}
		s.Send(leads, match, a.Parsed().String(), a.DNS)
	}
	return errors.Join(failed...)
}

func (c *leading) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	return c.options.Lookup(ctx, name)
}
