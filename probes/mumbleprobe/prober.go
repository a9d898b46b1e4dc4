package mumbleprobe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
)

// Our own: no name for these is widespread.
var (
	rtt       = &frame.Family{Name: "probe_mumble_rtt_seconds", Help: "From sending the ping to its answer."}
	pings     = &frame.Family{Name: "probe_mumble_pings", Help: "How many pings were sent: another each second until an answer comes."}
	version   = &frame.Family{Name: "probe_mumble_version_info", Labels: []string{"version"}, Help: "The server's version, as 1.3.4."}
	users     = &frame.Family{Name: "probe_mumble_users", Help: "How many users are connected; bots do not count."}
	maxUsers  = &frame.Family{Name: "probe_mumble_max_users", Help: "How many users may be connected at most."}
	bandwidth = &frame.Family{
		Name: "probe_mumble_user_max_bandwidth_bytes_per_second",
		Help: "How much each user may send at most; Mumble itself counts in bits.",
	}
)

// Families lists what a Mumble probe sends of its own.
func Families() []*frame.Family {
	return []*frame.Family{rtt, pings, version, users, maxUsers, bandwidth}
}

// The ping of all versions from 1.2 on.
//
// Source: mumble-voip/mumble, src/MumbleProtocol.cpp, the legacy ping.
const (
	askedSize  = 12
	answerSize = 24
	// every is how often it is sent.
	every = time.Second
)

// Options is one Mumble probe.
type Options struct {
	Target string // as results show it
	Host   string
	Port   uint16
	Dial   dial.Options
}

// A Prober asks one server. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober { return &Prober{options: o} }

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, p.options.Target, p.options.Host)
	r.End(p.look(ctx, &r), nil)
	return r
}

func (p *Prober) look(ctx context.Context, r *probe.Result) error {
	o := &p.options
	conn, err := stream.Unanswered(ctx, r, 0, &o.Dial, o.Host, o.Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer stream.Bound(ctx, conn)()
	began := time.Now()
	a, took, n, err := ping(ctx, conn)
	r.Hops[0].Phases[probe.PhaseProcessing] = time.Since(began)
	r.Send(pings, float64(n))
	if err != nil {
		r.Step(0, probe.PhaseProcessing, began, true, err.Error())
		return err
	}
	r.Send(rtt, took.Seconds())
	r.Send(version, 1, a.version)
	r.Send(users, float64(a.users))
	r.Send(maxUsers, float64(a.maxUsers))
	r.Send(bandwidth, float64(a.bits)/8)
	r.Step(0, probe.PhaseProcessing, began, false, fmt.Sprintf("Mumble %s, %d users of %d", a.version, a.users, a.maxUsers))
	return nil
}

// answer is what a server tells.
type answer struct {
	version               string
	users, maxUsers, bits uint32
}

// parse reads an answer to the ping with these eight bytes; false for anything
// else: a late one, somebody else's, or no Mumble.
func parse(b, token []byte) (answer, bool) {
	if len(b) != answerSize || !bytes.Equal(b[4:askedSize], token) {
		return answer{}, false
	}
	v := binary.BigEndian.Uint32(b)
	return answer{
		version: fmt.Sprintf("%d.%d.%d", v>>16, v>>8&0xff, v&0xff),
		users:   binary.BigEndian.Uint32(b[12:]), maxUsers: binary.BigEndian.Uint32(b[16:]), bits: binary.BigEndian.Uint32(b[20:]),
	}, true
}

// ping asks until an answer comes or ctx ends; each ping has its own token, so
// that an answer's time is that of its own ping. It returns how long the answer
// took, and how many pings were sent.
func ping(ctx context.Context, conn net.Conn) (a answer, took time.Duration, n int, err error) {
	const doing = "waiting for the answer to the ping"
	sent := map[string]time.Time{}
	asked, received := make([]byte, askedSize), make([]byte, 2*answerSize)
	others := 0
	for {
		if _, err = rand.Read(asked[4:]); err != nil {
			return a, 0, n, &probe.Unmeasured{Err: err}
		}
		sent[string(asked[4:])] = time.Now()
		n++
		if _, err = conn.Write(asked); err != nil {
			return a, 0, n, stream.Broken(ctx, probe.PhaseProcessing, "asking", err)
		}
		until := time.Now().Add(every)
		if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
			until = deadline
		}
		for {
			if ctx.Err() == nil {
				_ = conn.SetReadDeadline(until)
			}
			size, err := conn.Read(received)
			if errors.Is(err, os.ErrDeadlineExceeded) && probe.Ended(ctx, probe.PhaseProcessing, doing) == nil {
				break // another ping
			}
			if err != nil {
				return a, 0, n, told(stream.Broken(ctx, probe.PhaseProcessing, doing, err), others)
			}
			token := received[4:min(max(size, 4), askedSize)]
			if a, ok := parse(received[:size], token); ok && !sent[string(token)].IsZero() {
				return a, time.Since(sent[string(token)]), n, nil
			}
			others++
		}
	}
}

// told turns a silence into what it is where something else answered.
func told(err error, others int) error {
	if f, ok := errors.AsType[*probe.Failure](err); ok && f.Reason == probe.Timeout && others > 0 {
		return probe.Fail(probe.Protocol, f.Phase, fmt.Errorf("%w; %d answers came that are none of Mumble's", f.Err, others))
	}
	return err
}
