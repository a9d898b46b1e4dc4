package grpcprobe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// The names, types and meanings are blackbox_exporter's.
var (
	duration = &frame.Family{
		Name: "probe_grpc_duration_seconds", Labels: []string{"phase"},
		Help: "Duration of the gRPC request by phase (resolve, check).",
	}
	hasTLS = &frame.Family{
		Name: "probe_grpc_ssl",
		Help: "Whether the server was asked over TLS; 0, too, when that was not agreed on.",
	}
	statusCode = &frame.Family{
		Name: "probe_grpc_status_code",
		Help: "The gRPC status of the answer; 14 (UNAVAILABLE) when there was none.",
	}
	healthcheck = &frame.Family{
		Name: "probe_grpc_healthcheck_response", Labels: []string{"serving_status"},
		Help: "1 for the status that the health service answered, 0 for the others (UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN).",
	}
)

// Families lists what a gRPC probe sends of its own.
func Families() []*frame.Family {
	return []*frame.Family{duration, hasTLS, statusCode, healthcheck}
}

// Bounds of an answer.
const (
	maxAnswer = 64 << 10
	maxHeader = 64 << 10
)

// Options is one gRPC probe.
type Options struct {
	Target   string // as results show it
	Host     string
	Port     uint16
	Dial     dial.Options
	UseTLS   bool
	TLS      tlscheck.Options // ALPN is set by this package
	Service  string           // empty: the whole server
	Metadata map[string][]secret.Text
}

// A Prober asks one server. It implements probe.Prober.
type Prober struct {
	options Options
	clean   *probe.Redactor
	sent    metadata.MD
}

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober {
	o.TLS.ALPN = []string{"h2"}
	p := &Prober{options: o, sent: metadata.MD{}}
	var hidden []string
	for key, values := range o.Metadata {
		for _, v := range values {
			p.sent.Append(key, v.Reveal())
			hidden = append(hidden, v.Reveal())
		}
	}
	p.clean = probe.NewRedactor(hidden...)
	return p
}

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

// answer is what came back, as far as it did.
type answer struct {
	secure bool // TLS was agreed on
	code   codes.Code
	status grpc_health_v1.HealthCheckResponse_ServingStatus
	came   bool
}

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	r := stream.Begin(ctx, p.options.Target, p.options.Host)
	a := answer{code: codes.Unavailable}
	err := p.look(ctx, &r, &a)
	p.sample(&r, &a, err)
	r.End(err, p.clean)
	return r
}

func (p *Prober) look(ctx context.Context, r *probe.Result, a *answer) error {
	o := &p.options
	conn, err := stream.Connect(ctx, r, 0, &o.Dial, o.Host, o.Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	if o.UseTLS {
		secure, err := stream.Secure(ctx, r, 0, conn, o.Host, &o.TLS)
		if err != nil {
			return err
		}
		conn, a.secure = secure, true
	}
	client, err := p.client(conn)
	if err != nil {
		return &probe.Unmeasured{Err: err}
	}
	defer client.Close()
	began := time.Now()
	asked := metadata.NewOutgoingContext(ctx, p.sent)
	resp, err := grpc_health_v1.NewHealthClient(client).Check(asked, &grpc_health_v1.HealthCheckRequest{Service: o.Service})
	r.Hops[0].Phases[probe.PhaseProcessing] = time.Since(began)
	a.code = status.Code(err)
	if err != nil {
		err = p.checkError(ctx, err)
	} else if a.came, a.status = true, resp.GetStatus(); a.status != grpc_health_v1.HealthCheckResponse_SERVING {
		err = probe.Fail(probe.Status, probe.PhaseProcessing, fmt.Errorf("%s is %s, not SERVING", p.asked(), a.status))
	}
	if err != nil {
		r.Step(0, probe.PhaseProcessing, began, true, err.Error())
		return err
	}
	r.Step(0, probe.PhaseProcessing, began, false, p.asked()+" is SERVING")
	return nil
}

func (p *Prober) asked() string {
	if p.options.Service == "" {
		return "the server"
	}
	return "the service " + p.options.Service
}

// client speaks gRPC on conn and on nothing else. TLS has been negotiated
// already, so that the certificate is judged as everywhere.
func (p *Prober) client(conn net.Conn) (*grpc.ClientConn, error) {
	var taken atomic.Bool
	return grpc.NewClient("passthrough:///"+p.options.Host,
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			if taken.Swap(true) {
				return nil, errors.New("the server closed the connection")
			}
			return conn, nil
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority(p.authority()),
		grpc.WithUserAgent("Tocsin"),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithDisableHealthCheck(), grpc.WithNoProxy(),
		grpc.WithMaxHeaderListSize(maxHeader),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
	)
}

// authority is the host as HTTP names it.
func (p *Prober) authority() string {
	if p.options.TLS.ServerName != "" {
		return p.options.TLS.ServerName
	}
	host := p.options.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s:%d", host, p.options.Port)
}

func (p *Prober) checkError(ctx context.Context, err error) error {
	if ended := probe.Ended(ctx, probe.PhaseProcessing, "waiting for the answer"); ended != nil {
		return ended
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.Unimplemented:
		return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("the server has no health service (UNIMPLEMENTED: %s)", s.Message()))
	case codes.NotFound:
		return probe.Fail(probe.Status, probe.PhaseProcessing, fmt.Errorf("the server knows no service %q", p.options.Service))
	case codes.Unavailable, codes.Internal, codes.Unknown:
		return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("no answer in gRPC came (%s: %s)", name(s.Code()), s.Message()))
	case codes.DeadlineExceeded:
		return probe.Fail(probe.Timeout, probe.PhaseProcessing, errors.New("the server says that its time was up"))
	case codes.ResourceExhausted:
		return probe.Fail(probe.TooLarge, probe.PhaseProcessing, fmt.Errorf("the answer is refused (%s: %s)", name(s.Code()), s.Message()))
	default:
		return probe.Fail(probe.Status, probe.PhaseProcessing, fmt.Errorf("the answer is %s: %s", name(s.Code()), s.Message()))
	}
}

// name writes a code as gRPC's documents do: NOT_FOUND, not NotFound.
func name(c codes.Code) string {
	var b strings.Builder
	for i, r := range c.String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// sample turns a run into the protocol's own metrics. As with
// blackbox_exporter they are all there whatever happened.
func (p *Prober) sample(r *probe.Result, a *answer, err error) {
	phases := r.Hops[0].Phases
	r.Send(duration, phases[probe.PhaseResolve].Seconds(), "resolve")
	r.Send(duration, (phases[probe.PhaseConnect] + phases[probe.PhaseTLS] + phases[probe.PhaseProcessing]).Seconds(), "check")
	var secure float64
	if a.secure {
		secure = 1
	}
	r.Send(hasTLS, secure)
	if f, ok := errors.AsType[*probe.Failure](err); ok && f.Reason == probe.Timeout {
		a.code = codes.DeadlineExceeded
	}
	r.Send(statusCode, float64(a.code))
	for _, s := range slices.Sorted(maps.Keys(grpc_health_v1.HealthCheckResponse_ServingStatus_value)) {
		var is float64
		if a.came && a.status.String() == s {
			is = 1
		}
		r.Send(healthcheck, is, s)
	}
}
