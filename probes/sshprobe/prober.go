package sshprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
)

// Our own: blackbox_exporter does not speak SSH.
var (
	duration = &frame.Family{
		Name: "probe_ssh_duration_seconds", Labels: []string{"phase"},
		Help: "Duration of the first connection by phase (resolve, connect, exchange).",
	}
	keyInfo = &frame.Family{
		Name: "probe_ssh_host_key_info", Labels: []string{"type", "fingerprint"},
		Help: "The host keys that the server has proved to have: type as in ssh-ed25519, fingerprint as in SHA256:...",
	}
	serverInfo = &frame.Family{
		Name: "probe_ssh_server_info", Labels: []string{"software"},
		Help: "What the server calls itself.",
	}
	weakInfo = &frame.Family{
		Name: "probe_ssh_weak_algorithm_info", Labels: []string{"kind", "algorithm"},
		Help: "Algorithms that the server offers and should not: kex, host_key, cipher, mac.",
	}
)

// Families lists what an SSH probe may send of its own.
func Families() []*frame.Family { return []*frame.Family{duration, keyInfo, serverInfo, weakInfo} }

// Options is one SSH probe.
type Options struct {
	Target       string // as results show it
	Host         string
	Port         uint16
	Dial         dial.Options
	Fingerprints []string // SHA256:..., of good keys; none: any key is good
}

// A Prober looks at one server. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober { return &Prober{options: o} }

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, p.options.Target, p.options.Host)
	err := p.look(ctx, &r)
	phases := r.Hops[0].Phases
	r.Send(duration, phases[probe.PhaseResolve].Seconds(), "resolve")
	r.Send(duration, phases[probe.PhaseConnect].Seconds(), "connect")
	r.Send(duration, phases[probe.PhaseProcessing].Seconds(), "exchange")
	r.End(err, nil)
	return r
}

func (p *Prober) look(ctx context.Context, r *probe.Result) error {
	o := &p.options
	conn, err := stream.Connect(ctx, r, 0, &o.Dial, o.Host, o.Port)
	if err != nil {
		return err
	}
	began := time.Now()
	key, h, err := p.exchange(ctx, conn, slices.Concat(types()...))
	r.Hops[0].Phases[probe.PhaseProcessing] = time.Since(began)
	if h.software != "" {
		r.Send(serverInfo, 1, probe.Label(h.software))
	}
	if err != nil {
		r.Step(0, probe.PhaseProcessing, began, true, err.Error())
		return err
	}
	r.Step(0, probe.PhaseProcessing, began, false, fmt.Sprintf("%s; %s", h.software, described(key)))
	keys := append([]ssh.PublicKey{key}, p.others(ctx, r, &h, key)...)
	for _, k := range keys {
		r.Send(keyInfo, 1, k.Type(), ssh.FingerprintSHA256(k))
	}
	var weak []string
	for _, w := range weaknesses(&h, keys) {
		weak = append(weak, fmt.Sprintf("%s (%s)", w.algorithm, w.kind))
		r.Send(weakInfo, 1, w.kind, w.algorithm)
		r.Step(0, probe.PhaseProcessing, time.Time{}, false, fmt.Sprintf("weak, to be switched off: %s (%s)", w.algorithm, w.kind))
	}
	if weak != nil {
		r.Fault("weak, to be switched off: " + strings.Join(weak, ", "))
	}
	return p.judge(r, keys)
}

// dsa is what the library calls deprecated; old devices have nothing else.
const dsa = "ssh-dss"

// types are the algorithms by which a server proves a host key, those of one
// key together, the usual first.
func types() [][]string {
	return [][]string{
		{ssh.KeyAlgoED25519},
		{ssh.KeyAlgoECDSA256},
		{ssh.KeyAlgoECDSA384},
		{ssh.KeyAlgoECDSA521},
		{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA},
		{dsa},
	}
}

// others reads the server's keys of the other types, each over a connection of
// its own to the same address. One that does not come about is told, no more:
// a busy server drops some at random (sshd_config(5), MaxStartups).
func (p *Prober) others(ctx context.Context, r *probe.Result, h *hello, first ssh.PublicKey) []ssh.PublicKey {
	var keys []ssh.PublicKey
	at := r.Hops[0].Address
	for _, t := range types() {
		offered := slices.ContainsFunc(t, func(a string) bool { return slices.Contains(h.hostKeys, a) })
		if !offered || slices.Contains(t, first.Type()) {
			continue
		}
		began := time.Now()
		conn, err := p.options.Dial.Address(ctx, at.Addr(), at.Port())
		var key ssh.PublicKey
		if err == nil {
			key, _, err = p.exchange(ctx, conn, t)
		}
		if err != nil {
			r.Step(0, probe.PhaseProcessing, began, false, fmt.Sprintf("its key for %s could not be read: %s", t[0], dial.Words(err)))
			continue
		}
		r.Step(0, probe.PhaseProcessing, began, false, described(key))
		keys = append(keys, key)
	}
	return keys
}

