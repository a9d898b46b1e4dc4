package probes

import (
	"log/slog"
	"testing"

	"tocsin/internal/frame"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// BenchmarkHTTPSProbe is one look at a local HTTPS server with a chain of two
// certificates, and the page of it. The server's work is counted too.
func BenchmarkHTTPSProbe(b *testing.B) {
	root := probetest.NewAuthority(b, probetest.Spec{Name: "Root"})
	inter := root.Authority(b, probetest.Spec{Name: "Intermediate"})
	server := probetest.HTTPS(b, inter.Leaf(b, probetest.Spec{}, inter), ok)
	c, err := New(Config{Target: server.URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(b, root)}}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	target := frame.NewTarget(frame.Spec{Job: "probe", Collectors: []frame.Entry{{Collector: c}}}, slog.New(slog.DiscardHandler))
	b.ReportAllocs()
	for b.Loop() {
		target.Gather(b.Context())
		if r, ok := c.Last(); !ok || !r.Success {
			b.Fatal(r.Explain())
		}
	}
}
