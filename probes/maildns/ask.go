package maildns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
)

// Bounds of one look.
const (
	maxQuestions = 150
	maxRecords   = 50              // of one answer
	patience     = 3 * time.Second // with one server, for one question
	tries        = 2               // rounds over all servers
	udpSize      = 1232            // that survives all networks: dnsflagday.net
)

// resolver asks name servers that look things up for others.
type resolver struct {
	servers []server
	dial    *dial.Options
	cache   map[dns.Question][]dns.RR
	asked   int
}

type server struct {
	host string
	port uint16
}

// system returns the servers that this machine asks.
func system() ([]server, error) {
	conf, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, fmt.Errorf("this machine's name servers are not known: %w", err)
	}
	port, err := dial.SplitPort(conf.Port)
	if err != nil || len(conf.Servers) == 0 {
		return nil, errors.New("/etc/resolv.conf names no server; write maildns: {resolver: ...}")
	}
	var all []server
	for _, host := range conf.Servers {
		all = append(all, server{host, port})
	}
	return all, nil
}

// ask returns the records of one type that a name has; none is no error. Its
// error is a probe.Failure or probe.Unmeasured: then nobody knows.
func (a *resolver) ask(ctx context.Context, name string, qtype uint16) ([]dns.RR, error) {
	q := dns.Question{Name: strings.ToLower(dns.Fqdn(name)), Qtype: qtype, Qclass: dns.ClassINET}
	if _, ok := dns.IsDomainName(q.Name); !ok {
		return nil, probe.Fail(probe.DNS, probe.PhaseProcessing, fmt.Errorf("%q is no name that the DNS could have", name))
	}
	if records, ok := a.cache[q]; ok {
		return records, nil
	}
	if a.asked++; a.asked > maxQuestions {
		return nil, probe.Fail(probe.TooLarge, probe.PhaseProcessing, fmt.Errorf("more than %d questions would have to be asked", maxQuestions))
	}
	var last error
	for range tries {
		for _, s := range a.servers {
			answer, err := a.exchange(ctx, s, &q)
			if err == nil {
				err = judge(&q, answer)
			}
			if err == nil {
				records := only(answer, qtype)
				a.cache[q] = records
				return records, nil
			}
			if ended := probe.Ended(ctx, probe.PhaseProcessing, "asking for "+shown(&q)); ended != nil {
				return nil, ended
			}
			last = err
		}
	}
	return nil, last
}

func shown(q *dns.Question) string {
	return "the " + dns.TypeToString[q.Qtype] + " records of " + strings.TrimSuffix(q.Name, ".")
}

// judge tells an answer that names nothing, which is good to know, from one
// that says nothing.
func judge(q *dns.Question, answer *dns.Msg) error {
	switch answer.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		return nil
	}
	return probe.Fail(probe.DNS, probe.PhaseProcessing,
		fmt.Errorf("asked for %s, the name server answers %s", shown(q), dns.RcodeToString[answer.Rcode]))
}

// only keeps the records of a type, whatever aliases led to them.
func only(answer *dns.Msg, qtype uint16) []dns.RR {
	var records []dns.RR
	for _, rr := range answer.Answer {
		if rr.Header().Rrtype == qtype && len(records) < maxRecords {
			records = append(records, rr)
		}
	}
	return records
}

// exchange asks one server, over UDP and where the answer is cut over TCP.
func (a *resolver) exchange(ctx context.Context, s server, q *dns.Question) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, _, err := a.dial.UDP(ctx, s.host, s.port)
	if err != nil {
		return nil, err
	}
	answer, err := over(ctx, conn, q)
	if err != nil || !answer.Truncated {
		return answer, a.explain(ctx, q, s, err)
	}
	if conn, _, err = a.dial.TCP(ctx, s.host, s.port); err != nil {
		return nil, err
	}
	answer, err = over(ctx, conn, q)
	if err == nil && answer.Truncated {
		return nil, probe.Fail(probe.Truncated, probe.PhaseProcessing, fmt.Errorf("the answer about %s is cut short over TCP, too", shown(q)))
	}
	return answer, a.explain(ctx, q, s, err)
}

// over asks over a connection and closes it.
func over(ctx context.Context, conn net.Conn, q *dns.Question) (*dns.Msg, error) {
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a closed connection is told by the exchange
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	m := &dns.Msg{MsgHdr: dns.MsgHdr{Id: dns.Id(), RecursionDesired: true}, Question: []dns.Question{*q}}
	m.SetEdns0(udpSize, false)
	c := &dns.Conn{Conn: conn, UDPSize: udpSize}
	if err := c.WriteMsg(m); err != nil {
		return nil, err
	}
	for {
		answer, err := c.ReadMsg()
		switch {
		case err != nil && answer == nil: // a message with the wrong size is one all the same
			return nil, err
		case err == nil && answer.Id == m.Id && (len(answer.Question) == 0 || strings.EqualFold(answer.Question[0].Name, q.Name) && answer.Question[0].Qtype == q.Qtype):
			return answer, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

func (a *resolver) explain(ctx context.Context, q *dns.Question, s server, err error) error {
	if err == nil {
		return nil
	}
	at := net.JoinHostPort(s.host, strconv.Itoa(int(s.port)))
	reason := dial.ReasonOf(err)
	if ctx.Err() != nil || reason == probe.Timeout {
		return probe.Fail(probe.Timeout, probe.PhaseProcessing, fmt.Errorf("no answer from the name server %s about %s", at, shown(q)))
	}
	if reason != probe.Other {
		return probe.Fail(reason, probe.PhaseProcessing, fmt.Errorf("the name server %s: %s", at, dial.Words(err)))
	}
	return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("the answer of the name server %s is no DNS message: %w", at, err))
}

// texts returns the TXT records of a name, each put together.
func (a *resolver) texts(ctx context.Context, name string) ([]string, error) {
	records, err := a.ask(ctx, name, dns.TypeTXT)
	var all []string
	for _, rr := range records {
		if txt, ok := rr.(*dns.TXT); ok {
			all = append(all, strings.Join(txt.Txt, ""))
		}
	}
	return all, err
}

// addresses tells how many addresses a name has.
func (a *resolver) addresses(ctx context.Context, name string) (int, error) {
	n := 0
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		records, err := a.ask(ctx, name, qtype)
		if err != nil {
			return 0, err
		}
		n += len(records)
	}
	return n, nil
}