func described(key ssh.PublicKey) string {
	return fmt.Sprintf("it has the key %s %s", key.Type(), ssh.FingerprintSHA256(key))
}

// errSeen ends a handshake when the key was seen, before anybody logs in.
var errSeen = errors.New("the host key was seen")

// exchange exchanges keys over conn, which it closes, and returns the host key
// that the server has proved to have. Its error is a probe.Failure or
// probe.Unmeasured.
func (p *Prober) exchange(ctx context.Context, conn net.Conn, algorithms []string) (ssh.PublicKey, hello, error) {
	t := &tap{Conn: conn}
	defer t.Close()
	stop := stream.Bound(ctx, conn)
	defer stop()
	var key ssh.PublicKey
	good, bad := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	client, _, _, err := ssh.NewClientConn(t, p.options.Host, &ssh.ClientConfig{
		// What is weak is offered too, last, so that old servers are told of.
		Config: ssh.Config{
			KeyExchanges: append(good.KeyExchanges, bad.KeyExchanges...),
			Ciphers:      append(good.Ciphers, bad.Ciphers...),
			MACs:         append(good.MACs, bad.MACs...),
		},
		HostKeyAlgorithms: algorithms,
		// The library has verified the server's signature before.
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			key = k
			return errSeen
		},
		ClientVersion: "SSH-2.0-Tocsin",
	})
	if err == nil {
		_ = client.Close() // cannot be: errSeen has ended it
	}
	said, broken := t.heard()
	h := parse(said)
	if key != nil {
		return key, h, nil
	}
	if h.version != "" && h.version != "2.0" && h.version != "1.99" {
		return nil, h, probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("the server speaks SSH %q, not 2.0", h.version))
	}
	return nil, h, failure(ctx, said, err, broken)
}

// failure says why no key was seen.
func failure(ctx context.Context, said []byte, err, broken error) error {
	none, disagreed := errors.AsType[*ssh.AlgorithmNegotiationError](err)
	switch {
	case disagreed:
		return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("the server offers nothing for %s that is known here, but %s", none.What, strings.Join(none.RequestedAlgorithms, ", ")))
	case errors.Is(broken, errTooMuch):
		return probe.Fail(probe.TooLarge, probe.PhaseProcessing, broken)
	case len(said) > 0 && !strings.Contains("\n"+string(said), "\nSSH-"):
		if ended := probe.Ended(ctx, probe.PhaseProcessing, "waiting for the version"); ended != nil && beginsSSH(said) {
			return ended
		}
		text := fmt.Sprintf("the server does not speak SSH: it begins with %q", said[:min(len(said), enoughOfLine)])
		if other := spoken(said); other != "" {
			text += ", as " + other + " does"
		}
		return probe.Fail(probe.Protocol, probe.PhaseProcessing, errors.New(text))
	case broken != nil:
		return stream.Broken(ctx, probe.PhaseProcessing, "exchanging keys", broken)
	case err == nil:
		return probe.Fail(probe.Protocol, probe.PhaseProcessing, errors.New("the server showed no host key"))
	default:
		return stream.Broken(ctx, probe.PhaseProcessing, "exchanging keys", err)
	}
}

// judge holds the keys to those that are good.
func (p *Prober) judge(r *probe.Result, keys []ssh.PublicKey) error {
	if len(p.options.Fingerprints) == 0 {
		return nil
	}
	var other []string
	for _, k := range keys {
		if f := ssh.FingerprintSHA256(k); !slices.Contains(p.options.Fingerprints, f) {
			other = append(other, k.Type()+" "+f)
		}
	}
	if other == nil {
		return nil
	}
	err := probe.Fail(probe.HostKey, probe.PhaseProcessing, fmt.Errorf(
		"the host key %s is not among fingerprints: it was changed, or somebody else answers", strings.Join(other, ", ")))
	r.Step(0, probe.PhaseProcessing, time.Time{}, true, err.Error())
	return err
}
