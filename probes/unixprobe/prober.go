package unixprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/dialogue"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// Options is one probe of a socket.
type Options struct {
	Path   string
	UseTLS bool // at once; a step of the dialogue may turn to TLS later
	TLS    tlscheck.Options
	Steps  []dialogue.Step
}

// A Prober looks at one socket. It implements probe.Prober.
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

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return dialogue.Families(p.dialogue) }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, "unix://"+p.options.Path, "")
	r.Addressless = true
	err := p.look(ctx, &r)
	if len(r.Samples) == 0 {
		dialogue.Unspoken(&r)
	}
	r.End(err, nil)
	return r
}

func (p *Prober) look(ctx context.Context, r *probe.Result) error {
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", p.options.Path)
	r.Hops[0].Phases[probe.PhaseConnect] = time.Since(began)
	if err != nil {
		err = p.connectError(ctx, err)
		r.Step(0, probe.PhaseConnect, began, true, err.Error())
		return err
	}
	defer conn.Close()
	r.Step(0, probe.PhaseConnect, began, false, "the socket answered")
	secure := func(conn net.Conn) (*tls.Conn, error) {
		return stream.Secure(ctx, r, 0, conn, p.options.TLS.ServerName, &p.options.TLS)
	}
	if p.options.UseTLS {
		if conn, err = secure(conn); err != nil {
			return err
		}
	}
	return p.dialogue.Talk(ctx, r, conn, secure)
}

func (p *Prober) connectError(ctx context.Context, err error) error {
	if ended := probe.Ended(ctx, probe.PhaseConnect, "connecting"); ended != nil {
		return ended
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &probe.Unmeasured{Err: fmt.Errorf("this user may not connect to %s (permission denied); let the user that runs tocsin write to it", p.options.Path)}
	case errors.Is(err, fs.ErrNotExist):
		return probe.Fail(probe.Refused, probe.PhaseConnect, fmt.Errorf("there is no socket %s", p.options.Path))
	case errors.Is(err, syscall.ECONNREFUSED):
		return probe.Fail(probe.Refused, probe.PhaseConnect, errors.New("nobody listens on the socket"))
	default:
		return probe.Fail(dial.ReasonOf(err), probe.PhaseConnect, errors.New(dial.Words(err)))
	}
}
