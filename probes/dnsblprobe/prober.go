package dnsblprobe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/nameserver"
	"tocsin/probes/probe"
)

// The labels' values are bounded: the lists of the entry, and at most 8
// addresses of its host.
var (
	listed = &frame.Family{
		Name: "probe_dnsbl_listed", Labels: []string{"list", "address"},
		Help: "Whether the list lists the address. Absent where the list could not be asked.",
	}
	code = &frame.Family{
		Name: "probe_dnsbl_code_info", Labels: []string{"list", "address", "code"},
		Help: "The codes by which a list lists an address, as 127.0.0.2; what they mean is the list's to say.",
	}
	measured = &frame.Family{
		Name: "probe_dnsbl_measured", Labels: []string{"list", "address"},
		Help: "Whether the list could be asked about the address: 0 when it refuses, has died, or no resolver answers.",
	}
)

// Families lists what a look at blocklists sends of its own.
func Families() []*frame.Family { return []*frame.Family{listed, code, measured} }

const (
	maxAddresses = 8
	atOnce       = 4 // lists that are asked side by side
)

// Options is a look at one host.
type Options struct {
	Host      string   // or an address
	Lists     []string // in small letters, without a dot at the end
	Dial      dial.Options
	Resolvers []netip.AddrPort // none: this machine's
}

// A Prober asks lists about one host. It implements probe.Prober.
type Prober struct {
	options  Options
	resolver nameserver.Resolver
}

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober {
	return &Prober{options: o, resolver: nameserver.Resolver{
		Servers: o.Resolvers, Client: nameserver.Client{Dial: dial.Options{Source: o.Dial.Source, Dial: o.Dial.Dial}},
	}}
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// A finding is what one list says of one address.
type finding struct {
	list    string
	address netip.Addr
	verdict verdict
}

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := probe.Begin(ctx, "dnsbl://"+p.options.Host)
	r.Step(0, "", time.Time{}, false, r.Target)
	r.End(p.look(ctx, &r), nil)
	return r
}

func (p *Prober) look(ctx context.Context, r *probe.Result) error {
	began := time.Now()
	addresses, err := p.addresses(ctx)
	if err != nil {
		r.Step(0, probe.PhaseResolve, began, true, err.Error())
		return err
	}
	// Each list has its own place, so that nobody waits for another's.
	found := make([][]finding, len(p.options.Lists))
	var work sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for i, list := range p.options.Lists {
		work.Go(func() { // ends with the questions, whose time is bounded
			places <- struct{}{}
			defer func() { <-places }()
			found[i] = p.askAll(ctx, list, addresses)
		})
	}
	work.Wait()
	var all []finding
	for _, of := range found {
		all = append(all, of...)
	}
	return tell(r, all)
}

// addresses are those of the host.
func (p *Prober) addresses(ctx context.Context) ([]netip.Addr, error) {
	version := p.options.Dial.IPVersion
	if a, err := netip.ParseAddr(p.options.Host); err == nil {
		if a = a.Unmap(); version == 0 || a.Is4() == (version == 4) {
			return []netip.Addr{a}, nil
		}
		return nil, probe.Fail(probe.DNS, probe.PhaseResolve, fmt.Errorf("%s is no IPv%d address, and ip_version asks for one", a, version))
	}
	found, err := p.resolver.Addresses(ctx, p.options.Host, version)
	if err == nil && len(found) == 0 {
		err = probe.Fail(probe.DNS, probe.PhaseResolve, fmt.Errorf("%s has no address", p.options.Host))
	}
	return found[:min(len(found), maxAddresses)], err
}

// askAll asks one list about all addresses.
func (p *Prober) askAll(ctx context.Context, list string, addresses []netip.Addr) []finding {
	lives := map[bool]verdict{} // by whether it is IPv4
	found := make([]finding, 0, len(addresses))
	for _, a := range addresses {
		four := a.Is4()
		if _, asked := lives[four]; !asked {
			lives[four] = p.lives(ctx, list, four)
		}
		f := finding{list: list, address: a, verdict: lives[four]}
		if f.verdict.refuse == "" {
			v, err := p.ask(ctx, list, a)
			if err != nil {
				v.refuse = plain(err)
			}
			// A listing counts even where the test entry is missing.
			v.lacks = len(v.codes) == 0 && v.refuse == "" && lives[four].lacks
			f.verdict = v
		}
		found = append(found, f)
	}
	return found
}

// tell writes what the lists say as samples and steps, and sums it up.
func tell(r *probe.Result, all []finding) error {
	var bad, silent, lacking []string
	for i := range all {
		f := &all[i]
		address := f.address.String()
		if f.verdict.refuse != "" {
			text := fmt.Sprintf("%s could not be asked about %s: %s", f.list, address, f.verdict.refuse)
			silent = append(silent, text)
			r.Send(measured, 0, f.list, address)
			r.Step(0, probe.PhaseProcessing, time.Time{}, true, text)
			continue
		}
		if f.verdict.lacks {
			lacking = append(lacking, fmt.Sprintf("%s has no addresses as %s", f.list, address))
			r.Step(0, probe.PhaseProcessing, time.Time{}, false, lacking[len(lacking)-1])
			continue
		}
		r.Send(measured, 1, f.list, address)
		if len(f.verdict.codes) == 0 {
			r.Send(listed, 0, f.list, address)
			r.Step(0, probe.PhaseProcessing, time.Time{}, false, fmt.Sprintf("%s does not list %s", f.list, address))
			continue
		}
		text := fmt.Sprintf("%s lists %s (%s)", f.list, address, strings.Join(f.verdict.codes, ", "))
		if f.verdict.reason != "" {
			text += ": " + f.verdict.reason
		}
		bad = append(bad, text)
		r.Send(listed, 1, f.list, address)
		for _, c := range f.verdict.codes {
			r.Send(code, 1, f.list, address, c)
		}
		r.Step(0, probe.PhaseProcessing, time.Time{}, true, text)
	}
	switch {
	case len(bad) > 0:
		return probe.Fail(probe.Listed, probe.PhaseProcessing, errors.New(strings.Join(bad, "; ")))
	case len(silent)+len(lacking) == len(all):
		return &probe.Unmeasured{Err: errors.New(strings.Join(append(silent, lacking...), "; "))}
	}
	r.Faults = append(r.Faults, silent...)
	return nil
}
