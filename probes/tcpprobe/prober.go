package tcpprobe

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"

	"tocsin/internal/frame"
	"tocsin/probes/closedprobe"
	"tocsin/probes/dial"
	"tocsin/probes/dialogue"
	"tocsin/probes/probe"
	"tocsin/probes/starttls"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// Options is one TCP probe.
type Options struct {
	Target string // as results show it
	Host   string
	Port   uint16
	Dial   dial.Options
	UseTLS bool // at once; a step of the dialogue may turn to TLS later
	// StartTLS names the protocol in whose words the server is asked for TLS
	// before the dialogue; empty asks for none.
	StartTLS string
	TLS      tlscheck.Options
	Steps    []dialogue.Step
}

// called is what the server is called before TLS as in it: an XMPP server knows
// the domain that it serves, and seldom the machine's name.
func (o *Options) called() string { return cmp.Or(o.TLS.ServerName, o.Host) }

// A Prober looks at one port. It implements probe.Prober.
type Prober struct {
	options  Options
	dialogue *dialogue.Dialogue
}

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) (*Prober, error) {
	d, err := dialogue.New(o.Steps)
	if err != nil {
		return nil, err
	}
	return &Prober{options: o, dialogue: d}, nil
}

// Families lists what a TCP probe may send of its own.
func Families() []*frame.Family { return append(dialogue.Families(nil), closedprobe.Families()...) }

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return dialogue.Families(p.dialogue) }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, p.options.Target, p.options.Host)
	err := p.look(ctx, &r)
	if len(r.Samples) == 0 {
		dialogue.Unspoken(&r)
	}
	r.End(err, nil)
	return r
}

func (p *Prober) look(ctx context.Context, r *probe.Result) error {
	o := &p.options
	conn, err := stream.Connect(ctx, r, 0, &o.Dial, o.Host, o.Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	secure := func(conn net.Conn) (*tls.Conn, error) { return stream.Secure(ctx, r, 0, conn, o.Host, &o.TLS) }
	if o.StartTLS != "" {
		if err := stream.Ask(ctx, r, 0, conn, o.StartTLS, o.called()); err != nil {
			return err
		}
	}
	if o.UseTLS || o.StartTLS != "" {
		if conn, err = secure(conn); err != nil {
			return err
		}
	}
	err = p.dialogue.Talk(ctx, r, conn, secure)
	stream.Versions(ctx, r, 0, o.Host, &o.TLS, p.again)
	return err
}

// again makes one more connection, up to where TLS begins.
func (p *Prober) again(ctx context.Context) (net.Conn, error) {
	o := &p.options
	conn, _, err := o.Dial.TCP(ctx, o.Host, o.Port)
	if err == nil && o.StartTLS != "" {
		if err = starttls.Ask(ctx, conn, o.StartTLS, o.called()); err != nil {
			_ = conn.Close()
		}
	}
	return conn, err
}
