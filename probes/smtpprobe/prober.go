package smtpprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/smtp"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// Options is one look at one mail server.
type Options struct {
	Target string // as results show it
	Host   string
	Port   uint16
	Dial   dial.Options
	TLS    tlscheck.Options
	UseTLS bool // at once
	// StartTLS asks for TLS, and fails where there is none.
	StartTLS bool
	Username string // empty: nobody logs in
	Password secret.Source
	Config   Config
}

// A Prober looks at one mail server. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober { return &Prober{options: o} }

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	o := &p.options
	r := stream.Begin(ctx, o.Target, o.Host)
	var clean *probe.Redactor
	password := ""
	if o.Username != "" {
		text, err := o.Password.Read()
		if err != nil {
			r.End(&probe.Unmeasured{Err: err}, nil)
			return r
		}
		password = text.Reveal()
		clean = probe.NewRedactor(smtp.Secrets(o.Username, password)...)
	}
	l := &look{options: o, result: &r, password: password, phases: map[string]time.Duration{}}
	err := l.run(ctx)
	sendDurations(&r, l.phases)
	r.End(err, clean)
	return r
}

// look is one conversation.
type look struct {
	options  *Options
	result   *probe.Result
	password string
	phases   map[string]time.Duration
	conn     net.Conn
	session  *smtp.Session
	wrong    []error // what does not end the conversation, the first being told
	bare     error   // passwords may be sent without TLS, and must not
}

func (l *look) run(ctx context.Context) error {
	o := l.options
	bare, err := stream.Connect(ctx, l.result, 0, &o.Dial, o.Host, o.Port)
	if err != nil {
		return err
	}
	defer bare.Close()
	stop, err := smtp.Bound(ctx, bare)
	if err != nil {
		return err
	}
	defer stop()
	l.conn = bare
	if o.UseTLS {
		if l.conn, err = stream.Secure(ctx, l.result, 0, bare, o.Host, &o.TLS); err != nil {
			return err
		}
	}
	l.session = smtp.New(l.conn)
	if err := l.open(ctx); err != nil {
		return err
	}
	if err := l.converse(ctx); err != nil {
		return err
	}
	l.session.Quit(ctx)
	if len(l.wrong) > 0 {
		return l.wrong[0]
	}
	return l.bare
}

// open goes as far as a server that is greeted, over TLS where asked for.
func (l *look) open(ctx context.Context) error {
	greeting, err := l.say(ctx, cmdGreeting, phaseGreeting, "greeted with", l.session.Greeting)
	if err != nil {
		return err
	}
	if !greeting.Good() {
		return l.refused(probe.Status, fmt.Errorf("the server turns us away: %s", greeting))
	}
	if err := l.hello(ctx); err != nil {
		return err
	}
	if l.options.UseTLS {
		return nil
	}
	mechanisms, _ := l.session.Offers("AUTH")
	bare := plaintext(mechanisms)
	l.result.Send(plaintextAuth, truth(bare != ""))
	if bare != "" {
		refused := l.options.Config.PlaintextAuth == Refused
		err := fmt.Errorf("the server lets passwords be sent without TLS (AUTH %s)", bare)
		l.result.Step(0, probe.PhaseProcessing, time.Time{}, refused, err.Error())
		if refused {
			l.bare = probe.Fail(probe.PlaintextAuth, probe.PhaseProcessing, err)
		} else {
			l.result.Fault(err.Error())
		}
	}
	_, offered := l.session.Offers("STARTTLS")
	l.result.Send(startTLS, truth(offered))
	if !l.options.StartTLS {
		return nil
	}
	if !offered {
		return l.refused(probe.NoStartTLS, errors.New("the server offers no STARTTLS"))
	}
	return l.secure(ctx)
}

func (l *look) secure(ctx context.Context) error {
	ready, err := l.say(ctx, cmdStartTLS, phaseHello, "asked for TLS, answered with", l.session.StartTLS)
	if err != nil {
		return err
	}
	if !ready.Good() {
		return l.refused(probe.NoStartTLS, fmt.Errorf("the server offers STARTTLS, and answers it with %s", ready))
	}
	secure, err := stream.Secure(ctx, l.result, 0, l.conn, l.options.Host, &l.options.TLS)
	if err != nil {
		return err
	}
	l.conn, l.session = secure, smtp.New(secure)
	return l.hello(ctx)
}

func (l *look) hello(ctx context.Context) error {
	name := l.options.Config.Hello
	if name == "" {
		name = smtp.Name(l.conn)
	}
	reply, err := l.say(ctx, cmdHello, phaseHello, "EHLO "+name+" answered with", func(ctx context.Context) (*smtp.Reply, error) {
		return l.session.Hello(ctx, name)
	})
	if err != nil {
		return err
	}
	if !reply.Good() {
		return l.refused(probe.Status, fmt.Errorf("the server refuses EHLO %s: %s", name, reply))
	}
	return nil
}

// say has one exchange and tells what came of it.
func (l *look) say(ctx context.Context, command, phase, words string, exchange func(context.Context) (*smtp.Reply, error)) (*smtp.Reply, error) {
	began := time.Now()
	reply, err := exchange(ctx)
	l.phases[phase] += time.Since(began)
	if err != nil {
		l.result.Step(0, probe.PhaseProcessing, began, true, err.Error())
		return nil, err
	}
	l.result.Step(0, probe.PhaseProcessing, began, false, words+" "+reply.String())
	l.replied(command, reply)
	return reply, nil
}

// replied sends the newest answer to each command: EHLO is said twice.
func (l *look) replied(command string, reply *smtp.Reply) {
	kept := l.result.Samples[:0]
	for _, s := range l.result.Samples {
		if (s.Family != replyCode && s.Family != replyStatus) || s.Labels[0] != command {
			kept = append(kept, s)
		}
	}
	l.result.Samples = kept
	sendReply(l.result, command, reply)
}

func (l *look) refused(reason probe.Reason, err error) error {
	l.result.Step(0, probe.PhaseProcessing, time.Time{}, true, err.Error())
	return probe.Fail(reason, probe.PhaseProcessing, err)
}
