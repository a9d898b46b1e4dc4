package websocketprobe

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// Our own: blackbox_exporter does not speak WebSocket.
var (
	duration = &frame.Family{
		Name: "probe_websocket_duration_seconds", Labels: []string{"phase"},
		Help: "Duration of the look by phase (resolve, connect, tls, handshake, message).",
	}
	statusCode = &frame.Family{
		Name: "probe_websocket_status_code",
		Help: "The HTTP status of the answer to the handshake: 101 where it is as it should be. Absent without an answer.",
	}
)

// Families lists what the probe sends of its own.
func Families() []*frame.Family { return []*frame.Family{duration, statusCode} }

// Bounds of what a server says.
const (
	maxHeader   = 64 << 10
	maxMessage  = 256 << 10
	maxMessages = 100
	farewell    = time.Second // for the closing handshake
)

// Options is one WebSocket probe.
type Options struct {
	URL         *url.URL // ws: or wss:, without credentials
	Host        string
	Port        uint16
	Dial        dial.Options
	UseTLS      bool
	TLS         tlscheck.Options // ALPN is set by this package
	Username    string           // of HTTP's Basic; empty: nobody logs in
	Password    secret.Source
	Subprotocol string // empty: none is asked for
	Origin      string // empty: none is told
	Send        secret.Text
	Expect      *regexp.Regexp // nil: no message is waited for
}

// A Prober looks at one endpoint. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober {
	o.TLS.ALPN = []string{"http/1.1"} // RFC 6455 is older than HTTP/2
	return &Prober{options: o}
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	o := &p.options
	r := stream.Begin(ctx, probe.DisplayURL(o.URL), o.Host)
	expect := ""
	if o.Expect != nil {
		expect = o.Expect.String()
	}
	hidden := secrets(o.Send.Reveal(), expect)
	header := http.Header{"User-Agent": {"Tocsin"}}
	password, err := o.Password.Read()
	if err != nil {
		err = &probe.Unmeasured{Err: fmt.Errorf("password: %w", err)}
	} else {
		if o.Username != "" {
			encoded := base64.StdEncoding.EncodeToString([]byte(o.Username + ":" + password.Reveal()))
			header.Set("Authorization", "Basic "+encoded)
			hidden = append(hidden, password.Reveal(), encoded)
		}
		if o.Origin != "" {
			header.Set("Origin", o.Origin)
		}
		err = p.look(ctx, &r, header)
	}
	phases := r.Hops[0].Phases
	for phase, name := range map[probe.Phase]string{
		probe.PhaseResolve: "resolve", probe.PhaseConnect: "connect", probe.PhaseTLS: "tls",
		probe.PhaseProcessing: "handshake", probe.PhaseTransfer: "message",
	} {
		r.Send(duration, phases[phase].Seconds(), name)
	}
	r.End(err, probe.NewRedactor(hidden...))
	return r
}

func (p *Prober) look(ctx context.Context, r *probe.Result, header http.Header) error {
	o := &p.options
	raw, err := stream.Connect(ctx, r, 0, &o.Dial, o.Host, o.Port)
	if err != nil {
		return err
	}
	defer raw.Close()
	conn := raw
	if o.UseTLS {
		if conn, err = stream.Secure(ctx, r, 0, raw, o.Host, &o.TLS); err != nil {
			return err
		}
	}
	stop := stream.Bound(ctx, raw)
	defer stop()
	began := time.Now()
	socket, status, err := p.upgrade(ctx, conn, header)
	r.Hops[0].Phases[probe.PhaseProcessing] = time.Since(began)
	if status != 0 {
		r.Hops[0].Status = status
		r.Send(statusCode, float64(status))
	}
	if err != nil {
		r.Step(0, probe.PhaseProcessing, began, true, err.Error())
		return err
	}
	text := "the server turns to WebSocket"
	if s := socket.Subprotocol(); s != "" {
		text += ", to speak " + s
	}
	r.Step(0, probe.PhaseProcessing, began, false, text)
	err = p.converse(ctx, r, socket)
	stop()
	_ = raw.SetDeadline(time.Now().Add(farewell)) // that the server is slow to say farewell is no fault
	_ = socket.Close(websocket.StatusNormalClosure, "")
	return err
}

