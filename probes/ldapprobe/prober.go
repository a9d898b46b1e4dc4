package ldapprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-ldap/ldap/v3"

	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// Options is one LDAP probe.
type Options struct {
	Target   string // as results show it
	Host     string
	Port     uint16
	Dial     dial.Options
	UseTLS   bool // at once
	StartTLS bool // after having asked for it
	TLS      tlscheck.Options

	// Username and Password bind; without a name the certificate of TLS does,
	// by SASL EXTERNAL, and without one nobody.
	Username string
	Password secret.Source

	Base    string // empty: nothing is searched
	Filter  string
	Scope   int
	Entries int // at least

	PlaintextRefused bool // a bind without TLS must be
}

// A Prober looks at one directory. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober { return &Prober{options: o} }

// look is one run.
type look struct {
	*Options
	result             *probe.Result
	password           string
	contexts           []string
	binding, searching time.Duration
}

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, p.options.Target, p.options.Host)
	l := &look{Options: &p.options, result: &r}
	password, err := p.options.Password.Read()
	if err != nil {
		err = &probe.Unmeasured{Err: fmt.Errorf("password: %w", err)}
	} else {
		l.password = password.Reveal()
		err = l.run(ctx)
	}
	l.times()
	r.End(err, probe.NewRedactor(l.password))
	return r
}

func (l *look) run(ctx context.Context) error {
	conn, err := stream.Connect(ctx, l.result, 0, &l.Dial, l.Host, l.Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	raw := conn
	if l.StartTLS {
		if err := stream.Ask(ctx, l.result, 0, conn, "ldap", l.Host); err != nil {
			return err
		}
	}
	if l.UseTLS || l.StartTLS {
		if conn, err = stream.Secure(ctx, l.result, 0, conn, l.Host, &l.TLS); err != nil {
			return err
		}
	}
	if err := l.converse(ctx, conn, raw); err != nil {
		return err
	}
	if l.PlaintextRefused {
		return l.tryPlaintext(ctx)
	}
	return nil
}

// converse binds and searches. The deadline is raw's: that of a connection in
// TLS could leave half a record behind.
func (l *look) converse(ctx context.Context, conn, raw net.Conn) error {
	s := begin(ctx, conn, raw)
	defer s.end()
	if err := l.bind(s); err != nil {
		return err
	}
	began := time.Now()
	defer func() { l.searching = time.Since(began) }()
	if err := l.root(s); err != nil {
		return err
	}
	if l.Base == "" {
		return nil
	}
	return l.search(s)
}

// bind says who asks. That nobody may bind is no failure: what nobody may see
// is told by the searches.
func (l *look) bind(s *session) error {
	began := time.Now()
	who, do, must := "nobody", func() error { return s.client.UnauthenticatedBind("") }, false
	switch {
	case l.Username != "":
		who, must = l.Username, true
		do = func() error { return s.client.Bind(l.Username, l.password) }
	case l.TLS.Client != nil && l.result.Hops[0].TLS != nil:
		who, must = "the certificate's owner", true
		do = s.client.ExternalBind
	}
	code, said, err := s.ask("binding", do)
	l.binding = time.Since(began)
	l.result.Hops[0].Phases[probe.PhaseProcessing] = l.binding
	if err != nil {
		return l.step(began, err, "")
	}
	l.result.Send(resultInfo, 1, opBind, name(code))
	text := fmt.Sprintf("bind as %s: %s%s%s", who, name(code), said, meaning(code))
	if code == ldap.LDAPResultSuccess && must && l.result.Hops[0].TLS == nil && !l.result.Hops[0].Address.Addr().IsLoopback() {
		l.result.Fault("the server took the probe's own password without TLS: write starttls: true, or ldaps://, and have it refuse others")
	}
	if code == ldap.LDAPResultSuccess || !must {
		return l.step(began, nil, text)
	}
	return l.step(began, probe.Fail(reason(code), probe.PhaseProcessing, errors.New(text)), "")
}

// step tells what was done, or the error that it ended with.
func (l *look) step(began time.Time, err error, text string) error {
	if err != nil {
		text = err.Error()
	}
	l.result.Step(0, probe.PhaseProcessing, began, err != nil, text)
	return err
}
