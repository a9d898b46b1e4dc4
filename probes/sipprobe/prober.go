package sipprobe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// Our own: blackbox_exporter does not speak SIP.
var (
	duration = &frame.Family{
		Name: "probe_sip_duration_seconds", Labels: []string{"phase"},
		Help: "Duration of the look by phase (resolve, connect, tls, answer).",
	}
	statusCode = &frame.Family{Name: "probe_sip_status_code", Help: "The status of the last answer to OPTIONS, as 200. Absent without one."}
	rtt        = &frame.Family{Name: "probe_sip_rtt_seconds", Help: "From the last time that the question was sent to its answer. Absent without one."}
	sent       = &frame.Family{Name: "probe_sip_requests", Help: "How many times the question was sent: by UDP it is sent again until an answer comes."}
	serverInfo = &frame.Family{Name: "probe_sip_server_info", Labels: []string{"software"}, Help: "What the server calls itself."}
)

// Families lists what a SIP probe may send of its own.
func Families() []*frame.Family {
	return []*frame.Family{duration, statusCode, rtt, sent, serverInfo}
}

// When a question is sent again by UDP. Source: RFC 3261, section 17.1.2.2,
// timer E, and table 4.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
	// maxOthers bounds the messages that are not the answer: late ones, and a
	// server's own questions.
	maxOthers = 50
)

// Options is one SIP probe.
type Options struct {
	Target string // as results show it
	Host   string
	Port   uint16
	Dial   dial.Options
	UDP    bool
	UseTLS bool // over TCP
	TLS    tlscheck.Options
	User   string // empty: the server itself
	Status []int  // that are good; none: see good
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
	err := p.look(ctx, &r)
	phases := r.Hops[0].Phases
	r.Send(duration, phases[probe.PhaseResolve].Seconds(), "resolve")
	r.Send(duration, phases[probe.PhaseConnect].Seconds(), "connect")
	r.Send(duration, phases[probe.PhaseTLS].Seconds(), "tls")
	r.Send(duration, phases[probe.PhaseProcessing].Seconds(), "answer")
	r.End(err, nil)
	return r
}

func (p *Prober) look(ctx context.Context, r *probe.Result) error {
	conn, raw, transport, err := p.connect(ctx, r)
	if err != nil {
		return err
	}
	defer raw.Close()
	began := time.Now()
	x := &exchange{conn: conn, question: ask(p.uri(), transport, raw.LocalAddr()), again: p.options.UDP}
	stop := stream.Bound(ctx, raw)
	a, err := x.run(ctx)
	stop()
	r.Hops[0].Phases[probe.PhaseProcessing] = time.Since(began)
	r.Send(sent, float64(x.sent))
	if err != nil {
		r.Step(0, probe.PhaseProcessing, began, true, err.Error())
		return err
	}
	r.Send(statusCode, float64(a.status))
	r.Send(rtt, x.rtt.Seconds())
	r.Hops[0].Status = a.status
	if a.software != "" {
		r.Send(serverInfo, 1, probe.Label(a.software))
	}
	text := strings.TrimSpace(fmt.Sprintf("the answer to OPTIONS is %d %s", a.status, a.phrase))
	if a.software != "" {
		text += " (" + a.software + ")"
	}
	if !p.good(a.status) {
		err = probe.Fail(probe.Status, probe.PhaseProcessing, errors.New(text))
	}
	r.Step(0, probe.PhaseProcessing, began, err != nil, text)
	return err
}

// connect returns the connection to speak on, the one below it, and what Via
// calls them.
func (p *Prober) connect(ctx context.Context, r *probe.Result) (conn, raw net.Conn, transport string, err error) {
	o := &p.options
	if o.UDP {
		conn, err := stream.Unanswered(ctx, r, 0, &o.Dial, o.Host, o.Port)
		return conn, conn, "UDP", err
	}
	raw, err = stream.Connect(ctx, r, 0, &o.Dial, o.Host, o.Port)
	if err != nil || !o.UseTLS {
		return raw, raw, "TCP", err
	}
	conn, err = stream.Secure(ctx, r, 0, raw, o.Host, &o.TLS)
	if err != nil {
		_ = raw.Close()
	}
	return conn, raw, "TLS", err
}

// uri is whom the question is about.
func (p *Prober) uri() string {
	scheme, host := "sip:", p.options.Host
	if p.options.UseTLS {
		scheme = "sips:"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if p.options.User != "" {
		host = p.options.User + "@" + host
	}
	return fmt.Sprintf("%s%s:%d", scheme, host, p.options.Port)
}

// good tells whether a server that answers so serves. That it wants to know
// who asks (401, 407), or knows no OPTIONS (405, 501) or no such user (404),
// shows that it is there.
func (p *Prober) good(status int) bool {
	switch {
	case len(p.options.Status) > 0:
		return slices.Contains(p.options.Status, status)
	case status == http.StatusForbidden, status == http.StatusRequestTimeout:
		return false // 408: a proxy is there, and nobody behind it
	case status == http.StatusNotImplemented:
		return true
	default:
		return status < 500 || status > 599
	}
}

// exchange is one question, and the wait for its answer.
type exchange struct {
	conn     net.Conn
	question question
	again    bool // the question is sent again
	sent     int
	last     time.Time // when
	rtt      time.Duration
}

func (x *exchange) run(ctx context.Context) (answer, error) {
	const doing = "waiting for the answer to OPTIONS"
	if err := x.send(); err != nil {
		return answer{}, stream.Broken(ctx, probe.PhaseProcessing, "asking", err)
	}
	in := bufio.NewReaderSize(x.conn, maxLine)
	wait, others := t1, 0
	for {
		a, err := x.next(ctx, &in, wait)
		switch {
		case err == nil && a.answers(&x.question) && a.status >= 200:
			x.rtt = time.Since(x.last)
			return a, nil
		case err == nil && a.answers(&x.question):
			wait = t2 // it works on it
		case err == nil || x.again && errors.Is(err, errNotSIP):
			if others++; others > maxOthers {
				return a, probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("%d messages came, and none is the answer", maxOthers))
			}
		case x.again && errors.Is(err, os.ErrDeadlineExceeded) && probe.Ended(ctx, probe.PhaseProcessing, doing) == nil:
			if err := x.send(); err != nil {
				return a, stream.Broken(ctx, probe.PhaseProcessing, "asking again", err)
			}
			wait = min(2*wait, t2)
		case errors.Is(err, errNotSIP):
			return a, probe.Fail(probe.Protocol, probe.PhaseProcessing, err)
		default:
			return a, stream.Broken(ctx, probe.PhaseProcessing, doing, err)
		}
	}
}

func (x *exchange) send() error {
	_, err := x.conn.Write(x.question.text)
	x.last = time.Now()
	x.sent++
	return err
}

// next reads a message; by UDP each is a datagram of its own, and one is not
// waited for longer than wait.
func (x *exchange) next(ctx context.Context, in **bufio.Reader, wait time.Duration) (answer, error) {
	if !x.again {
		return read(*in)
	}
	until := x.last.Add(wait)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	if ctx.Err() == nil {
		_ = x.conn.SetReadDeadline(until)
	}
	datagram := make([]byte, maxBody)
	n, err := x.conn.Read(datagram)
	if err != nil {
		return answer{}, err
	}
	(*in).Reset(bytes.NewReader(datagram[:n]))
	a, err := read(*in)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: a datagram breaks off", errNotSIP)
	}
	return a, err
}
