package closedprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
)

// What a port can be like, values of the label state.
const (
	isOpen      = "open"
	isRefused   = "refused"
	isReset     = "reset"
	isFiltered  = "filtered"
	isUnknown   = "unknown"
	openedAfter = time.Second // within which a connection that was made is cut again
)

func states() []string { return []string{isOpen, isRefused, isReset, isFiltered, isUnknown} }

var addresses = &frame.Family{
	Name: "probe_port_addresses", Labels: []string{"state"},
	Help: "At how many of the target's addresses the port, which must be closed, is open, refused, reset (cut at once), filtered (no answer, or a filter's), or unknown (no way from here).",
}

// Families lists what the probe sends of its own.
func Families() []*frame.Family { return []*frame.Family{addresses} }

// Options is one port.
type Options struct {
	Target string // as results show it
	Host   string
	Port   uint16
	Dial   dial.Options
}

// A Prober looks at one port. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober { return &Prober{options: o} }

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, p.options.Target, p.options.Host)
	r.Closed = true
	r.End(p.look(ctx, &r), nil)
	return r
}

// seen is what one address is like.
type seen struct {
	address netip.Addr
	state   string
	words   string
	took    time.Duration
}

// look tries every address, not the first that answers: each of them may be
// the one that a filter forgot.
func (p *Prober) look(ctx context.Context, r *probe.Result) error {
	began := time.Now()
	all, out, err := p.options.Dial.All(ctx, p.options.Host, p.options.Port)
	stream.Reached(r, 0, began, p.options.Host, &out, err)
	if err != nil {
		if f, ok := errors.AsType[*probe.Failure](err); ok && f.Reason != probe.BlockedAddress {
			return &probe.Unmeasured{Err: err} // without an address nobody knows whether it would answer
		}
		return err
	}
	try, cancel := context.WithTimeout(ctx, patience(ctx))
	defer cancel()
	found := make([]seen, len(all))
	var wait sync.WaitGroup
	for i, a := range all {
		wait.Go(func() { found[i] = p.try(try, a) }) // ends with its dial, which ends with try
	}
	wait.Wait()
	if errors.Is(ctx.Err(), context.Canceled) {
		return probe.Ended(ctx, probe.PhaseConnect, "trying the port")
	}
	if err := p.judge(r, found); err != nil || len(out.Failed) == 0 {
		return err
	}
	// None of those that may be tried is open; of the others nothing is known.
	return probe.Fail(probe.BlockedAddress, probe.PhaseConnect, out.Failed[0].Err)
}

// patience is how long a port may be silent: all the time there is, less what
// it takes to tell of it.
func patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 10 * time.Second
	}
	left := time.Until(deadline)
	return left - min(left/10, 250*time.Millisecond)
}

func (p *Prober) try(ctx context.Context, a netip.Addr) seen {
	began := time.Now()
	conn, err := p.options.Dial.Address(ctx, a, p.options.Port)
	s := seen{address: a}
	if err == nil {
		s.state, s.words = opened(ctx, conn)
		_ = conn.Close() // nothing was said on it
	} else {
		s.state, s.words = closed(ctx, err)
	}
	s.took = time.Since(began)
	return s
}

// opened tells a port that is open from one that something before it cuts off
// again, as some packet filters and load balancers do.
func opened(ctx context.Context, conn net.Conn) (state, words string) {
	until := time.Now().Add(openedAfter)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	_ = conn.SetReadDeadline(until)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Read(make([]byte, 1)); err != nil && dial.ReasonOf(err) == probe.Reset {
		return isReset, "the connection was cut as soon as it was made"
	}
	return isOpen, "a connection was made"
}

func closed(ctx context.Context, err error) (state, words string) {
	words = dial.Words(err)
	switch reason := dial.ReasonOf(err); {
	case ctx.Err() != nil, reason == probe.Timeout:
		return isFiltered, "no answer came"
	case reason == probe.Refused:
		return isRefused, words
	case reason == probe.Reset:
		return isReset, words
	case errors.Is(err, syscall.EHOSTUNREACH):
		return isFiltered, words // what a filter answers that does not just drop
	default:
		return isUnknown, words // our own lack of a way, or of means
	}
}

// judge says what the port is like. It is well when no address is open, and
// something is known of one of them.
func (p *Prober) judge(r *probe.Result, found []seen) error {
	count := map[string]int{}
	var open []string
	for _, s := range found {
		count[s.state]++
		r.Steps = append(r.Steps, probe.Step{
			Phase: probe.PhaseConnect, Offset: time.Since(r.Start) - s.took, Duration: s.took,
			Text: fmt.Sprintf("%s is %s: %s", netip.AddrPortFrom(s.address, p.options.Port), s.state, s.words), Failed: s.state == isOpen,
		})
		if s.state == isOpen {
			open = append(open, s.address.String())
			r.Hops[0].Address = netip.AddrPortFrom(s.address, p.options.Port)
		}
		r.Hops[0].Phases[probe.PhaseConnect] = max(r.Hops[0].Phases[probe.PhaseConnect], s.took)
	}
	if count[isUnknown] == len(found) {
		return &probe.Unmeasured{Err: fmt.Errorf("no way leads from here to %s: %s", p.options.Host, found[0].words)}
	}
	for _, s := range states() {
		r.Send(addresses, float64(count[s]), s)
	}
	if len(open) == 0 {
		return nil
	}
	at := ""
	if !slices.Equal(open, []string{p.options.Host}) {
		at = " at " + strings.Join(open, ", ")
	}
	return probe.Fail(probe.PortOpen, probe.PhaseConnect, fmt.Errorf(
		"port %d of %s answers from here%s, and must not", p.options.Port, p.options.Host, at))
}
