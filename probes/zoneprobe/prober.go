package zoneprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/nameserver"
	"tocsin/probes/probe"
)

// atOnce is how many servers are asked side by side.
const atOnce = 8

// Options is a look at one zone.
type Options struct {
	Zone      string // with a dot at its end, in small letters
	Port      uint16 // of all authoritative servers
	Dial      dial.Options
	Resolvers []netip.AddrPort // none: this machine's
	Now       func() time.Time // the time that signatures are verified at; nil is time.Now
}

// A Prober looks at one zone. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Prober{options: o}
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// A look is one look at a zone.
type look struct {
	zone     string
	port     uint16
	version  int // of IP; 0 is both
	now      time.Time
	client   nameserver.Client
	resolver nameserver.Resolver
	result   *probe.Result
	room     chan struct{} // one for each address that was asked

	delegation *delegation
	visits     []visit
	mismatches []mismatch
}

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	o := &p.options
	r := probe.Begin(ctx, "zone://"+shown(o.Zone))
	r.Step(0, "", time.Time{}, false, r.Target)
	l := &look{
		zone: o.Zone, port: o.Port, version: o.Dial.IPVersion, now: o.Now(), result: &r,
		client: nameserver.Client{Dial: o.Dial}, room: make(chan struct{}, maxVisits),
		// The resolver is of the site's own choice: its address is not the
		// zone's to misuse.
		resolver: nameserver.Resolver{Servers: o.Resolvers, Client: nameserver.Client{Dial: dial.Options{Source: o.Dial.Source, Dial: o.Dial.Dial}}},
	}
	err := l.run(ctx)
	r.End(err, nil)
	return r
}

func (l *look) run(ctx context.Context) error {
	began := time.Now()
	d, err := l.askParent(ctx)
	if err != nil {
		l.result.Step(0, probe.PhaseResolve, began, true, err.Error())
		return err
	}
	l.delegation = d
	l.tellParent(began)

	l.visitAll(ctx, d.servers)
	var more []string
	for _, name := range l.zonesServers() {
		if !slices.Contains(d.servers, name) {
			more = append(more, name)
		}
	}
	l.visitAll(ctx, more[:min(len(more), max(maxNames-len(d.servers), 0))])
	l.tellServers()
	if ended := probe.Ended(ctx, probe.PhaseProcessing, "asking the zone's servers"); ended != nil {
		return ended
	}
	first := l.authority()
	if first == nil {
		return l.noAuthority()
	}
	at := netip.AddrPortFrom(first.address, l.port)
	l.compare(ctx, at)
	l.countCAA(ctx, at)
	return l.judgeSignatures()
}

// visitAll asks every address of these servers, some side by side.
func (l *look) visitAll(ctx context.Context, names []string) {
	var (
		mu     sync.Mutex // guards found
		found  []visit
		work   sync.WaitGroup
		places = make(chan struct{}, atOnce)
	)
	add := func(v visit) {
		mu.Lock()
		defer mu.Unlock()
		found = append(found, v)
	}
	for _, name := range names {
		work.Go(func() { // ends with the questions, whose time is bounded
			addresses, err := l.addressesOf(ctx, name)
			if err != nil || len(addresses) == 0 {
				add(nowhere(name, err))
				return
			}
			for _, a := range addresses {
				select {
				case l.room <- struct{}{}:
				default:
					return
				}
				work.Go(func() {
					places <- struct{}{}
					defer func() { <-places }()
					add(l.visit(ctx, name, a))
				})
			}
		})
	}
	work.Wait()
	slices.SortFunc(found, func(a, b visit) int {
		return cmp.Or(strings.Compare(a.server, b.server), a.address.Compare(b.address))
	})
	l.visits = append(l.visits, found...)
}

// nowhere is the visit of a server whose address could not be had.
func nowhere(name string, err error) visit {
	v := visit{server: name, began: time.Now()}
	if err != nil {
		v.skipped, v.text = true, err.Error()
	} else {
		v.problem, v.text = noAddress, "it has no address"
	}
	return v
}

// addressesOf finds a server's addresses: where the name lies in the zone by
// the parent's word, or else by the zone's own; elsewhere as everybody does.
func (l *look) addressesOf(ctx context.Context, name string) ([]netip.Addr, error) {
	var found []netip.Addr
	if within(name, l.zone) {
		for _, a := range l.delegation.glue[name] {
			if l.version == 0 || a.Is4() == (l.version == 4) {
				found = append(found, a)
			}
		}
	}
	if first := l.authority(); len(found) == 0 && first != nil && within(name, l.zone) {
		found, _ = l.zonesAddresses(ctx, name, netip.AddrPortFrom(first.address, l.port))
	}
	var err error
	if len(found) == 0 {
		found, err = l.resolver.Addresses(ctx, name, l.version)
	}
	return found[:min(len(found), maxAddresses)], err
}

