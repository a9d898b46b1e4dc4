package allow

import (
	"net/netip"
	"strings"
)

// special says what kind of address is not public, and whether a name alone
// may never lead to it.
//
// Sources: IANA's registries of special-purpose addresses; of the metadata
// each cloud's own pages.
func special(a netip.Addr) (kind string, never bool) {
	const metadata = "the metadata of a cloud"
	for _, s := range []struct {
		network string
		kind    string
		never   bool
	}{
		{"169.254.169.254/32", metadata, true}, // Amazon, Azure, Google, Oracle, OpenStack and more
		{"169.254.170.2/32", metadata, true},   // Amazon: a container's credentials
		{"100.100.100.200/32", metadata, true}, // Alibaba
		{"fd00:ec2::254/128", metadata, true},  // Amazon: "Access instance metadata for an EC2 instance"
		{"fd20:ce::254/128", metadata, true},   // Google: "About VM metadata", of instances with IPv6 only
		{"168.63.129.16/32", metadata, true},   // Azure: "What is IP address 168.63.129.16?"; it hands out settings and certificates
		{"192.0.0.192/32", metadata, true},     // Oracle Compute Classic: "Retrieving Instance Metadata"
		{"0.0.0.0/8", "this machine itself", true},
		{"::/128", "this machine itself", true},
		{"127.0.0.0/8", "this machine itself", false},
		{"::1/128", "this machine itself", false},
		{"169.254.0.0/16", "an address of this link only", true},
		{"fe80::/10", "an address of this link only", true},
		{"10.0.0.0/8", "a private address", false},
		{"172.16.0.0/12", "a private address", false},
		{"192.168.0.0/16", "a private address", false},
		{"100.64.0.0/10", "a private address", false},
		{"fc00::/7", "a private address", false},
		{"64:ff9b::/96", "an address that stands for an IPv4 one", true},
		{"2002::/16", "an address that stands for an IPv4 one", true},
		{"224.0.0.0/4", "an address of many", true},
		{"ff00::/8", "an address of many", true},
		{"240.0.0.0/4", "a reserved address", true},
	} {
		if netip.MustParsePrefix(s.network).Contains(a.WithZone("")) {
			return s.kind, s.never
		}
	}
	return "", false
}

// behind returns the IPv4 address that an IPv6 one stands for: where there is no
// IPv4, every service of the world is reached by such an address.
//
// Source: RFC 6052, section 2.1 (NAT64), RFC 3056, section 2 (6to4).
func behind(a netip.Addr) netip.Addr {
	b := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:]))
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

// numeric tells whether a host that is no IP address in its usual form may be
// taken for one by whoever looks it up: 2852039166, 0xa9fea9fe, 169.254.43518.
//
// Source: URL Standard, "ends in a number checker".
func numeric(host string) bool {
	if _, ok := parseAddress(host); ok {
		return false
	}
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// inward tells whether whoever looks a name up finds itself, or the metadata of
// a cloud.
//
// Source: RFC 6761, section 6.3; Google's "About VM metadata".
func inward(host string) bool {
	host = normal(host)
	return numeric(host) || host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "metadata.google.internal"
}
