package maildns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"tocsin/probes/probe"
)

// maxHosts is how many of the servers that take mail have a metric each.
const maxHosts = 20

// mx looks at who takes mail for the domain.
func (l *look) mx(ctx context.Context) (present bool, err error) {
	records, err := l.dns.ask(ctx, l.domain, dns.TypeMX)
	if err != nil || len(records) == 0 {
		return false, err
	}
	hosts := make([]*dns.MX, 0, len(records))
	for _, rr := range records {
		if mx, ok := rr.(*dns.MX); ok {
			hosts = append(hosts, mx)
		}
	}
	slices.SortStableFunc(hosts, func(a, b *dns.MX) int { return int(a.Preference) - int(b.Preference) })
	if len(hosts) == 1 && hosts[0].Mx == "." { // RFC 7505
		l.result.Send(mxHosts, 0)
		l.wrong(MX, "", NoMail, "its only MX is .")
		return true, nil
	}
	l.result.Send(mxHosts, float64(len(hosts)))
	var told, lost []string
	for i, mx := range hosts {
		name := strings.TrimSuffix(mx.Mx, ".")
		n, err := l.dns.addresses(ctx, name)
		if err != nil {
			return false, err
		}
		told = append(told, fmt.Sprintf("%d %s", mx.Preference, name))
		if i < maxHosts && !slices.ContainsFunc(hosts[:i], func(other *dns.MX) bool { return strings.EqualFold(other.Mx, mx.Mx) }) {
			l.result.Send(mxResolved, truth(n > 0), probe.Label(strings.ToLower(name)))
		}
		if n == 0 {
			lost = append(lost, name)
		}
	}
	l.tell(MX, "", strings.Join(told, ", "))
	text := strings.Join(lost, ", ") + " has no address"
	switch {
	case len(lost) == len(hosts):
		l.wrong(MX, "", Unresolved, text)
	case len(lost) > 0: // senders take the next
		l.result.Faults = append(l.result.Faults, l.note(MX, "", Partly, text))
	}
	return true, nil
}

// one returns the single record of a kind that a name has; false where there
// is none, and where there are several, which is told.
func (l *look) one(ctx context.Context, record, selector, name string, is func(string) bool) (text string, present, ok bool, err error) {
	texts, err := l.dns.texts(ctx, name)
	if err != nil {
		return "", false, false, err
	}
	texts = slices.DeleteFunc(texts, func(s string) bool { return !is(s) })
	switch len(texts) {
	case 0:
		return "", false, false, nil
	case 1:
		l.tell(record, selector, texts[0])
		return texts[0], true, true, nil
	default:
		l.wrong(record, selector, Several, strings.Join(texts, " | "))
		return "", true, false, nil
	}
}

func (l *look) dkim(ctx context.Context, selector string) (present bool, err error) {
	text, present, ok, err := l.one(ctx, DKIM, selector, selector+"._domainkey."+l.domain, func(string) bool { return true })
	if !ok {
		return present, err
	}
	key, err := parseDKIM(text)
	if err != nil {
		l.wrong(DKIM, selector, Syntax, err.Error())
	} else {
		l.result.Send(dkimBits, float64(key.bits), selector, key.algorithm)
		l.result.Send(dkimTesting, truth(key.testing), selector)
	}
	switch {
	case key.revoked:
		l.wrong(DKIM, selector, Revoked, "")
	case key.algorithm == "rsa" && key.bits > 0 && key.bits < minRSA:
		l.wrong(DKIM, selector, WeakKey, fmt.Sprintf("it has %d bits", key.bits))
	}
	return true, nil
}

// dmarc looks at the domain's own policy, or else at that of the organisation
// whose domain it is a part of. Source: RFC 7489, section 6.6.3.
func (l *look) dmarc(ctx context.Context) (present bool, err error) {
	is := func(s string) bool { return begins(s, dmarcVersion) }
	text, present, ok, err := l.one(ctx, DMARC, "", "_dmarc."+l.domain, is)
	whole, _ := publicsuffix.EffectiveTLDPlusOne(l.domain) // empty for a domain that is one itself
	inherited := !present && err == nil && whole != "" && whole != l.domain
	if inherited {
		text, present, ok, err = l.one(ctx, DMARC, "", "_dmarc."+whole, is)
	}
	if !ok {
		return present, err
	}
	d, err := parseDMARC(text)
	if err != nil {
		l.wrong(DMARC, "", Syntax, err.Error())
		return true, nil
	}
	if inherited {
		l.tell(DMARC, "", "it is the policy that "+whole+" has for its subdomains")
		d.policy = d.subdomains
	}
	l.result.Send(dmarcPolicy, 1, d.policy, d.subdomains)
	l.result.Send(dmarcPercent, float64(d.percent))
	l.result.Send(dmarcReports, truth(d.reports))
	return true, nil
}

func (l *look) mtaSTS(ctx context.Context) (present bool, err error) {
	return l.simple(ctx, MTASTS, "_mta-sts."+l.domain, "v=STSv1", parseSTS)
}

func (l *look) tlsRPT(ctx context.Context) (present bool, err error) {
	return l.simple(ctx, TLSRPT, "_smtp._tls."+l.domain, "v=TLSRPTv1", parseTLSRPT)
}

// simple looks at a record of which only the form is judged.
func (l *look) simple(ctx context.Context, record, name, version string, parse func(string) error) (present bool, err error) {
	text, present, ok, err := l.one(ctx, record, "", name, func(s string) bool { return begins(s, version) })
	if !ok {
		return present, err
	}
	if err := parse(text); err != nil {
		l.wrong(record, "", Syntax, err.Error())
	}
	return true, nil
}
