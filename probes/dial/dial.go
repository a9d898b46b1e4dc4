package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"tocsin/probes/probe"
)

const (
	// maxAddresses bounds how many addresses of a name are tried.
	maxAddresses = 16
	// stagger is how long one address may take before the next is tried
	// beside it. Source: RFC 8305, section 5, "Connection Attempt Delay".
	stagger = 250 * time.Millisecond
)

// Options is how connections are made. The zero value asks the system's
// resolver and may speak to every address.
type Options struct {
	// IPVersion is 4 or 6 to use that family only, and 0 to use both.
	IPVersion int
	// Prefer is 4 or 6 to use that family where the name has addresses of it,
	// and the other where it has none.
	Prefer int
	// Single tries the first address only, as blackbox_exporter does: no
	// other address can hide that it does not answer.
	Single bool
	// Source is the address to connect from; the zero value leaves it to the
	// system.
	Source netip.Addr
	// AllowAddress refuses an address by an error that says why. It is asked
	// for each address of each connection after the name was looked up, and
	// what is dialled is the address that it saw.
	AllowAddress func(netip.Addr) error
	// AllowHost does the same, and is told which host led to the address, and
	// at which port it is wanted; 0 where the protocol has none.
	AllowHost func(host string, port uint16, a netip.Addr) error
	// AllowName refuses a host by an error that says why, where it is not
	// looked up here: a proxy does it.
	AllowName func(host string, port uint16) error
	// Lookup replaces the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial replaces net.Dialer. The address is always an IP address and port.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// An Outcome is what became of one call of TCP.
type Outcome struct {
	Address netip.AddrPort // the address that answered
	Found   []netip.Addr   // what the name resolved to, in the order in which it was tried
	Failed  []Attempt      // the addresses that did not answer, or were refused
	Resolve time.Duration
	Connect time.Duration
}

// An Attempt is one address that was tried in vain.
type Attempt struct {
	Address netip.Addr
	Err     error
}

// TCP connects to host's port, which is a name or an IP address. Its error is a
// probe.Failure or probe.Unmeasured; the Outcome is filled in as far as it went.
func (o *Options) TCP(ctx context.Context, host string, port uint16) (net.Conn, Outcome, error) {
	return o.connect(ctx, "tcp", host, port)
}

// UDP is TCP for datagrams: nobody has answered yet when it returns, but the
// address was checked and the system knows a way to it.
func (o *Options) UDP(ctx context.Context, host string, port uint16) (net.Conn, Outcome, error) {
	return o.connect(ctx, "udp", host, port)
}

// Find looks host up and returns the first address that the probe may speak
// to at a port; 0 where the protocol has none. Its error is as TCP's.
func (o *Options) Find(ctx context.Context, host string, port uint16) (netip.Addr, Outcome, error) {
	allowed, out, err := o.All(ctx, host, port)
	if err != nil {
		return netip.Addr{}, out, err
	}
	return allowed[0], out, nil
}

// All looks host up and returns all addresses that the probe may speak to at a
// port. Its error is as TCP's.
func (o *Options) All(ctx context.Context, host string, port uint16) ([]netip.Addr, Outcome, error) {
	var out Outcome
	began := time.Now()
	found, err := o.resolve(ctx, host)
	out.Resolve = time.Since(began)
	if err != nil {
		return nil, out, err
	}
	out.Found = found
	allowed := o.allowed(host, port, found, &out)
	if len(allowed) == 0 {
		return nil, out, probe.Fail(probe.BlockedAddress, probe.PhaseConnect, out.Failed[0].Err)
	}
	return allowed, out, nil
}

// Unresolved judges a host and port that somebody else is to look up. Its error
// is a probe.Failure.
func (o *Options) Unresolved(host string, port uint16) error {
	var err error
	if a, parseErr := netip.ParseAddr(host); parseErr == nil {
		var out Outcome
		if len(o.allowed(host, port, []netip.Addr{a.Unmap()}, &out)) == 0 {
			err = out.Failed[0].Err
		}
	} else if o.AllowName != nil {
		err = o.AllowName(host, port)
	}
	if err != nil {
		return probe.Fail(probe.BlockedAddress, probe.PhaseConnect, err)
	}
	return nil
}

// Address connects to a port of one address that All has returned. Its error
// is the connection's own.
func (o *Options) Address(ctx context.Context, a netip.Addr, port uint16) (net.Conn, error) {
	return o.dial(ctx, "tcp", a, port)
}

func (o *Options) connect(ctx context.Context, network, host string, port uint16) (net.Conn, Outcome, error) {
	allowed, out, err := o.All(ctx, host, port)
	if err != nil {
		return nil, out, err
	}
	began := time.Now()
	conn, at, err := o.race(ctx, network, allowed, port, &out)
	out.Connect = time.Since(began)
	if err != nil {
		return nil, out, err
	}
	out.Address = netip.AddrPortFrom(at, port)
	return conn, out, nil
}

// allowed keeps the addresses that the probe may speak to.
func (o *Options) allowed(host string, port uint16, found []netip.Addr, out *Outcome) []netip.Addr {
	if o.AllowAddress == nil && o.AllowHost == nil {
		return found
	}
	allowed := make([]netip.Addr, 0, len(found))
	for _, a := range found {
		var err error
		if o.AllowAddress != nil {
			err = o.AllowAddress(a)
		}
		if err == nil && o.AllowHost != nil {
			err = o.AllowHost(host, port, a)
		}
		if err != nil {
			out.Failed = append(out.Failed, Attempt{a, fmt.Errorf("%s: %w", a, err)})
			continue
		}
		allowed = append(allowed, a)
	}
	return allowed
}

// race dials the addresses in their order, the next one beginning when one
// has failed or has taken too long. The first that answers wins.
func (o *Options) race(ctx context.Context, network string, addrs []netip.Addr, port uint16, out *Outcome) (net.Conn, netip.Addr, error) {
	if len(addrs) == 1 {
		conn, err := o.dial(ctx, network, addrs[0], port)
		if err != nil {
			out.Failed = append(out.Failed, Attempt{addrs[0], err})
			return nil, netip.Addr{}, connectError(ctx, []Attempt{{addrs[0], err}})
		}
		return conn, addrs[0], nil
	}

	type result struct {
		conn net.Conn
		addr netip.Addr
		err  error
	}
	dialCtx, cancel := context.WithCancel(ctx)
	results := make(chan result, len(addrs)) // each dial can send and end, whoever reads
	started, ended := 0, 0
	next := func() {
		addr := addrs[started]
		started++
		go func() { // ends with its dial, which ends with dialCtx
			conn, err := o.dial(dialCtx, network, addr, port)
			results <- result{conn, addr, err}
		}()
	}
	defer func() {
		cancel()
		go func(pending int) { // ends with the dials, which were just cancelled
			for range pending {
				if r := <-results; r.conn != nil {
					_ = r.conn.Close()
				}
			}
		}(started - ended)
	}()

	timer := time.NewTimer(stagger)
	defer timer.Stop()
	var failed []Attempt
	next()
	for {
		select {
		case r := <-results:
			ended++
			if r.err == nil {
				return r.conn, r.addr, nil
			}
			failed = append(failed, Attempt{r.addr, r.err})
			out.Failed = append(out.Failed, Attempt{r.addr, r.err})
			if ended == len(addrs) {
				return nil, netip.Addr{}, connectError(ctx, failed)
			}
			if started < len(addrs) {
				next()
				timer.Reset(stagger)
			}
		case <-timer.C:
			if started < len(addrs) {
				next()
				timer.Reset(stagger)
			}
		case <-ctx.Done():
			return nil, netip.Addr{}, connectError(ctx, failed)
		}
	}
}

func (o *Options) dial(ctx context.Context, network string, addr netip.Addr, port uint16) (net.Conn, error) {
	address := netip.AddrPortFrom(addr, port).String()
	if o.Dial != nil {
		return o.Dial(ctx, network, address)
	}
	d := net.Dialer{KeepAlive: -1} // a probe's connection ends long before a keep-alive
	if o.Source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.Source, 0))
		if network == "udp" {
			d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(o.Source, 0))
		}
	}
	return d.DialContext(ctx, network, address)
}

// SplitPort parses a port as a URL writes it.
func SplitPort(port string) (uint16, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return 0, errors.New("a port is a number from 1 to 65535")
	}
	return uint16(n), nil
}
