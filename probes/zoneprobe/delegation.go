package zoneprobe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"tocsin/probes/nameserver"
	"tocsin/probes/probe"
)

// Bounds of what a zone makes us ask.
const (
	maxNames         = 16 // name servers of a zone
	maxAddresses     = 4  // of one of them
	maxVisits        = 32 // of all of them
	maxParents       = 4  // servers of the parent
	maxParentLookups = 12 // labels of a name
)

// A delegation is what the parent says of a zone.
type delegation struct {
	parent  string
	servers []string                // as the parent names them
	glue    map[string][]netip.Addr // what it says of their addresses
	ds      []*dns.DS
	dsKnown bool   // whether the parent could be asked for DS records
	absent  string // what the parent says where it delegates nothing
	// covered tells that the parent's server serves the zone, too, so that
	// what stands in the parent is not seen.
	covered bool
}

// findParent returns the zone above and its servers.
func (l *look) findParent(ctx context.Context) (parent string, servers []string, err error) {
	name := l.zone
	for range maxParentLookups {
		_, up, _ := strings.Cut(name, ".")
		if name = up; name == "" {
			name = "."
		}
		answer, err := l.resolver.Lookup(ctx, nameserver.Question{Name: name, Type: dns.TypeNS, Unchecked: true})
		if err != nil {
			return "", nil, err
		}
		if found := namesOf(answer.Answer, name); len(found) > 0 {
			return name, found, nil
		}
		if name == "." {
			break
		}
	}
	return "", nil, &probe.Unmeasured{Err: fmt.Errorf("the resolver knows no zone above %s", shown(l.zone))}
}

// askParent asks the parent's servers, one after the other, what they say of
// the zone.
func (l *look) askParent(ctx context.Context) (*delegation, error) {
	parent, names, err := l.findParent(ctx)
	if err != nil {
		return nil, err
	}
	var failed []string
	asked := 0
	var covered *delegation
	for _, name := range names {
		addrs, err := l.resolver.Addresses(ctx, name, l.version)
		if err != nil {
			failed = append(failed, shown(name)+": "+err.Error())
			continue
		}
		for _, a := range addrs[:min(len(addrs), 2)] {
			if asked++; asked > maxParents {
				break
			}
			at := netip.AddrPortFrom(a, l.port)
			d, err := l.askParentAt(ctx, parent, at)
			switch {
			case err != nil:
				failed = append(failed, fmt.Sprintf("%s (%s): %s", shown(name), a, err))
			case d.covered:
				covered = d // another one may see more
			case d.absent != "":
				return nil, probe.Fail(probe.DNS, probe.PhaseResolve, fmt.Errorf("the zone above, %s, %s", shown(parent), d.absent))
			default:
				return d, nil
			}
		}
	}
	if covered != nil {
		return covered, nil
	}
	if len(failed) == 0 {
		failed = []string{"none has an address"}
	}
	return nil, &probe.Unmeasured{Err: fmt.Errorf("no server of the zone above, %s, could be asked: %s", shown(parent), strings.Join(failed, "; "))}
}

func (l *look) askParentAt(ctx context.Context, parent string, at netip.AddrPort) (*delegation, error) {
	answer, err := l.client.Ask(ctx, at, nameserver.Question{Name: l.zone, Type: dns.TypeNS, DNSSEC: true})
	if err != nil {
		return nil, err
	}
	d, err := readReferral(answer, l.zone, parent)
	if err != nil {
		return nil, err
	}
	if d.absent != "" {
		return d, nil
	}
	answer, err = l.client.Ask(ctx, at, nameserver.Question{Name: l.zone, Type: dns.TypeDS, DNSSEC: true})
	if err == nil && answer.Rcode == dns.RcodeSuccess && answer.Authoritative {
		d.dsKnown = true
		for _, rr := range answer.Answer {
			if ds, ok := rr.(*dns.DS); ok && owns(rr, l.zone) && len(d.ds) < maxKeys {
				d.ds = append(d.ds, ds)
			}
		}
	}
	return d, nil
}

// readReferral reads what a server of the parent answers when it is asked for
// the zone's name servers.
func readReferral(answer *dns.Msg, zone, parent string) (*delegation, error) {
	d := &delegation{parent: parent, glue: map[string][]netip.Addr{}}
	switch {
	case answer.Rcode == dns.RcodeNameError:
		d.absent = "knows no " + shown(zone)
		return d, nil
	case answer.Rcode != dns.RcodeSuccess:
		return nil, fmt.Errorf("it answers %s", nameserver.Rcode(answer.Rcode))
	case answer.Authoritative && len(namesOf(answer.Answer, zone)) > 0:
		d.servers, d.covered = namesOf(answer.Answer, zone), true
		return d, nil
	case len(namesOf(answer.Ns, zone)) > 0:
		d.servers = namesOf(answer.Ns, zone)
	case answer.Authoritative:
		d.absent = "names no name servers for " + shown(zone)
		return d, nil
	default:
		return nil, errors.New("it answers neither as an authority nor with a delegation")
	}
	for _, rr := range answer.Extra {
		name := strings.ToLower(rr.Header().Name)
		if a, ok := nameserver.AddressOf(rr); ok && slices.Contains(d.servers, name) && len(d.glue[name]) < maxAddresses {
			d.glue[name] = append(d.glue[name], a)
		}
	}
	return d, nil
}

// namesOf returns the name servers that records give to a zone, sorted.
func namesOf(records []dns.RR, zone string) []string {
	var names []string
	for _, rr := range records {
		ns, ok := rr.(*dns.NS)
		if !ok || !owns(rr, zone) {
			continue
		}
		if name := strings.ToLower(ns.Ns); !slices.Contains(names, name) && len(names) < maxNames {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// owns tells whether a record is of this very name.
func owns(rr dns.RR, name string) bool { return strings.EqualFold(rr.Header().Name, name) }

// within tells whether a server's name lies in the zone, so that its address
// can be found by nobody without the parent's help.
func within(name, zone string) bool { return dns.IsSubDomain(zone, name) }

// shown is a name as people write it.
func shown(name string) string {
	if name == "." {
		return "the root"
	}
	return strings.TrimSuffix(name, ".")
}
