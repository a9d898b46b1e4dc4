package nameserver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"tocsin/internal/problem"
	"tocsin/probes/probe"
)

// systemFile names the machine's resolvers (resolv.conf(5)).
const systemFile = "/etc/resolv.conf"

// maxServers is how many of them are asked, as the C library does.
const maxServers = 3

// A Resolver asks servers that ask others: those of a list, or the machine's.
type Resolver struct {
	Client  Client
	Servers []netip.AddrPort // none: those of /etc/resolv.conf
}

// Lookup is Answer for who needs the answer to go on. Its error is
// probe.Unmeasured: it says nothing of the name.
func (r *Resolver) Lookup(ctx context.Context, q Question) (*dns.Msg, error) {
	answer, err := r.Answer(ctx, q)
	if _, ours := errors.AsType[*probe.Unmeasured](err); err != nil && !ours {
		err = &probe.Unmeasured{Err: err}
	}
	return answer, err
}

// Answer asks one server after the other until one has an answer: records, or
// that there are none, which is no error. Its error is a probe.Failure where the
// name may be to blame: DNS when a server has looked in vain (SERVFAIL), Timeout
// when one is silent. What else goes wrong is the servers' fault, or ours, and
// is probe.Unmeasured.
func (r *Resolver) Answer(ctx context.Context, q Question) (*dns.Msg, error) {
	q.Recurse = true
	servers, err := r.servers()
	if err != nil {
		return nil, err
	}
	var failed []string
	var vain, silent bool
	for _, at := range servers {
		answer, err := r.Client.Ask(ctx, at, q)
		switch {
		case err != nil:
			if ours, ok := errors.AsType[*probe.Unmeasured](err); ok {
				return nil, ours
			}
			silent = silent || probe.FailureOf(err).Reason == probe.Timeout
			failed = append(failed, fmt.Sprintf("%s: %s", at, err))
		case answer.Rcode == dns.RcodeSuccess || answer.Rcode == dns.RcodeNameError:
			return answer, nil
		default:
			vain = vain || answer.Rcode == dns.RcodeServerFailure
			failed = append(failed, fmt.Sprintf("%s answers %s", at, Rcode(answer.Rcode)))
		}
	}
	err = fmt.Errorf("no resolver could say %s: %s", q.String(), strings.Join(failed, "; "))
	switch {
	case vain:
		return nil, probe.Fail(probe.DNS, probe.PhaseProcessing, err)
	case silent:
		return nil, probe.Fail(probe.Timeout, probe.PhaseProcessing, err)
	default:
		return nil, &probe.Unmeasured{Err: err}
	}
}

// Alive tells whether any of the servers answers at all, whatever it says.
func (r *Resolver) Alive(ctx context.Context) bool {
	servers, err := r.servers()
	return err == nil && slices.ContainsFunc(servers, func(at netip.AddrPort) bool {
		_, err := r.Client.Ask(ctx, at, Question{Name: ".", Type: dns.TypeNS, Recurse: true})
		return err == nil
	})
}

func (r *Resolver) servers() ([]netip.AddrPort, error) {
	if len(r.Servers) > 0 {
		return r.Servers, nil
	}
	servers, err := system(systemFile)
	if err != nil {
		return nil, &probe.Unmeasured{Err: err}
	}
	return servers, nil
}

// Addresses looks up the addresses of a host, of one family (4, 6) or both (0).
func (r *Resolver) Addresses(ctx context.Context, host string, version int) ([]netip.Addr, error) {
	var found []netip.Addr
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		if version == 4 && t == dns.TypeAAAA || version == 6 && t == dns.TypeA {
			continue
		}
		answer, err := r.Lookup(ctx, Question{Name: host, Type: t, Unchecked: true})
		if err != nil {
			return nil, err
		}
		for _, rr := range answer.Answer {
			if a, ok := AddressOf(rr); ok && !slices.Contains(found, a) {
				found = append(found, a)
			}
		}
	}
	return found, nil
}

// AddressOf returns the address of an A or AAAA record.
func AddressOf(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		a, ok := netip.AddrFromSlice(rr.A)
		return a.Unmap(), ok
	case *dns.AAAA:
		a, ok := netip.AddrFromSlice(rr.AAAA)
		return a, ok
	}
	return netip.Addr{}, false
}

// system reads the machine's list of resolvers.
func system(file string) ([]netip.AddrPort, error) {
	c, err := dns.ClientConfigFromFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the machine's resolvers: %w", err)
	}
	var servers []netip.AddrPort
	for _, s := range c.Servers {
		if a, err := netip.ParseAddr(s); err == nil && len(servers) < maxServers {
			servers = append(servers, netip.AddrPortFrom(a, 53))
		}
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s names no resolver; write resolvers", file)
	}
	return servers, nil
}

// Servers reads addresses as the site file writes them, with a port or
// without. What is none is left out: Validate has told of it.
func Servers(texts []string) []netip.AddrPort {
	var servers []netip.AddrPort
	for _, text := range texts {
		if at, ok := parse(text); ok {
			servers = append(servers, at)
		}
	}
	return servers
}

// Validate adds what is wrong with addresses as the site file writes them.
func Validate(p problem.List, texts []string) {
	for i, text := range texts {
		if _, ok := parse(text); !ok {
			p.Index(i).Addf("is no address of a name server; write an IP address, with a port if it is not 53, as 192.0.2.53 or [2001:db8::53]:5353")
		}
	}
	if len(texts) > maxServers {
		p.Addf("has more than %d servers; keep those that are nearest", maxServers)
	}
}

func parse(text string) (netip.AddrPort, bool) {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at, at.Port() != 0
	}
	a, err := netip.ParseAddr(text)
	return netip.AddrPortFrom(a, 53), err == nil
}
