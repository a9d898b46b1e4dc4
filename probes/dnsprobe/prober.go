package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// How a server is asked.
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls"
)

// The names, types and meanings are blackbox_exporter's.
var (
	duration = &frame.Family{
		Name: "probe_dns_duration_seconds", Labels: []string{"phase"},
		Help: "Duration of the DNS request by phase (resolve, connect, request).",
	}
	answers   = &frame.Family{Name: "probe_dns_answer_rrs", Help: "How many records the answer has."}
	authority = &frame.Family{Name: "probe_dns_authority_rrs", Help: "How many records about authority the answer has."}
	extra     = &frame.Family{Name: "probe_dns_additional_rrs", Help: "How many additional records the answer has."}
	succeeded = &frame.Family{Name: "probe_dns_query_succeeded", Help: "Whether an answer came, whatever it says."}
	serial    = &frame.Family{Name: "probe_dns_serial", Help: "The serial number of the zone, where SOA was asked for."}
)

// Families lists what a DNS probe sends of its own.
func Families() []*frame.Family {
	return []*frame.Family{duration, answers, authority, extra, succeeded, serial}
}

// Options is one question to one server.
type Options struct {
	Host      string
	Port      uint16
	Transport string // UDP, TCP or TLS
	Dial      dial.Options
	TLS       tlscheck.Options

	Name, Type, Class string
	Recursion         bool
	Rcodes            []string // those that are good; none: NOERROR

	Answer, Authority, Additional Records
}

// A Prober asks one question. It implements probe.Prober.
type Prober struct {
	options  Options
	target   string
	question dns.Question
	rcodes   []int
	rules    [3]*rules // of answer, authority, additional
}

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) (*Prober, error) {
	p := &Prober{options: o}
	var okType, okClass bool
	p.question.Name = dns.Fqdn(o.Name)
	p.question.Qtype, okType = dns.StringToType[o.Type]
	p.question.Qclass, okClass = dns.StringToClass[o.Class]
	if !okType || !okClass {
		return nil, fmt.Errorf("there is no DNS type %q of class %q", o.Type, o.Class)
	}
	for _, name := range o.Rcodes {
		code, ok := dns.StringToRcode[name]
		if !ok {
			return nil, fmt.Errorf("there is no DNS response code %q", name)
		}
		p.rcodes = append(p.rcodes, code)
	}
	if p.rcodes == nil {
		p.rcodes = []int{dns.RcodeSuccess}
	}
	for i, part := range []struct {
		records *Records
		words   string
	}{{&o.Answer, "the answer"}, {&o.Authority, "the part about authority"}, {&o.Additional, "the additional part"}} {
		var err error
		if p.rules[i], err = part.records.ready(part.words); err != nil {
			return nil, err
		}
	}
	host := o.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	p.target = fmt.Sprintf("dns://%s:%d/%s", host, o.Port, o.Name)
	return p, nil
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, p.target, p.options.Host)
	answer, asked, err := p.ask(ctx, &r)
	p.sample(&r, answer, asked)
	if err == nil {
		err = p.judge(&r, answer)
	}
	r.End(err, nil)
	return r
}

// ask connects, asks and waits for the answer; asked is how long that took
// from the question on.
func (p *Prober) ask(ctx context.Context, r *probe.Result) (answer *dns.Msg, asked time.Duration, err error) {
	conn, err := p.connect(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a closed connection is told by the exchange
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	query := &dns.Msg{MsgHdr: dns.MsgHdr{Id: dns.Id(), RecursionDesired: p.options.Recursion}, Question: []dns.Question{p.question}}
	began := time.Now()
	h := &r.Hops[0]
	defer func() { h.Phases[probe.PhaseProcessing] = asked }()
	wire := &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize}
	if err = wire.WriteMsg(query); err == nil {
		answer, err = p.await(wire, query.Id)
	}
	asked = time.Since(began)
	if err != nil {
		err = p.askError(ctx, err)
		r.Step(0, probe.PhaseProcessing, began, true, err.Error())
		return nil, asked, err
	}
	text := fmt.Sprintf("%s for %s %s: %d records, %d about authority, %d additional", rcode(answer.Rcode),
		p.question.Name, p.options.Type, len(answer.Answer), len(answer.Ns), len(answer.Extra))
	if answer.Truncated {
		text += "; cut short, since the rest does not fit into a datagram"
	}
	r.Step(0, probe.PhaseProcessing, began, false, text)
	return answer, asked, nil
}