// upgrade shakes hands in HTTP over conn and over nothing else.
func (p *Prober) upgrade(ctx context.Context, conn net.Conn, header http.Header) (*websocket.Conn, int, error) {
	o := &p.options
	var taken atomic.Bool
	dialled := func(context.Context, string, string) (net.Conn, error) {
		if taken.Swap(true) {
			return nil, errors.New("the server closed the connection")
		}
		return conn, nil
	}
	client := &http.Client{
		Transport: &http.Transport{
			DialContext: dialled, DialTLSContext: dialled, // TLS has been negotiated
			MaxResponseHeaderBytes: maxHeader, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	asked := &websocket.DialOptions{HTTPClient: client, HTTPHeader: header}
	if o.TLS.ServerName != "" {
		asked.Host = o.TLS.ServerName
	}
	if o.Subprotocol != "" {
		asked.Subprotocols = []string{o.Subprotocol}
	}
	socket, answer, err := websocket.Dial(ctx, o.URL.String(), asked) //nolint:bodyclose // the library's own, or a buffer
	status := 0
	if answer != nil {
		status = answer.StatusCode
	}
	switch {
	case err == nil && socket.Subprotocol() != o.Subprotocol:
		_ = socket.CloseNow()
		return nil, status, probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("the server turns to WebSocket, but does not agree to speak %s", o.Subprotocol))
	case err == nil:
		return socket, status, nil
	case answer == nil:
		return nil, 0, stream.Broken(ctx, probe.PhaseProcessing, "waiting for the answer to the handshake", err)
	default:
		return nil, status, p.refusal(answer, err)
	}
}

// converse sends the text and waits for the message that must come.
func (p *Prober) converse(ctx context.Context, r *probe.Result, socket *websocket.Conn) (err error) {
	o := &p.options
	began := time.Now()
	defer func() { r.Hops[0].Phases[probe.PhaseTransfer] = time.Since(began) }()
	if !o.Send.IsZero() {
		if err := socket.Write(ctx, websocket.MessageText, []byte(o.Send.Reveal())); err != nil {
			return told(r, began, stream.Broken(ctx, probe.PhaseTransfer, "sending the text", err))
		}
	}
	if o.Expect == nil {
		return nil
	}
	socket.SetReadLimit(maxMessage)
	last := ""
	for range maxMessages {
		_, message, err := socket.Read(ctx)
		if err != nil {
			return told(r, began, unexpected(ctx, o.Expect, last, err))
		}
		last = string(message) // cut after what is secret in it was taken out
		if o.Expect.Match(message) {
			r.Step(0, probe.PhaseTransfer, began, false, fmt.Sprintf("the message %q came", last))
			return nil
		}
	}
	return told(r, began, probe.Fail(probe.Body, probe.PhaseTransfer, fmt.Errorf("%d messages came, and none matches %q, the last being %q", maxMessages, o.Expect, last)))
}

// unexpected says why the message that must come has not.
func unexpected(ctx context.Context, expect *regexp.Regexp, last string, err error) error {
	if code := websocket.CloseStatus(err); code >= 0 {
		return probe.Fail(probe.Body, probe.PhaseTransfer, fmt.Errorf("the server closed with code %d (%s) before a message came that matches %q", int(code), code, expect))
	}
	if errors.Is(err, websocket.ErrMessageTooBig) {
		return probe.Fail(probe.TooLarge, probe.PhaseTransfer, fmt.Errorf("a message is larger than %d bytes", maxMessage))
	}
	if ended := probe.Ended(ctx, probe.PhaseTransfer, fmt.Sprintf("waiting for a message that matches %q", expect)); ended != nil {
		if f, ok := errors.AsType[*probe.Failure](ended); ok && last != "" {
			return probe.Fail(probe.Body, f.Phase, fmt.Errorf("%w; the last that came was %q", f.Err, last))
		}
		return ended
	}
	return stream.Broken(ctx, probe.PhaseTransfer, "waiting for a message", err)
}

func told(r *probe.Result, began time.Time, err error) error {
	r.Step(0, probe.PhaseTransfer, began, true, err.Error())
	return err
}
