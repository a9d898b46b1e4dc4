package maildns

import (
	"context"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"tocsin/probes/nameserver"
	"tocsin/probes/probe"
)

// Bounds of one look.
const (
	maxQuestions = 150
	maxRecords   = 50 // of one answer
)

// resolver asks each question of a look once.
type resolver struct {
	nameserver.Resolver
	cache map[nameserver.Question][]dns.RR
}

// ask returns the records of one type that a name has, whatever aliases led to
// them; none is no error. Its error is a probe.Failure or probe.Unmeasured: then
// nobody knows.
func (a *resolver) ask(ctx context.Context, name string, qtype uint16) ([]dns.RR, error) {
	q := nameserver.Question{Name: strings.ToLower(dns.Fqdn(name)), Type: qtype}
	if _, ok := dns.IsDomainName(q.Name); !ok {
		return nil, probe.Fail(probe.DNS, probe.PhaseProcessing, fmt.Errorf("%q is no name that the DNS could have", name))
	}
	if records, ok := a.cache[q]; ok {
		return records, nil
	}
	if len(a.cache) >= maxQuestions {
		return nil, probe.Fail(probe.TooLarge, probe.PhaseProcessing, fmt.Errorf("more than %d questions would have to be asked", maxQuestions))
	}
	answer, err := a.Answer(ctx, q)
	if ended := probe.Ended(ctx, probe.PhaseProcessing, "asking for "+q.String()); ended != nil {
		return nil, ended
	}
	if err != nil {
		return nil, err
	}
	var records []dns.RR
	for _, rr := range answer.Answer {
		if rr.Header().Rrtype == qtype && len(records) < maxRecords {
			records = append(records, rr)
		}
	}
	a.cache[q] = records
	return records, nil
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
