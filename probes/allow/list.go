package allow

import (
	"fmt"
	"maps"
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
	// own are the ports of the site's own targets, by their hosts: true for
	// those that a target has, false for those that go with them.
	own  map[string]map[uint16]bool
	site map[string]bool // hosts that the site names elsewhere
}

// A Target is what a probe of the site looks at.
type Target struct {
	Host string // a name or an IP address; empty for a socket
	Port uint16 // 0: the protocol has none
	Web  bool   // http:// or https://, of which one redirects to the other
	Path string // of a Unix socket
}

// New makes a list of the site file's entries, which Validate has judged, of
// the targets of its probes, and of hosts that it names elsewhere.
func New(entries []string, own []Target, site []string) *List {
	l := &List{names: map[string]bool{}, own: map[string]map[uint16]bool{}, site: map[string]bool{}}
	for _, host := range site {
		l.site[normal(host)] = true
	}
	for _, t := range own {
		l.add(t)
	}
	for _, e := range entries {
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

func (l *List) add(t Target) {
	if t.Path != "" {
		l.sockets = append(l.sockets, t.Path)
	}
	if t.Host == "" {
		return
	}
	ports := l.own[normal(t.Host)]
	if ports == nil {
		ports = map[uint16]bool{}
		l.own[normal(t.Host)] = ports
	}
	ports[t.Port] = true
	for _, port := range []uint16{80, 443} {
		if t.Web && !ports[port] {
			ports[port] = false
		}
	}
}

// parseNetwork reads a network, or an address as the network of itself.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, ok := parseAddress(text); ok {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// Host refuses a host that may not be asked for at a port; 0 where the protocol
// has none. A host that only the site's probes name may be asked at their ports.
// The error ends with the line to add to the site file.
func (l *List) Host(host string, port uint16) error {
	a, literal := parseAddress(host)
	line := host
	if literal {
		line = fmt.Sprintf("%q", a)
	}
	ports := l.own[normal(host)]
	_, own := ports[port]
	switch {
	case literal && l.holds(a), !literal && (l.names[normal(host)] || l.matches(host)):
		return nil
	case own, len(ports) > 0 && port == 0: // a ping
		return nil
	case len(ports) > 0:
		return fmt.Errorf("%s is a target of this Tocsin's site file at %s only, not at port %d; to allow its other ports, add to the site file:\nprobe_allow: [%s]", host, listed(ports), port, line)
	}
	return refusal(host, line)
}

// listed writes the ports that a host may be asked at.
func listed(ports map[uint16]bool) string {
	var texts []string
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		if port != 0 {
			texts = append(texts, fmt.Sprint(port))
		}
	}
	switch len(texts) {
	case 0:
		return "no port"
	case 1:
		return "port " + texts[0]
	}
	return "the ports " + strings.Join(texts, ", ")
}

// Name judges a host that is not looked up here, but by a proxy: what it leads
// to is never known, so it must be one that may be asked for, and no address in
// disguise.
func (l *List) Name(host string, port uint16) error {
	if numeric(host) {
		return refusal(host, host)
	}
	return l.Host(host, port)
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
// public must be named: by its network, by the host's name written in full, or
// by a probe of the site with that host and port. One of this link, or of a
// cloud's metadata, must be named itself.
func (l *List) Address(host string, port uint16, a netip.Addr) error {
	a = a.Unmap()
	kind, never := special(a)
	switch {
	case kind == "", l.holds(a), !never && l.names[normal(host)]:
		return nil
	case l.exactly(host, port) && (!never || is(host, a)):
		return nil
	}
	return fmt.Errorf("%s leads to %s, %s; to allow it, add to the site file:\nprobe_allow: [%q]", host, a, kind, a)
}

// exactly tells whether a probe of the site has this host and port.
func (l *List) exactly(host string, port uint16) bool {
	ports := l.own[normal(host)]
	return ports[port] || port == 0 && len(ports) > 0
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

// normal is how hosts are compared.
func normal(host string) string {
	if a, ok := parseAddress(host); ok {
		return a.String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// is tells whether a host is written as this very address.
func is(host string, a netip.Addr) bool {
	literal, ok := parseAddress(host)
	return ok && literal.WithZone("") == a.WithZone("")
}

func parseAddress(host string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return a.Unmap(), err == nil
}
