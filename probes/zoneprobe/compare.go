package zoneprobe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"tocsin/probes/nameserver"
)

// How parent and zone can disagree: the values of the label problem.
const (
	parentOnly  = "parent_only"
	zoneOnly    = "zone_only"
	glueMissing = "glue_missing"
	glueDiffers = "glue_differs"
)

// A mismatch is one thing in which parent and zone disagree.
type mismatch struct{ server, problem, text string }

// compareServers sets the parent's list of servers against the zone's.
func compareServers(parent, zone []string) []mismatch {
	var found []mismatch
	for _, name := range parent {
		if !slices.Contains(zone, name) {
			found = append(found, mismatch{name, parentOnly, "the parent names " + shown(name) + ", and the zone does not"})
		}
	}
	for _, name := range zone {
		if !slices.Contains(parent, name) {
			found = append(found, mismatch{name, zoneOnly, "the zone names " + shown(name) + ", and the parent does not"})
		}
	}
	return found
}

// compareGlue sets the parent's addresses of servers within the zone against
// those that the zone itself tells, at a server that is an authority.
func (l *look) compareGlue(ctx context.Context, d *delegation, at netip.AddrPort) []mismatch {
	var found []mismatch
	for _, name := range d.servers {
		if !within(name, l.zone) {
			continue
		}
		if len(d.glue[name]) == 0 {
			found = append(found, mismatch{name, glueMissing, "the parent tells no address of " + shown(name) + ", which lies in the zone"})
			continue
		}
		told, known := l.zonesAddresses(ctx, name, at)
		if known && !same(d.glue[name], told) {
			found = append(found, mismatch{name, glueDiffers, fmt.Sprintf("the parent says that %s is %s, and the zone that it is %s",
				shown(name), listed(d.glue[name]), listed(told))})
		}
	}
	return found
}

// zonesAddresses asks an authority for the addresses of a server within the
// zone. They are not known where the name is in a zone further down.
func (l *look) zonesAddresses(ctx context.Context, name string, at netip.AddrPort) (found []netip.Addr, known bool) {
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := l.client.Ask(ctx, at, nameserver.Question{Name: name, Type: t})
		if err != nil || !answer.Authoritative || answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
			return nil, false
		}
		for _, rr := range answer.Answer {
			if a, ok := nameserver.AddressOf(rr); ok && owns(rr, name) {
				found = append(found, a)
			}
		}
	}
	return found[:min(len(found), maxAddresses)], true
}

func same(a, b []netip.Addr) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, netip.Addr.Compare)
	slices.SortFunc(b, netip.Addr.Compare)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

func listed(addresses []netip.Addr) string {
	if len(addresses) == 0 {
		return "nowhere"
	}
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, " and ")
}