// zonesServers returns the name servers as the zone itself tells them: what
// any of the authorities says.
func (l *look) zonesServers() []string {
	var names []string
	for i := range l.visits {
		names = append(names, l.visits[i].servers...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// authority returns the first server that has the newest zone; nil for none.
func (l *look) authority() *visit {
	latest, _ := newest(l.visits)
	for i := range l.visits {
		if v := &l.visits[i]; v.good() && v.soa.Serial == latest {
			return v
		}
	}
	return nil
}

// noAuthority says why the zone cannot be resolved at all.
func (l *look) noAuthority() error {
	reason, texts := probe.Timeout, []string{}
	tried := false
	for i := range l.visits {
		v := &l.visits[i]
		texts = append(texts, v.call()+": "+v.text)
		if v.skipped {
			continue
		}
		tried = true
		if v.problem != silent {
			reason = probe.DNS
		}
	}
	all := strings.Join(texts, "; ")
	if !tried {
		return &probe.Unmeasured{Err: fmt.Errorf("no name server of the zone could be asked from here: %s", all)}
	}
	return probe.Fail(reason, probe.PhaseProcessing, fmt.Errorf("no name server answers for the zone: %s", all))
}

// compare sets the parent's word against the zone's.
func (l *look) compare(ctx context.Context, at netip.AddrPort) {
	d, r := l.delegation, l.result
	own := l.zonesServers()
	if d.covered || len(own) == 0 {
		r.Step(0, probe.PhaseTransfer, time.Time{}, false, "what stands in the parent could not be compared with the zone")
		return
	}
	began := time.Now()
	l.mismatches = append(compareServers(d.servers, own), l.compareGlue(ctx, d, at)...)
	r.Send(consistent, truth(len(l.mismatches) == 0))
	for _, m := range l.mismatches {
		r.Send(delegationProblem, 1, probe.Label(shown(m.server)), m.problem)
		r.Step(0, probe.PhaseTransfer, began, true, m.text)
		r.Faults = append(r.Faults, m.text)
	}
	if len(l.mismatches) == 0 {
		r.Step(0, probe.PhaseTransfer, began, false, "parent and zone name the same servers and addresses")
	}
}

func (l *look) countCAA(ctx context.Context, at netip.AddrPort) {
	answer, err := l.client.Ask(ctx, at, nameserver.Question{Name: l.zone, Type: dns.TypeCAA})
	if err != nil || answer.Rcode != dns.RcodeSuccess || !answer.Authoritative {
		return
	}
	n := 0
	for _, rr := range answer.Answer {
		if _, ok := rr.(*dns.CAA); ok {
			n++
		}
	}
	l.result.Send(caa, float64(n))
	l.result.Step(0, probe.PhaseTransfer, time.Time{}, false, probe.Count(n, "CAA record", "CAA records"))
}

// judgeSignatures verifies what each server has signed. Resolvers ask another
// server where one has bad signatures, so the zone fails when all have.
func (l *look) judgeSignatures() error {
	r, d := l.result, l.delegation
	state := l.state()
	if state != "" {
		r.Send(dnssec, 1, state)
	}
	switch state {
	case "":
		r.Step(0, probe.PhaseTransfer, time.Time{}, false, "whether the zone is signed could not be seen: the parent does not say")
		return nil
	case "chained":
	default:
		r.Step(0, probe.PhaseTransfer, time.Time{}, false, "DNSSEC: the zone is "+state)
		return nil
	}
	good, bad := 0, ""
	for i := range l.visits {
		v := &l.visits[i]
		if !v.good() {
			continue
		}
		v.signed = verify(l.zone, d.ds, v.keys, v.soaRRs, l.now)
		l.tellSignature(v)
		if v.signed.problem == "" {
			good++
		} else if bad == "" {
			bad = v.call() + ": " + v.signed.text
		}
	}
	if good == 0 && bad != "" {
		return probe.Fail(probe.DNSSEC, probe.PhaseTransfer, errors.New(bad))
	}
	return nil
}

// state says whether the zone is signed; nothing where that is not known.
func (l *look) state() string {
	d := l.delegation
	switch {
	case !d.dsKnown:
		return ""
	case len(d.ds) > 0 && !slices.ContainsFunc(d.ds, supported):
		return "unsupported"
	case len(d.ds) > 0:
		return "chained"
	case slices.ContainsFunc(l.visits, func(v visit) bool { return len(v.keys) > 0 }):
		return "unchained"
	default:
		return "unsigned"
	}
}
