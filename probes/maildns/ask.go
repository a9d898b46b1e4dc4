package maildns

import (
	"context"
	"errors"
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
	none  map[string]bool // names that do not exist, nor does any below them
	lives bool            // a name server has answered in this look
}

// errNoName says that a name does not exist.
var errNoName = errors.New("does not exist in the DNS")

// ask returns the records of one type that a name has, whatever aliases led to
// them; none is no error. Its error is a probe.Failure, of which the domain is
// to blame, or probe.Unmeasured; both say that nobody knows.
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
	answer, err := a.answer(ctx, q)
	if err != nil {
		return nil, err
	}
	if answer.Rcode == dns.RcodeNameError && len(answer.Answer) == 0 {
		a.none[q.Name] = true
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

// exists returns errNoName where the DNS knows no such name.
func (a *resolver) exists(ctx context.Context, name string) error {
	_, err := a.ask(ctx, name, dns.TypeMX)
	if err == nil && a.none[strings.ToLower(dns.Fqdn(name))] {
		err = errNoName
	}
	return err
}

// answer asks the name servers. They are ours: that none of them answers says
// nothing of the domain. It does when they look for an answer in vain, or are
// silent to this question and not to others.
func (a *resolver) answer(ctx context.Context, q nameserver.Question) (*dns.Msg, error) {
	answer, err := a.Answer(ctx, q)
	if failure, ok := errors.AsType[*probe.Failure](err); ok && failure.Reason == probe.Timeout && !a.lives && !a.Alive(ctx) {
		return nil, &probe.Unmeasured{Err: err}
	}
	_, ours := errors.AsType[*probe.Unmeasured](err)
	a.lives = a.lives || !ours
	return answer, err
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
