package ntpprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/beevik/ntp"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
)

// The names after probe_ are those of node_exporter's collector ntp after
// node_, with its meanings.
var (
	offset = &frame.Family{
		Name: "probe_ntp_offset_seconds",
		Help: "How far the server's clock is ahead of ours; right up to half of probe_ntp_rtt_seconds.",
	}
	rtt = &frame.Family{
		Name: "probe_ntp_rtt_seconds",
		Help: "How long question and answer were under way, without the server's own time.",
	}
	stratum = &frame.Family{
		Name: "probe_ntp_stratum",
		Help: "How many servers the server is away from a reference clock, itself included; 0 or 16 when it follows none, or refuses to say.",
	}
	leap = &frame.Family{
		Name: "probe_ntp_leap",
		Help: "The leap indicator: 0 none, 1 and 2 a leap second is inserted or left out at the month's end, 3 the clock is not synchronised.",
	}
	rootDelay = &frame.Family{
		Name: "probe_ntp_root_delay_seconds",
		Help: "How long the way from the server to the reference clock and back is, by its own word.",
	}
	rootDispersion = &frame.Family{
		Name: "probe_ntp_root_dispersion_seconds",
		Help: "How wrong the server's clock may be, by its own word.",
	}
	reference = &frame.Family{
		Name: "probe_ntp_reference_timestamp_seconds",
		Help: "When the server's clock was last set, by its own word. Absent when it never was.",
	}
	kiss = &frame.Family{
		Name: "probe_ntp_kiss_info", Labels: []string{"code"},
		Help: "The kiss-of-death code (RFC 5905, section 7.4) that the server answers in place of the time: DENY, RSTR, INIT, STEP..., or other.",
	}
)

// Families lists what a look at a time server sends of its own.
func Families() []*frame.Family {
	return []*frame.Family{offset, rtt, stratum, leap, rootDelay, rootDispersion, reference, kiss}
}

// Options is one look at a time server.
type Options struct {
	Target  string // as results show it
	Host    string
	Port    uint16
	Version int
	Dial    dial.Options
}

// A Prober asks one server. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober { return &Prober{options: o} }

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, p.options.Target, p.options.Host)
	answer, err := p.ask(ctx, &r)
	if err == nil {
		sample(&r, answer)
		if err = judge(answer); err != nil {
			r.Step(0, probe.PhaseTransfer, time.Time{}, true, err.Error())
		}
		if off := answer.ClockOffset.Abs() - answer.RTT/2; off > maxOffset {
			r.Fault(fmt.Sprintf("the server's clock and ours differ by %s at least", span(off)))
		}
	}
	r.End(err, nil)
	return r
}

// maxOffset is by how much two clocks may differ, as for the rule TimeServerOff.
const maxOffset = 500 * time.Millisecond

// patience is how long an answer is awaited where the caller sets no deadline.
const patience = 5 * time.Second

// ask sends one question and waits for its answer.
func (p *Prober) ask(ctx context.Context, r *probe.Result) (*ntp.Response, error) {
	o := &p.options
	began := time.Now()
	conn, out, err := o.Dial.UDP(ctx, o.Host, o.Port)
	used := out.Address
	out.Address = netip.AddrPort{} // nobody has answered yet
	stream.Reached(r, 0, began, o.Host, &out, err)
	r.Hops[0].Address = used
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	wait := patience
	if deadline, ok := ctx.Deadline(); ok {
		wait = max(time.Until(deadline), time.Millisecond)
	}

	began = time.Now()
	answer, err := query(conn, ntp.QueryOptions{Version: o.Version, Timeout: wait})
	r.Hops[0].Phases[probe.PhaseProcessing] = time.Since(began)
	if err != nil {
		err = askError(ctx, err)
		r.Step(0, probe.PhaseProcessing, began, true, err.Error())
		return nil, err
	}
	r.Step(0, probe.PhaseProcessing, began, false, fmt.Sprintf("%s answered: stratum %d, its clock is %s ours (give or take %s)",
		used, answer.Stratum, apart(answer.ClockOffset), span(answer.RTT/2)))
	return answer, nil
}

// query asks over conn and closes it. The library panics on a precision or a
// poll interval of 2^-128 s (v1.6.0, toInterval), which any server can send.
func query(conn net.Conn, o ntp.QueryOptions) (answer *ntp.Response, err error) {
	defer func() {
		if recover() != nil {
			_ = conn.Close()
			answer, err = nil, errors.New("its precision or poll interval is none")
		}
	}()
	o.Dialer = func(_, _ string) (net.Conn, error) { return conn, nil }
	return ntp.QueryWithOptions("192.0.2.1:123", o) // an address that is not used
}

// apart says how far a clock is from ours.
func apart(offset time.Duration) string {
	if offset < 0 {
		return span(-offset) + " behind"
	}
	return span(offset) + " ahead of"
}

// span writes how long something is, its unit apart where it is short.
func span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Round(time.Microsecond)/time.Microsecond)
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	default:
		return d.Round(time.Millisecond).String()
	}
}

func askError(ctx context.Context, err error) error {
	if ended := probe.Ended(ctx, probe.PhaseProcessing, "waiting for the answer"); ended != nil {
		return ended
	}
	if reason := dial.ReasonOf(err); reason != probe.Other {
		return probe.Fail(reason, probe.PhaseProcessing, errors.New(words(err)))
	}
	return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("the answer is none of a time server's: %w", err))
}

// words is what a connection's error says, without the system call's name.
func words(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return dial.Words(err)
}

// sample turns an answer into the protocol's own metrics.
func sample(r *probe.Result, a *ntp.Response) {
	r.Send(stratum, float64(a.Stratum))
	r.Send(leap, float64(a.Leap))
	r.Send(rtt, a.RTT.Seconds())
	if a.Stratum == 0 {
		if a.KissCode != "" {
			r.Send(kiss, 1, knownCode(a.KissCode))
		}
		return // its times mean nothing
	}
	r.Send(offset, a.ClockOffset.Seconds())
	r.Send(rootDelay, a.RootDelay.Seconds())
	r.Send(rootDispersion, a.RootDispersion.Seconds())
	if a.ReferenceTime.Unix() > 0 {
		r.Send(reference, float64(a.ReferenceTime.UnixNano())/1e9)
	}
}
