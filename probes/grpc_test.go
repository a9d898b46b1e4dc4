package probes

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tocsin/internal/secret"
	"tocsin/probes/grpcprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

func TestGRPC_health(t *testing.T) {
	server := probetest.GRPC(t, nil)
	serving := func(s string) string { return `probe_grpc_healthcheck_response{serving_status="` + s + `"}` }
	for _, c := range []struct {
		name, service string
		reason        probe.Reason
		says          string
		series        map[string]float64
	}{
		{"server", "", "", "", map[string]float64{"probe_grpc_status_code": 0, "probe_grpc_ssl": 0, serving("SERVING"): 1, serving("UNKNOWN"): 0, serving("SERVICE_UNKNOWN"): 0}},
		{"service", "good", "", "", map[string]float64{serving("SERVING"): 1}},
		{"service that does not serve", "bad", probe.Status, "the service bad is NOT_SERVING, not SERVING", map[string]float64{"probe_grpc_status_code": 0, serving("NOT_SERVING"): 1}},
		{"unknown service", "nobody", probe.Status, `the server knows no service "nobody"`, map[string]float64{"probe_grpc_status_code": 5, serving("SERVING"): 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, page := look(t, Config{Target: "grpc://" + server, GRPC: grpcprobe.Config{Service: c.service}}, Options{})
			phase := ""
			if c.reason != "" {
				phase = "processing"
			}
			wantReason(t, r, page, c.reason, phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			for series, value := range c.series {
				page.wants(t, series, value)
			}
		})
	}
}

func TestGRPC_tls(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	keys := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	good, expired := root.Leaf(t, probetest.Spec{}), root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-day)})
	r, page := look(t, Config{Target: "grpcs://" + probetest.GRPC(t, &good), TLS: keys}, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_grpc_ssl", 1)
	page.wants(t, "probe_ssl_earliest_cert_expiry", float64(good.Leaf.NotAfter.Unix()))
	r, page = look(t, Config{Target: "grpcs://" + probetest.GRPC(t, &expired), TLS: keys}, Options{})
	wantReason(t, r, page, probe.TLSExpired, "tls")
	page.wants(t, "probe_grpc_status_code", 14)
}

// TestGRPC_metadata sends a secret to a server that repeats it in its error.
func TestGRPC_metadata(t *testing.T) {
	server := probetest.GRPC(t, nil, grpc.UnaryInterceptor(func(ctx context.Context, _ any, _ *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		return nil, status.Error(codes.PermissionDenied, "the key is "+strings.Join(md.Get("x-key"), ""))
	}))
	r, page := look(t, Config{Target: "grpc://" + server, GRPC: grpcprobe.Config{Metadata: map[string][]secret.Text{"x-key": {secret.New("mark3r-hidden")}}}}, Options{})
	wantReason(t, r, page, probe.Status, "processing")
	page.wants(t, "probe_grpc_status_code", 7)
	if got := r.Explain(); strings.Contains(got, "mark3r") || !strings.Contains(got, "PERMISSION_DENIED: the key is [redacted]") {
		t.Errorf("it says %q", got)
	}
	for _, s := range r.Steps {
		if strings.Contains(s.Text, "mark3r") {
			t.Errorf("a step has the secret: %s", s.Text)
		}
	}
}

// TestGRPC_hostile has servers that speak no gRPC, or nothing.
func TestGRPC_hostile(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		reason  probe.Reason
	}{
		"plain HTTP": {strings.TrimPrefix(probetest.HTTP(t, http.NotFoundHandler()).URL, "http://"), probe.Protocol},
		"silence":    {probetest.TCP(t, probetest.Hang), probe.Timeout},
		"rubbish":    {probetest.TCP(t, says("220 hello\r\n")), probe.Protocol},
		"reset":      {probetest.TCP(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); probetest.Reset(c) }), probe.Protocol},
		"no health":  {plainGRPC(t), probe.Protocol},
	} {
		t.Run(name, func(t *testing.T) {
			r, page := look(t, Config{Target: "grpc://" + c.address, Timeout: model.Duration(700 * time.Millisecond)}, Options{})
			wantReason(t, r, page, c.reason, "processing")
		})
	}
}

func plainGRPC(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	go func() { _ = s.Serve(l) }() // ends with Stop
	t.Cleanup(s.Stop)
	return l.Addr().String()
}
