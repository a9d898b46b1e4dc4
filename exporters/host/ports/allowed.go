package ports

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/problem"
)

// List is what may listen: a port (443), a range ("6000-6010"), either on one
// address ("10.0.0.1:5432", "[fd00::1]:22"), and before that udp/ or tcp/; tcp
// where there is neither.
type List []string

// Validate adds what is wrong to p.
func (l List) Validate(p problem.List) {
	for i, text := range l {
		switch _, ok := parse(text); {
		case !ok:
			p.Index(i).Addf(`%.60q is no port; write one as 443, "udp/53", "6000-6010" or "10.0.0.1:5432"`, text)
		case slices.Contains(l[:i], text):
			p.Index(i).Addf("%q is there twice; strike one", text)
		}
	}
}

// allowed is one entry of a List.
type allowed struct {
	protocol    string
	address     netip.Addr // none: any
	first, last uint16
}

func (a allowed) covers(s socket) bool {
	return a.protocol == s.protocol && a.first <= s.port && s.port <= a.last && (!a.address.IsValid() || a.address == s.address)
}

func parse(text string) (a allowed, ok bool) {
	a.protocol = "tcp"
	if protocol, rest, found := strings.Cut(text, "/"); found {
		if protocol != "tcp" && protocol != "udp" {
			return a, false
		}
		a.protocol, text = protocol, rest
	}
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		address := text[:i]
		if inner, found := strings.CutPrefix(address, "["); found {
			address, found = strings.CutSuffix(inner, "]")
			if !found {
				return a, false
			}
		} else if strings.Contains(address, ":") {
			return a, false // where would the port begin?
		}
		var err error
		if a.address, err = netip.ParseAddr(address); err != nil || a.address.Zone() != "" {
			return a, false
		}
		a.address, text = a.address.Unmap(), text[i+1:]
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	one, err1 := strconv.ParseUint(first, 10, 16)
	two, err2 := strconv.ParseUint(last, 10, 16)
	a.first, a.last = uint16(one), uint16(two)
	return a, err1 == nil && err2 == nil && one > 0 && one <= two
}
