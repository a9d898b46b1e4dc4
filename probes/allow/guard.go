package allow

import (
	"fmt"
	"net/netip"
	"sync"
)

// A Guard judges where a probe of the site's own is led: its target is the
// site's choice, what a server redirects to is not.
//
// An address of this link, or of a cloud's metadata, is refused to every name.
// Where the target has a public address, another host may not lead to a private
// one or to this machine. In both, probe_allow can say otherwise; and the site
// knows hosts that it names itself.
type Guard struct {
	list   func() *List
	target string
	named  map[string]bool

	mu sync.Mutex // guards what follows
	// by is the list that was asked last. What the target was is forgotten with
	// it, so that a target which moved inside needs a reload, not a restart.
	by     *List
	public bool // the target has a public address
}

// NewGuard makes the guard of a probe of target, a host, whose entry names
// further hosts. List returns what the site allows now; nil, or a nil list, is
// a site that names nothing.
func NewGuard(list func() *List, target string, named []string) *Guard {
	g := &Guard{list: list, target: normal(target), named: map[string]bool{}}
	for _, host := range named {
		g.named[normal(host)] = true
	}
	return g
}

// Address refuses an address that a host leads to. The error ends with the line
// to add to the site file.
func (g *Guard) Address(host string, _ uint16, a netip.Addr) error {
	a = a.Unmap()
	real := behind(a)
	kind, never := special(real)
	l := g.current()
	own := normal(host) == g.target
	public := g.learn(l, own && kind == "")
	switch {
	case kind == "", l.holds(a), l.holds(real), is(g.target, a):
		return nil
	case never:
		return fmt.Errorf("%s leads to %s, %s, where no probe goes by a name; to allow it, %s[%q]", host, a, kind, add, a)
	case own, g.knows(l, host), !public:
		return nil
	}
	return fmt.Errorf("%s leads to %s, %s, and the target %s is public; to allow it, %s[%q]", host, a, kind, g.target, add, a)
}

const add = "add to the site file: probe_allow: "

// Name judges a host that is not looked up here, but by a proxy.
func (g *Guard) Name(host string, _ uint16) error {
	if !inward(host) || normal(host) == g.target || g.knows(g.current(), host) {
		return nil
	}
	return fmt.Errorf("%s leads whoever looks it up to itself, or to an address in disguise; to allow it, %s[%s]", host, add, host)
}

func (g *Guard) current() *List {
	if g.list != nil {
		if l := g.list(); l != nil {
			return l
		}
	}
	return &List{}
}

// learn remembers whether the target was public.
func (g *Guard) learn(l *List, public bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.list != nil && g.by != l {
		g.by, g.public = l, false
	}
	g.public = g.public || public
	return g.public
}

// knows tells whether the site names a host, so that it may be inside.
func (g *Guard) knows(l *List, host string) bool {
	host = normal(host)
	return g.named[host] || l.names[host] || l.site[host] || len(l.own[host]) > 0
}
