package addresses

import (
	"net/netip"
	"slices"
	"strings"

	"tocsin/internal/problem"
)

// An Address is one that may move between hosts: an entry of the section
// addresses of the site file.
type Address struct {
	// Address is the IP address, as 203.0.113.9.
	Address string `yaml:"address"`
	// Hosts are those that may hold it, as hosts names them. Exactly one is to
	// hold it at any time. Each of them needs the entry in its own file, too.
	Hosts []string `yaml:"hosts"`
	// DNS is a name that must lead to it.
	DNS string `yaml:"dns,omitempty"`
}

// A List is the section addresses of the site file.
type List []Address

// Parsed returns the address; the zero value where it is none.
func (a *Address) Parsed() netip.Addr {
	ip, _ := netip.ParseAddr(a.Address)
	return ip.Unmap()
}

// Validate adds what is wrong with the entries. It touches nothing outside.
func (l List) Validate(p problem.List) {
	first := map[netip.Addr]int{}
	for i := range l {
		a, at := &l[i], p.Index(i)
		ip := a.Parsed()
		switch {
		case a.Address == "":
			at.At("address").Addf("is missing; write the address that moves, as 203.0.113.9")
		case !ip.IsValid() || ip.Zone() != "":
			at.At("address").Addf("is no IP address; write one as 203.0.113.9 or 2001:db8::9")
		case ip.IsLoopback(), ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast():
			at.At("address").Addf("is no address that one host of several holds; write one that users reach, as 203.0.113.9")
		default:
			if other, ok := first[ip]; ok {
				at.At("address").Addf("stands in addresses[%d], too; keep one of the two", other)
			} else {
				first[ip] = i
			}
		}
		if len(a.Hosts) < 2 {
			at.At("hosts").Addf("must be at least two: those between which the address moves, as [web1, web2]")
		}
		for j, name := range a.Hosts {
			if name == "" || slices.Index(a.Hosts, name) != j {
				at.At("hosts").Index(j).Addf("is empty, or stands here twice; take it away")
			}
		}
		if strings.ContainsAny(a.DNS, ":/ ") {
			at.At("dns").Addf("is no name; write one as www.ville.example")
		}
	}
}
