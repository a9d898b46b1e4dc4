package probetest

import (
	"crypto/tls"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// GRPC serves the standard health service: the whole server and "good" serve,
// "bad" does not. A nil certificate is plain text. It returns the address.
func GRPC(t testing.TB, cert *tls.Certificate, options ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if cert != nil {
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(cert)))
	}
	serveGRPC(t, l, options...)
	return l.Addr().String()
}

// GRPCBoth is GRPC in plain text over IPv4 and IPv6. It returns the port.
func GRPCBoth(t testing.TB) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	serveGRPC(t, l)
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// serveGRPC serves the health service until the test ends.
func serveGRPC(t testing.TB, l net.Listener, options ...grpc.ServerOption) {
	t.Helper()
	s := grpc.NewServer(options...)
	h := health.NewServer()
	h.SetServingStatus("good", grpc_health_v1.HealthCheckResponse_SERVING)
	h.SetServingStatus("bad", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	grpc_health_v1.RegisterHealthServer(s, h)
	done := make(chan struct{})
	go func() { // ends with Stop
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		s.Stop()
		<-done
	})
}
