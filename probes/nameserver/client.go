package nameserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
)

// How long an answer is awaited. A datagram may be lost, so a second one is
// sent; a server that is silent to both is silent.
const (
	firstWait  = 1200 * time.Millisecond
	secondWait = 1800 * time.Millisecond
	streamWait = 3 * time.Second
)

// payload is the size of datagrams that reaches everybody unbroken (DNS flag
// day 2020).
const payload = 1232

// A Question is what a server is asked.
type Question struct {
	Name string
	Type uint16
	// Recurse has the server ask others.
	Recurse bool
	// DNSSEC wants signatures, too.
	DNSSEC bool
	// Unchecked wants the answer even if its signatures do not hold.
	Unchecked bool
}

func (q *Question) String() string { return dns.TypeToString[q.Type] + " " + q.Name }

// message is the question as it is sent. Old servers know no EDNS.
func (q *Question) message(edns bool) *dns.Msg {
	m := &dns.Msg{
		MsgHdr:   dns.MsgHdr{Id: dns.Id(), RecursionDesired: q.Recurse, CheckingDisabled: q.Unchecked},
		Question: []dns.Question{{Name: dns.Fqdn(q.Name), Qtype: q.Type, Qclass: dns.ClassINET}},
	}
	if edns {
		m.SetEdns0(payload, q.DNSSEC)
	}
	return m
}

// A Client asks servers. Its Dial may refuse addresses.
type Client struct{ Dial dial.Options }

// Ask asks the server at an address, by UDP, and by TCP where the answer does
// not fit. Whatever the server answers is an answer, refusals too: its error, a
// probe.Failure or probe.Unmeasured, says that none came.
func (c *Client) Ask(ctx context.Context, at netip.AddrPort, q Question) (*dns.Msg, error) {
	m := q.message(true)
	answer, err := c.datagram(ctx, at, m)
	if err != nil {
		return nil, err
	}
	if answer.Rcode == dns.RcodeFormatError || answer.Rcode == dns.RcodeNotImplemented {
		m = q.message(false)
		if answer, err = c.datagram(ctx, at, m); err != nil {
			return nil, err
		}
	}
	if answer.Truncated {
		return c.stream(ctx, at, m)
	}
	return answer, nil
}

// datagram asks by UDP, twice if need be.
func (c *Client) datagram(ctx context.Context, at netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	conn, _, err := c.Dial.UDP(ctx, at.Addr().String(), at.Port())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var answer *dns.Msg
	for _, wait := range []time.Duration{firstWait, secondWait} {
		answer, err = exchange(ctx, conn, m, wait)
		if err == nil || dial.ReasonOf(err) != probe.Timeout || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, askError(ctx, err)
	}
	return answer, nil
}

// stream asks by TCP.
func (c *Client) stream(ctx context.Context, at netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, streamWait)
	defer cancel()
	conn, _, err := c.Dial.TCP(ctx, at.Addr().String(), at.Port())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answer, err := exchange(ctx, conn, m, streamWait)
	switch {
	case err != nil:
		return nil, askError(ctx, err)
	case answer.Truncated:
		return nil, probe.Fail(probe.Truncated, probe.PhaseProcessing, errors.New("the answer is cut short over TCP, too"))
	}
	return answer, nil
}

// exchange sends a question and reads until its answer comes: what answers
// another question is passed over, since anybody may send datagrams.
func exchange(ctx context.Context, conn net.Conn, m *dns.Msg, wait time.Duration) (*dns.Msg, error) {
	until := time.Now().Add(wait)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	_ = conn.SetDeadline(until) // a closed connection is told by the exchange
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	wire := &dns.Conn{Conn: conn, UDPSize: 4096}
	if err := wire.WriteMsg(m); err != nil {
		return nil, err
	}
	_, isPacket := conn.(net.PacketConn)
	for {
		answer, err := wire.ReadMsg()
		switch {
		case err != nil && isPacket && answer != nil && answer.Id != m.Id:
		case err != nil:
			return nil, err
		case answer.Id == m.Id && answer.Response && repeats(answer, m):
			return answer, nil
		case !isPacket:
			return nil, errors.New("the answer is to another question")
		}
	}
}

// repeats tells whether an answer repeats the question; one that could not
// read it repeats none.
func repeats(answer, m *dns.Msg) bool {
	if len(answer.Question) == 0 {
		return answer.Rcode != dns.RcodeSuccess
	}
	got, want := answer.Question[0], m.Question[0]
	return got.Qtype == want.Qtype && got.Qclass == want.Qclass && strings.EqualFold(got.Name, want.Name)
}

func askError(ctx context.Context, err error) error {
	if ended := probe.Ended(ctx, probe.PhaseProcessing, "waiting for a name server's answer"); ended != nil {
		return ended
	}
	switch reason := dial.ReasonOf(err); reason {
	case probe.Timeout:
		return probe.Fail(reason, probe.PhaseProcessing, errors.New("no answer"))
	case probe.Refused:
		return probe.Fail(reason, probe.PhaseProcessing, errors.New("nothing listens there"))
	case probe.Other:
		return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("the answer is no DNS message: %w", err))
	default:
		return probe.Fail(reason, probe.PhaseProcessing, errors.New(dial.Words(err)))
	}
}

// Rcode names a response code.
func Rcode(code int) string {
	if name, ok := dns.RcodeToString[code]; ok {
		return name
	}
	return fmt.Sprintf("RCODE%d", code)
}
