package domainprobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/tlscheck"
)

var (
	expiry = &frame.Family{
		Name: "probe_domain_expiry_timestamp_seconds",
		Help: "When the domain's registration ends. Absent where the registry does not tell.",
	}
	info = &frame.Family{
		Name: "probe_domain_info", Labels: []string{"registrar"},
		Help: "By whom the domain is registered; empty where the registry does not tell.",
	}
	status = &frame.Family{
		Name: "probe_domain_status_info", Labels: []string{"status"},
		Help: "What the registry says of the domain, in RDAP's words (client hold, redemption period, pending delete...); other for words that are not known here.",
	}
)

// Families lists what a look at a domain sends of its own.
func Families() []*frame.Family { return []*frame.Family{expiry, info, status} }

// listAge is how long IANA's list is good, and staleAge how long it is better
// than none.
const (
	listAge  = 24 * time.Hour
	staleAge = 60 * 24 * time.Hour
)

// Options is a look at one domain.
type Options struct {
	Domain    string // in small letters
	Bootstrap string // the URL of the list of registries
	Server    string // the RDAP server's URL; empty: as the list says
	Dial      dial.Options
	TLS       tlscheck.Options
	Now       func() time.Time // nil is time.Now
}

// A Prober asks about one domain. It implements probe.Prober.
type Prober struct {
	options Options

	mu      sync.Mutex // guards what follows
	list    registries
	etag    string    // of the list
	listed  time.Time // when the list was last known to be good
	quiet   time.Time // until when the registry wants no questions
	quieted string    // what it said
}

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Prober{options: o}
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := probe.Begin(ctx, "domain://"+p.options.Domain)
	r.Step(0, "", time.Time{}, false, r.Target)
	p.mu.Lock()
	defer p.mu.Unlock() // a look waits for another: the registry is asked for one thing at a time
	r.End(p.look(ctx, &r), nil)
	return r
}

func (p *Prober) look(ctx context.Context, r *probe.Result) error {
	now := p.options.Now()
	if now.Before(p.quiet) {
		return &probe.Unmeasured{Err: fmt.Errorf("%s, and is left alone until %s", p.quieted, p.quiet.UTC().Format("2006-01-02 15:04 UTC"))}
	}
	server, err := p.server(ctx, r)
	if err != nil {
		return err
	}
	began := time.Now()
	a, err := p.get(ctx, strings.TrimSuffix(server, "/")+"/domain/"+p.options.Domain, "")
	if err == nil {
		err = p.refusal(a)
	}
	var found *record
	if err == nil {
		if found, err = parseRecord(a.body, p.options.Domain); err != nil {
			err = &probe.Unmeasured{Err: err}
		}
	}
	if err != nil {
		r.Step(0, probe.PhaseProcessing, began, true, err.Error())
		return err
	}
	r.Step(0, probe.PhaseProcessing, began, false, "the registry answered")
	return p.tell(r, found)
}

// refusal says what an answer other than a record means.
func (p *Prober) refusal(a *answer) error {
	switch {
	case a.status == http.StatusOK:
		return nil
	case a.status == http.StatusNotFound:
		return probe.Fail(probe.Registration, probe.PhaseProcessing, fmt.Errorf("the registry knows no domain %s; is it the name that was registered?", p.options.Domain))
	case a.status == http.StatusTooManyRequests || a.wait > 0:
		wait := a.wait
		if wait == 0 {
			wait = usualPause
		}
		p.quieted, p.quiet = fmt.Sprintf("the registry wants to be asked less often (status %d)", a.status), p.options.Now().Add(wait)
		return &probe.Unmeasured{Err: errors.New(p.quieted)}
	default:
		return &probe.Unmeasured{Err: fmt.Errorf("the registry answers with status %d", a.status)}
	}
}

// server returns the RDAP server to ask.
func (p *Prober) server(ctx context.Context, r *probe.Result) (string, error) {
	if p.options.Server != "" {
		return p.options.Server, nil
	}
	began := time.Now()
	if err := p.refresh(ctx); err != nil {
		r.Step(0, probe.PhaseResolve, began, p.list == nil, err.Error())
		if p.list == nil {
			return "", err
		}
	}
	server := p.list.server(p.options.Domain)
	if server == "" {
		end := p.options.Domain[strings.LastIndexByte(p.options.Domain, '.')+1:]
		return "", &probe.Unmeasured{Err: fmt.Errorf(
			"the registry of .%s has no RDAP that IANA knows of; write its server below domain, if it has one, or take the entry out", end)}
	}
	r.Step(0, probe.PhaseResolve, began, false, "the registry's server is "+server)
	return server, nil
}

// refresh fetches the list of registries where it is missing or old. On error
// an old one stays in use for a while.
func (p *Prober) refresh(ctx context.Context) error {
	now := p.options.Now()
	if p.list != nil && now.Sub(p.listed) < listAge {
		return nil
	}
	a, err := p.get(ctx, p.options.Bootstrap, p.etag)
	switch {
	case err != nil:
	case a.status == http.StatusNotModified && p.list != nil:
		p.listed = now
		return nil
	case a.status != http.StatusOK:
		err = &probe.Unmeasured{Err: fmt.Errorf("the list of registries cannot be had: status %d", a.status)}
	default:
		var list registries
		if list, err = parseRegistries(a.body); err == nil {
			p.list, p.etag, p.listed = list, a.etag, now
			return nil
		}
		err = &probe.Unmeasured{Err: err}
	}
	if now.Sub(p.listed) > staleAge {
		p.list, p.etag = nil, ""
	}
	return err
}

// registrationLeft is how long a domain must still be registered, as for the
// rule DomainExpiring.
const registrationLeft = 30 * 24 * time.Hour

// tell writes a record as samples and steps, and says what is wrong with it.
func (p *Prober) tell(r *probe.Result, found *record) error {
	r.Send(info, 1, probe.Label(found.registrar))
	told := map[string]bool{}
	for _, s := range found.status {
		if s = known(s); !told[s] {
			told[s] = true
			r.Send(status, 1, s)
		}
	}
	text := "registered"
	if found.registrar != "" {
		text += " by " + found.registrar
	}
	if found.expiry.IsZero() {
		missing := "the registry does not tell until when the domain is registered"
		r.Faults = append(r.Faults, missing)
		r.Step(0, probe.PhaseTransfer, time.Time{}, true, missing)
	} else {
		r.Send(expiry, float64(found.expiry.Unix()))
		text += " until " + found.expiry.UTC().Format(time.DateOnly)
		if left := found.expiry.Sub(p.options.Now()); left > 0 && left < registrationLeft {
			r.Fault(fmt.Sprintf("the domain is registered for %.0f days more, until %s", left.Hours()/24, found.expiry.UTC().Format(time.DateOnly)))
		}
	}
	if len(found.status) > 0 {
		text += " (" + strings.Join(found.status, ", ") + ")"
	}
	r.Step(0, probe.PhaseTransfer, time.Time{}, false, text)
	if wrong := found.wrong(p.options.Now()); wrong != "" {
		r.Step(0, probe.PhaseTransfer, time.Time{}, true, wrong)
		return probe.Fail(probe.Registration, probe.PhaseTransfer, errors.New(wrong))
	}
	return nil
}
