package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"tocsin/probes/probe"
)

// resolve returns host's addresses in the order in which to try them.
func (o *Options) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr = addr.Unmap(); !o.wants(addr) {
			return nil, probe.Fail(probe.DNS, probe.PhaseResolve,
				fmt.Errorf("%s is no IPv%d address, and ip_version asks for one", addr, o.IPVersion))
		}
		return []netip.Addr{addr}, nil
	}
	lookup := o.Lookup
	if lookup == nil {
		network := [...]string{0: "ip", 4: "ip4", 6: "ip6"}[o.IPVersion]
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, network, host)
		}
	}
	found, err := lookup(ctx, host)
	if err != nil {
		return nil, resolveError(ctx, host, err)
	}
	addrs := o.order(found)
	if len(addrs) == 0 {
		family := ""
		if o.IPVersion != 0 {
			family = fmt.Sprintf("IPv%d ", o.IPVersion)
		}
		return nil, probe.Fail(probe.DNS, probe.PhaseResolve, fmt.Errorf("%s has no %saddress", host, family))
	}
	return addrs, nil
}

// wants tells whether an address is of the family asked for.
func (o *Options) wants(a netip.Addr) bool {
	return o.IPVersion == 0 || a.Is4() == (o.IPVersion == 4)
}

// order lets the families take turns, beginning with IPv6, so that a family
// that is broken costs one delay and not one for each of its addresses.
func (o *Options) order(found []netip.Addr) []netip.Addr {
	var six, four []netip.Addr
	seen := make(map[netip.Addr]bool, len(found))
	for _, a := range found {
		a = a.Unmap()
		if !a.IsValid() || seen[a] || !o.wants(a) {
			continue
		}
		seen[a] = true
		if a.Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	switch {
	case o.Prefer == 4 && len(four) > 0:
		six = nil
	case o.Prefer == 6 && len(six) > 0:
		four = nil
	}
	addrs := make([]netip.Addr, 0, len(six)+len(four))
	for i := 0; i < len(six) || i < len(four); i++ {
		if i < len(six) {
			addrs = append(addrs, six[i])
		}
		if i < len(four) {
			addrs = append(addrs, four[i])
		}
	}
	most := maxAddresses
	if o.Single {
		most = 1
	}
	return addrs[:min(len(addrs), most)]
}

func resolveError(ctx context.Context, host string, err error) error {
	if ours := probe.Ended(ctx, probe.PhaseResolve, "looking up "+host); ours != nil {
		return ours
	}
	if noResources(err) {
		return &probe.Unmeasured{Err: err}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		switch {
		case dns.IsNotFound:
			return probe.Fail(probe.DNS, probe.PhaseResolve, fmt.Errorf("%s does not exist in the DNS, or has no address", host))
		case dns.IsTimeout:
			return probe.Fail(probe.Timeout, probe.PhaseResolve, fmt.Errorf("no answer from the name server about %s", host))
		case strings.Contains(dns.Err, "server misbehaving"):
			return probe.Fail(probe.DNS, probe.PhaseResolve, fmt.Errorf("the name server answered with an error about %s", host))
		}
		return probe.Fail(probe.DNS, probe.PhaseResolve, fmt.Errorf("look up %s: %s", host, dns.Err))
	}
	return probe.Fail(probe.DNS, probe.PhaseResolve, fmt.Errorf("look up %s: %w", host, err))
}
