package allow

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// A List is what may be probed. It is never changed.
type List struct {
	names    map[string]bool // in full
	patterns []string        // with stars
	networks []netip.Prefix
	sockets  []string // paths of Unix sockets, perhaps with stars
}

// New makes a list of the site file's entries, which Bad has judged, and of
// hosts and paths that the site names as targets of its own.
func New(entries, own []string) *List {
	l := &List{names: map[string]bool{}}
	for _, e := range slices.Concat(entries, own) {
		prefix, err := parseNetwork(e)
		switch {
		case err == nil:
			l.networks = append(l.networks, prefix)
		case strings.HasPrefix(e, "/"):
			l.sockets = append(l.sockets, e)
		case strings.ContainsAny(e, "*?["):
			l.patterns = append(l.patterns, strings.ToLower(e))
		case e != "":
			l.names[normal(e)] = true
		}
	}
	return l
}

// parseNetwork reads a network, or an address as the network of itself.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// Host refuses a host that may not be asked for. The error ends with the line
// to add to the site file.
func (l *List) Host(host string) error {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		if l.holds(a.Unmap()) {
			return nil
		}
		return refusal(host, fmt.Sprintf("%q", a.Unmap()))
	}
	if l.names[normal(host)] || l.matches(host) {
		return nil
	}
	return refusal(host, host)
}

// Socket does the same for the path of a Unix socket.
func (l *List) Socket(file string) error {
	for _, s := range l.sockets {
		if ok, err := path.Match(s, path.Clean(file)); ok && err == nil {
			return nil
		}
	}
	return refusal(file, path.Clean(file))
}

func refusal(what, line string) error {
	return fmt.Errorf("%s is no target of this Tocsin's site file, nor of its probe_allow; to allow it, add to the site file:\nprobe_allow: [%s]", what, line)
}

// Address refuses an address that a host leads to. An address that is not
// public must be named: by its network, or by the host's name written in full.
// One of this link, or of a cloud's metadata, must be named by its network.
func (l *List) Address(host string, a netip.Addr) error {
	a = a.Unmap()
	kind, never := special(a)
	switch {
	case kind == "", l.holds(a), !never && l.names[normal(host)]:
		return nil
	}
	return fmt.Errorf("%s leads to %s, %s; to allow it, add to the site file:\nprobe_allow: [%q]", host, a, kind, a)
}

func (l *List) holds(a netip.Addr) bool {
	for _, n := range l.networks {
		if n.Contains(a.WithZone("")) {
			return true
		}
	}
	return false
}

func (l *List) matches(host string) bool {
	for _, p := range l.patterns {
		if ok, err := path.Match(p, normal(host)); ok && err == nil {
			return true
		}
	}
	return false
}

func normal(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// special says what kind of address is not public, and whether a name alone
// may never lead to it.
func special(a netip.Addr) (kind string, never bool) {
	for _, s := range []struct {
		network string
		kind    string
		never   bool
	}{
		{"169.254.169.254/32", "the metadata of a cloud", true},
		{"169.254.170.2/32", "the metadata of a cloud", true},
		{"100.100.100.200/32", "the metadata of a cloud", true},
		{"fd00:ec2::254/128", "the metadata of a cloud", true},
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
