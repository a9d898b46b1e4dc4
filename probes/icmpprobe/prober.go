package icmpprobe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
)

// The names, types and meanings are blackbox_exporter's.
var (
	duration = &frame.Family{
		Name: "probe_icmp_duration_seconds", Labels: []string{"phase"},
		Help: "Duration of the ping by phase (resolve, setup, rtt).",
	}
	hopLimit = &frame.Family{
		Name: "probe_icmp_reply_hop_limit",
		Help: "The hop limit of the reply as it arrived (TTL with IPv4).",
	}
)

// Families lists what a ping sends of its own.
func Families() []*frame.Family { return []*frame.Family{duration, hopLimit} }

// DefaultTTL is the hop limit of a request, where Options do not say otherwise.
const DefaultTTL = 64

// Options is one ping.
type Options struct {
	Host         string
	Dial         dial.Options
	PayloadSize  int // 0 is 28
	DontFragment bool
	TTL          int // 0 is DefaultTTL
}

// A Prober pings one host. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober {
	if o.PayloadSize == 0 {
		o.PayloadSize = 28
	}
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	return &Prober{options: o}
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, "icmp://"+p.options.Host, p.options.Host)
	var setup, rtt time.Duration
	hops := -1
	err := func() error {
		began := time.Now()
		to, out, err := p.options.Dial.Find(ctx, p.options.Host, 0)
		stream.Reached(&r, 0, began, p.options.Host, &out, err)
		if err != nil {
			return err
		}
		began = time.Now()
		s, err := open(to, p.options.Dial.Source, &p.options)
		if err != nil {
			r.Step(0, probe.PhaseConnect, began, true, err.Error())
			return err
		}
		defer s.conn.Close()
		setup = time.Since(began)
		began = time.Now()
		hops, err = p.ping(ctx, s, to)
		rtt = time.Since(began)
		r.Hops[0].Phases[probe.PhaseProcessing] = rtt
		if err != nil {
			rtt = 0
			r.Step(0, probe.PhaseProcessing, began, true, err.Error())
			return err
		}
		r.Hops[0].Address = netip.AddrPortFrom(to, 0)
		r.Step(0, probe.PhaseProcessing, began, false, fmt.Sprintf("%s replied", to))
		return nil
	}()
	r.Send(duration, r.Hops[0].Phases[probe.PhaseResolve].Seconds(), "resolve")
	r.Send(duration, setup.Seconds(), "setup")
	r.Send(duration, rtt.Seconds(), "rtt")
	if hops >= 0 {
		r.Send(hopLimit, float64(hops))
	}
	r.End(err, nil)
	return r
}

// ping sends one request and waits for its reply. It returns the reply's hop
// limit, or -1.
func (p *Prober) ping(ctx context.Context, s *socket, to netip.Addr) (int, error) {
	echo := &icmp.Echo{Data: make([]byte, p.options.PayloadSize)}
	var seed [4]byte
	_, _ = rand.Read(seed[:]) // never fails
	echo.ID, echo.Seq = int(binary.BigEndian.Uint16(seed[:2])), int(binary.BigEndian.Uint16(seed[2:]))
	_, _ = rand.Read(echo.Data[:min(len(echo.Data), 16)]) // so that no other ping's reply is taken for ours
	message := icmp.Message{Type: ipv6.ICMPTypeEchoRequest, Body: echo}
	if to.Is4() {
		message.Type = ipv4.ICMPTypeEcho
	}
	packet, err := message.Marshal(nil)
	if err != nil {
		return -1, &probe.Unmeasured{Err: fmt.Errorf("make the request: %w", err)}
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = s.conn.SetDeadline(deadline) // a closed socket is told by the next call
	}
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := s.send(packet, to); err != nil {
		return -1, p.pingError(ctx, "sending", err)
	}
	b := make([]byte, MaxPayload+256)
	for {
		n, hops, from, err := s.receive(b)
		if err != nil {
			return -1, p.pingError(ctx, "waiting for the reply", err)
		}
		ours, err := judge(b[:n], from, to, echo, s.raw)
		switch {
		case err != nil:
			return -1, err
		case ours:
			return hops, nil
		}
	}
}

func (p *Prober) pingError(ctx context.Context, doing string, err error) error {
	if ended := probe.Ended(ctx, probe.PhaseProcessing, doing); ended != nil {
		return ended
	}
	switch reason := dial.ReasonOf(err); {
	case errors.Is(err, os.ErrPermission):
		return probe.Fail(probe.Unreachable, probe.PhaseProcessing, errors.New("this machine's packet filter does not let pings out"))
	case tooLong(err):
		return probe.Fail(probe.TooLarge, probe.PhaseProcessing, fmt.Errorf("a packet with %d bytes does not pass whole: %s", p.options.PayloadSize, dial.Words(err)))
	case reason != probe.Other:
		return probe.Fail(reason, probe.PhaseProcessing, fmt.Errorf("%s: %s", doing, dial.Words(err)))
	default:
		return &probe.Unmeasured{Err: fmt.Errorf("%s: %w", doing, err)}
	}
}

// judge tells whether a message is the reply to our request. An error says
// that somebody on the way could not pass it on.
func judge(b []byte, from, to netip.Addr, echo *icmp.Echo, raw bool) (bool, error) {
	number := ipv6.ICMPTypeEchoReply.Protocol()
	if to.Is4() {
		number = ipv4.ICMPTypeEchoReply.Protocol()
	}
	m, err := icmp.ParseMessage(number, b)
	if err != nil {
		return false, nil // anybody may send anything
	}
	switch body := m.Body.(type) {
	case *icmp.Echo:
		isReply := m.Type == ipv4.ICMPTypeEchoReply || m.Type == ipv6.ICMPTypeEchoReply
		// A datagram socket's identifiers are the kernel's, which sees to it.
		return isReply && from == to && body.Seq == echo.Seq && (!raw || body.ID == echo.ID) && bytes.Equal(body.Data, echo.Data), nil
	case *icmp.TimeExceeded:
		if quotes(body.Data, to, echo) {
			return false, probe.Fail(probe.Unreachable, probe.PhaseProcessing, fmt.Errorf("%s says that the packet went over as many routers as it may", from))
		}
	case *icmp.DstUnreach:
		if quotes(body.Data, to, echo) {
			return false, probe.Fail(probe.Unreachable, probe.PhaseProcessing, fmt.Errorf("%s says that %s cannot be reached (code %d)", from, to, m.Code))
		}
	}
	return false, nil
}

// quotes tells whether an error's data is the beginning of our request, with
// its IP header.
func quotes(data []byte, to netip.Addr, echo *icmp.Echo) bool {
	var dst []byte
	var rest []byte
	switch {
	case to.Is4() && len(data) >= 20 && data[0]>>4 == 4 && len(data) >= int(data[0]&15)*4:
		dst, rest = data[16:20], data[int(data[0]&15)*4:]
	case to.Is6() && len(data) >= 40:
		dst, rest = data[24:40], data[40:]
	default:
		return false
	}
	return bytes.Equal(dst, to.AsSlice()) && len(rest) >= 8 &&
		int(binary.BigEndian.Uint16(rest[4:6])) == echo.ID && int(binary.BigEndian.Uint16(rest[6:8])) == echo.Seq
}
