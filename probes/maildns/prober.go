package maildns

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/nameserver"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
)

// Options is one domain.
type Options struct {
	Domain string
	Dial   dial.Options
	Config Config
}

// A Prober looks at one domain. It implements probe.Prober.
type Prober struct {
	options  Options
	resolver nameserver.Resolver
}

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober {
	// The resolver is of the site's own choice: its address is not to be judged
	// as the target's are.
	asked := o.Dial
	asked.AllowAddress, asked.AllowHost = nil, nil
	return &Prober{options: o, resolver: nameserver.Resolver{
		Client: nameserver.Client{Dial: asked}, Servers: nameserver.Servers(o.Config.Resolvers),
	}}
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	domain := strings.TrimSuffix(strings.ToLower(p.options.Domain), ".")
	r := stream.Begin(ctx, "maildns://"+domain, domain)
	l := &look{
		domain: domain, config: &p.options.Config, result: &r, sent: map[[3]string]bool{},
		dns: &resolver{Resolver: p.resolver, cache: map[nameserver.Question][]dns.RR{}},
	}
	began := time.Now()
	err := l.run(ctx)
	r.Hops[0].Phases[probe.PhaseProcessing] = time.Since(began)
	r.End(err, nil)
	return r
}

// look is one look at one domain.
type look struct {
	domain   string
	config   *Config
	result   *probe.Result
	dns      *resolver
	problems []string // in words
	sent     map[[3]string]bool
	unread   error // the first record that could not be asked for
}

func (l *look) run(ctx context.Context) error {
	l.check(ctx, MX, "", l.mx)
	l.check(ctx, SPF, "", l.spf)
	for _, s := range l.config.Selectors {
		l.check(ctx, DKIM, s, func(ctx context.Context) (bool, error) { return l.dkim(ctx, s) })
	}
	l.check(ctx, DMARC, "", l.dmarc)
	l.check(ctx, MTASTS, "", l.mtaSTS)
	l.check(ctx, TLSRPT, "", l.tlsRPT)
	// What is wrong is known even if another record could not be read.
	if len(l.problems) > 0 {
		return probe.Fail(probe.MailDNS, probe.PhaseProcessing, errors.New(strings.Join(l.problems, "; ")))
	}
	return l.unread
}

// check looks at one record: present is whether there is one, err that nobody
// could say.
func (l *look) check(ctx context.Context, record, selector string, find func(context.Context) (present bool, err error)) {
	var ours *probe.Unmeasured
	if errors.As(l.unread, &ours) {
		return // called off, or we are out of means
	}
	began := time.Now()
	there, err := find(ctx)
	if err != nil {
		l.result.Step(0, probe.PhaseProcessing, began, true, record+": "+err.Error())
		if l.unread == nil || errors.As(err, &ours) {
			l.unread = err
		}
		return
	}
	l.result.Send(present, truth(there), record, selector)
	switch required := record == DKIM || slices.Contains(l.config.Require, record); {
	case !there && required:
		l.wrong(record, selector, Missing, "")
	case !there:
		l.tell(record, selector, "there is none")
	}
}

// tell writes a step.
func (l *look) tell(record, selector, text string) {
	l.result.Step(0, probe.PhaseProcessing, time.Time{}, false, titled(record, selector)+": "+text)
}

// wrong notes a problem of a record; text says more than the problem does.
func (l *look) wrong(record, selector string, p Problem, text string) {
	words := titled(record, selector) + ": " + p.Meaning()
	if text != "" {
		words += " (" + text + ")"
	}
	if key := [3]string{record, selector, string(p)}; !l.sent[key] {
		l.sent[key] = true
		l.result.Send(problemInfo, 1, key[:]...)
	}
	l.result.Step(0, probe.PhaseProcessing, time.Time{}, true, words)
	l.problems = append(l.problems, words)
}

// titled is what people call a record.
func titled(record, selector string) string {
	switch record {
	case MTASTS:
		return "MTA-STS"
	case TLSRPT:
		return "TLS-RPT"
	case DKIM:
		return "DKIM " + selector
	default:
		return strings.ToUpper(record)
	}
}
