package probes

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"time"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Options is what a probe is given beside its entry in the site file. The zero
// value is right for probes that the site file names.
type Options struct {
	// AllowAddress refuses an address by an error that says why. It is asked
	// in the dialer, after each look-up and at each redirect.
	AllowAddress func(netip.Addr) error
	// AllowHost does the same, and is told which host led to the address.
	AllowHost func(host string, a netip.Addr) error
	// Lookup replaces the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial replaces net.Dialer; the address is an IP address and port.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the time that certificates are verified at; nil is time.Now.
	Now func() time.Time
	// Depth is of how many of its newest looks a Collector keeps the account,
	// 1 to 10; 0 is 10. A site of thousands of probes has not the memory.
	Depth int
}

// entry is what c says that all protocols share; nil without a target that one
// of them knows.
func (c *Config) entry(scheme *protocol.Scheme) *protocol.Entry {
	u, err := url.Parse(c.Target)
	if scheme == nil || err != nil {
		return nil
	}
	u.User = nil
	return &protocol.Entry{
		Scheme: scheme, URL: u, TLS: &c.TLS, StartTLS: c.StartTLS, Closed: c.MustBeClosed(), Login: &c.Login, Timeout: time.Duration(c.Timeout),
	}
}

// build makes the prober of an entry that has been validated.
func (c *Config) build(o *Options) (probe.Prober, error) {
	known, scheme := schemeOf(c.Target)
	e := c.entry(scheme)
	if e == nil {
		return nil, errors.New("the target is no URL") // Validate has seen to it
	}
	if c.IPVersion == BothVersions {
		return newFamilies(c, o, e)
	}
	c.equip(e, o)
	return known.section(c).Prober(e)
}

// equip gives an entry what a prober is to use.
func (c *Config) equip(e *protocol.Entry, o *Options) {
	version := int(c.IPVersion)
	if c.IPVersion == BothVersions { // what is looked at beside takes whichever answers
		version = 0
	}
	e.Dial = dial.Options{IPVersion: version, AllowAddress: o.AllowAddress, AllowHost: o.AllowHost, Lookup: o.Lookup, Dial: o.Dial}
	e.Now = o.Now
}

// Told says in words what the target learns by being looked at, for the list
// of all that leaves the machine.
func (c *Config) Told() string {
	known, scheme := schemeOf(c.Target)
	e := c.entry(scheme)
	if e == nil {
		return ""
	}
	return known.section(c).Told(e)
}
