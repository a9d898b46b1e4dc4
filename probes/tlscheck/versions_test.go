package tlscheck

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"tocsin/probes/probetest"
)

func TestVersions(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	certs := []tls.Certificate{root.Leaf(t, probetest.Spec{})}
	server := func(c *tls.Config) string {
		c.Certificates = certs
		return probetest.TCP(t, func(raw net.Conn) {
			conn := tls.Server(raw, c)
			defer conn.Close()
			if conn.HandshakeContext(t.Context()) == nil {
				probetest.Hang(conn)
			}
		})
	}
	for _, c := range []struct {
		name, address, want string
	}{
		{"all", server(&tls.Config{MinVersion: tls.VersionTLS10}), "map[769:true 770:true 771:true 772:true]"},
		{"1.2 alone", server(&tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}), "map[769:false 770:false 771:true 772:false]"},
		{"by default", server(&tls.Config{}), "map[769:false 770:false 771:true 772:true]"},
		{"wants a certificate", server(&tls.Config{ClientAuth: tls.RequireAnyClientCert}), "map[769:false 770:false 771:true 772:true]"},
		{"cut off", probetest.TCP(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); probetest.Reset(c) }), "map[769:false 770:false 771:false 772:false]"},
		{"no TLS at all", probetest.TCP(t, func(c net.Conn) { _, _ = c.Write([]byte("220 mail ESMTP\r\n")); probetest.Hang(c) }), "map[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := &Versions{}
			var dials atomic.Int32
			connect := func(ctx context.Context) (net.Conn, error) {
				dials.Add(1)
				return (&net.Dialer{}).DialContext(ctx, "tcp", c.address)
			}
			got := fmt.Sprint(v.Accepted(t.Context(), "localhost", &Options{}, connect))
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			// Asked again it knows, but for what it could not find out.
			before := dials.Load()
			_ = v.Accepted(t.Context(), "localhost", &Options{}, connect)
			if again := dials.Load() != before; again != (c.want == "map[]") {
				t.Errorf("it asked again: %t", again)
			}
		})
	}
	v := &Versions{}
	if got := v.Accepted(t.Context(), "localhost", &Options{}, func(context.Context) (net.Conn, error) { return nil, errors.New("no") }); len(got) != 0 {
		t.Errorf("without a connection it knows %v", got)
	}
}