// await reads until the answer to our question comes. Over UDP anybody may
// send anything: what answers another question is passed over.
func (p *Prober) await(wire *dns.Conn, id uint16) (*dns.Msg, error) {
	for {
		answer, err := wire.ReadMsg()
		switch {
		case err != nil && p.options.Transport == UDP && answer != nil && answer.Id != id:
			continue
		case err != nil:
			return nil, err
		case answer.Id == id && answer.Response && p.answers(answer):
			return answer, nil
		case p.options.Transport != UDP:
			return nil, errors.New("the answer is to another question")
		}
	}
}

// answers tells whether a message repeats our question; one that could not
// read it repeats none.
func (p *Prober) answers(m *dns.Msg) bool {
	if len(m.Question) == 0 {
		return m.Rcode != dns.RcodeSuccess
	}
	q := m.Question[0]
	return q.Qtype == p.question.Qtype && q.Qclass == p.question.Qclass && strings.EqualFold(q.Name, p.question.Name)
}

func (p *Prober) connect(ctx context.Context, r *probe.Result) (net.Conn, error) {
	o := &p.options
	if o.Transport == UDP {
		began := time.Now()
		conn, out, err := o.Dial.UDP(ctx, o.Host, o.Port)
		used := out.Address
		out.Address = netip.AddrPort{} // nobody has answered yet
		stream.Reached(r, 0, began, o.Host, &out, err)
		r.Hops[0].Address = used
		return conn, err
	}
	conn, err := stream.Connect(ctx, r, 0, &o.Dial, o.Host, o.Port)
	if err != nil || o.Transport == TCP {
		return conn, err
	}
	secure, err := stream.Secure(ctx, r, 0, conn, o.Host, &o.TLS)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

func (p *Prober) askError(ctx context.Context, err error) error {
	if ended := probe.Ended(ctx, probe.PhaseProcessing, "waiting for the answer"); ended != nil {
		return ended
	}
	if reason, text, ok := tlscheck.Alert(err); ok {
		return probe.Fail(reason, probe.PhaseTLS, errors.New(text))
	}
	if reason := dial.ReasonOf(err); reason != probe.Other {
		return probe.Fail(reason, probe.PhaseProcessing, errors.New(dial.Words(err)))
	}
	return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("the answer is no DNS message: %w", err))
}

// judge says what is wrong with an answer: its code, then its records.
func (p *Prober) judge(r *probe.Result, answer *dns.Msg) error {
	if !slices.Contains(p.rcodes, answer.Rcode) {
		names := make([]string, len(p.rcodes))
		for i, c := range p.rcodes {
			names[i] = rcode(c)
		}
		err := fmt.Errorf("the answer is %s, not %s", rcode(answer.Rcode), strings.Join(names, " or "))
		r.Step(0, probe.PhaseTransfer, time.Time{}, true, err.Error())
		return probe.Fail(probe.Status, probe.PhaseProcessing, err)
	}
	for i, records := range [][]dns.RR{answer.Answer, answer.Ns, answer.Extra} {
		if wrong := p.rules[i].judge(records); wrong != "" {
			r.Step(0, probe.PhaseTransfer, time.Time{}, true, wrong)
			return probe.Fail(probe.Body, probe.PhaseTransfer, errors.New(wrong))
		}
	}
	return nil
}

func rcode(code int) string {
	if name, ok := dns.RcodeToString[code]; ok {
		return name
	}
	return fmt.Sprintf("RCODE%d", code)
}

// sample turns a run into the protocol's own metrics. As with
// blackbox_exporter they are all there whatever happened.
func (p *Prober) sample(r *probe.Result, answer *dns.Msg, asked time.Duration) {
	phases := r.Hops[0].Phases
	r.Send(duration, phases[probe.PhaseResolve].Seconds(), "resolve")
	r.Send(duration, (phases[probe.PhaseConnect] + phases[probe.PhaseTLS]).Seconds(), "connect")
	r.Send(duration, asked.Seconds(), "request")
	var counts [3]int
	var came float64
	if answer != nil {
		counts, came = [3]int{len(answer.Answer), len(answer.Ns), len(answer.Extra)}, 1
		for _, record := range answer.Answer {
			if soa, ok := record.(*dns.SOA); ok && p.question.Qtype == dns.TypeSOA {
				r.Send(serial, float64(soa.Serial))
				break
			}
		}
	}
	for i, f := range []*frame.Family{answers, authority, extra} {
		r.Send(f, float64(counts[i]))
	}
	r.Send(succeeded, came)
}
