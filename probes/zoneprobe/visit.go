package zoneprobe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"tocsin/probes/nameserver"
	"tocsin/probes/probe"
)

// What is wrong with a server: the values of the label problem.
const (
	noAddress   = "no_address"
	silent      = "silent"
	unreachable = "unreachable"
	garbled     = "garbled"
	refuses     = "refuses"
	failing     = "error"
	lame        = "lame"
)

// A visit is what one address of one server came to.
type visit struct {
	server  string
	address netip.Addr // zero where the server has none
	began   time.Time
	took    time.Duration
	skipped bool   // there is no way from here to addresses of this family, or none is allowed
	problem string // empty when it answered as an authority
	text    string // the problem in words
	soa     *dns.SOA
	servers []string  // as the zone names them; nil when it could not be asked
	keys    []dns.RR  // DNSKEY records and their signatures
	soaRRs  []dns.RR  // the SOA record and its signatures
	signed  signature // what became of them
}

func (v *visit) good() bool { return v.problem == "" && !v.skipped }

// call says which server and address it was, as people write it.
func (v *visit) call() string {
	if !v.address.IsValid() {
		return shown(v.server)
	}
	return fmt.Sprintf("%s (%s)", shown(v.server), v.address)
}

// visit asks one server for the zone's SOA record, name servers and keys.
func (l *look) visit(ctx context.Context, server string, address netip.Addr) visit {
	v := visit{server: server, address: address, began: time.Now()}
	at := netip.AddrPortFrom(address, l.port)
	answer, err := l.client.Ask(ctx, at, nameserver.Question{Name: l.zone, Type: dns.TypeSOA, DNSSEC: true})
	v.took = time.Since(v.began)
	if err != nil {
		v.fail(err)
		return v
	}
	v.readSOA(answer, l.zone)
	if v.problem != "" {
		return v
	}
	if answer, err = l.client.Ask(ctx, at, nameserver.Question{Name: l.zone, Type: dns.TypeNS}); err == nil && answer.Authoritative {
		v.servers = namesOf(answer.Answer, l.zone)
	}
	if answer, err = l.client.Ask(ctx, at, nameserver.Question{Name: l.zone, Type: dns.TypeDNSKEY, DNSSEC: true}); err == nil && answer.Authoritative {
		v.keys = answer.Answer
	}
	return v
}

// fail says why there is no answer. An address of a family that this machine
// has no way to says nothing of the server, nor does one that it may not ask.
func (v *visit) fail(err error) {
	f := probe.FailureOf(err)
	v.text = err.Error()
	if _, ours := errors.AsType[*probe.Unmeasured](err); ours || f.Reason == probe.BlockedAddress ||
		f.Reason == probe.Unreachable && f.Phase == probe.PhaseConnect && v.address.Is6() {
		v.skipped = true
		return
	}
	switch f.Reason {
	case probe.Timeout:
		v.problem = silent
	case probe.Protocol, probe.Truncated, probe.Other:
		v.problem = garbled
	default:
		v.problem = unreachable
	}
}

// readSOA judges the answer to the question for the SOA record.
func (v *visit) readSOA(answer *dns.Msg, zone string) {
	switch {
	case answer.Rcode == dns.RcodeRefused:
		v.problem, v.text = refuses, "it refuses to answer about the zone"
		return
	case answer.Rcode != dns.RcodeSuccess:
		v.problem, v.text = failing, "it answers "+nameserver.Rcode(answer.Rcode)
		return
	case !answer.Authoritative:
		v.problem, v.text = lame, "it answers, but not as an authority"
		return
	}
	for _, rr := range answer.Answer {
		if soa, ok := rr.(*dns.SOA); ok && owns(rr, zone) {
			v.soa = soa
		}
	}
	if v.soa == nil {
		v.problem, v.text = lame, "it answers without the zone's SOA record"
		return
	}
	v.soaRRs = answer.Answer
}

// newest returns the serial number that is ahead of the others (RFC 1982), and
// how many different ones there are.
func newest(visits []visit) (newest uint32, distinct int) {
	seen := map[uint32]bool{}
	for i := range visits {
		if !visits[i].good() {
			continue
		}
		s := visits[i].soa.Serial
		if len(seen) == 0 || int32(s-newest) > 0 {
			newest = s
		}
		seen[s] = true
	}
	return newest, len(seen)
}
