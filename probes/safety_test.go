package probes

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/internal/secret"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/protocol"
	"tocsin/probes/tlscheck"
)

// TestSafety_aGigabyteIsNotRead has servers that send a gigabyte, announced or
// not, and one that packs it into a megabyte. What is read of it is bounded, in
// bytes, in memory and so in time.
func TestSafety_aGigabyteIsNotRead(t *testing.T) {
	const gigabyte = 1 << 30
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.CopyN(z, zeros{}, gigabyte/8); err != nil { // 128 MiB unpack as a gigabyte does, and take the test a second less
		t.Fatal(err)
	}
	_ = z.Close()
	var sent atomic.Int64
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	server := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{}), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/announced":
			w.Header().Set("Content-Length", fmt.Sprint(gigabyte))
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
			return
		}
		n, _ := io.CopyN(w, zeros{}, gigabyte) // ends when the other side goes away
		sent.Add(n)
	}))
	ca := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	off := false
	for _, c := range []struct {
		path   string
		http   httpprobe.Config
		reason probe.Reason
	}{
		{"/announced", httpprobe.Config{}, probe.TooLarge},
		{"/", httpprobe.Config{}, probe.TooLarge},
		{"/", httpprobe.Config{HTTP2: &off}, probe.TooLarge},
		{"/packed", httpprobe.Config{Compression: "gzip", Body: httpprobe.Body{Matches: "^x"}}, probe.TooLarge},
	} {
		t.Run(c.path, func(t *testing.T) {
			sent.Store(0)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, page := look(t, Config{Target: server.URL + c.path, TLS: ca, HTTP: c.http, Timeout: 20e9}, Options{})
			runtime.ReadMemStats(&after)
			wantReason(t, r, page, c.reason, "transfer")
			if n := sent.Load(); n > 64<<20 {
				t.Errorf("the server got rid of %d bytes", n)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 128<<20 {
				t.Errorf("%d bytes were allocated", n)
			}
		})
	}
}

// TestSafety_moreThanAnnounced has a server that says a hundred bytes and sends
// on and on: the rest is nobody's, and is not read.
func TestSafety_moreThanAnnounced(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	var sent atomic.Int64
	address := probetest.TLS(t, root.Leaf(t, probetest.Spec{}), func(c net.Conn) {
		probetest.ReadRequest(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
		n, _ := io.CopyN(c, zeros{}, 1<<30) // ends when the other side goes away
		sent.Store(n)
	})
	r, page := look(t, Config{Target: "https://" + address, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_http_uncompressed_body_length", 100)
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("the server got rid of %d bytes", n)
	}
}

// zeros reads as zeros for ever.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestSafety_aThousandCertificates has servers that send many more certificates
// than a chain has: as many as TLS lets through cost no more than a bounded
// number of them, and what is more than that is refused before it is read.
func TestSafety_aThousandCertificates(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	leaf := root.Leaf(t, probetest.Spec{})
	other := root.Authority(t, probetest.Spec{Name: "Other"})
	for _, c := range []struct {
		many   int
		reason probe.Reason
	}{{500, ""}, {1000, probe.TLSHandshake}} {
		t.Run(fmt.Sprint(c.many), func(t *testing.T) {
			cert := tls.Certificate{Certificate: leaf.Certificate, PrivateKey: leaf.PrivateKey}
			for range c.many {
				cert.Certificate = append(cert.Certificate, other.Cert.Raw)
			}
			server := probetest.HTTPS(t, cert, ok)
			began := time.Now()
			r, page := look(t, Config{Target: server.URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, Options{})
			if c.reason != "" {
				wantReason(t, r, page, c.reason, "tls")
			} else {
				wantReason(t, r, page, "", "")
				if n := len(r.Hops[0].TLS.Certificates); n > 16 {
					t.Errorf("%d certificates were looked at", n)
				}
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestSafety_everyProtocolAsksBeforeItDials has names that lead to the address
// where clouds keep their secrets, and inside: whatever the protocol, nothing
// is dialled, and the reason says so. What needs more than its target to know
// anything (a delegation, a registry) is not measured then.
func TestSafety_everyProtocolAsksBeforeItDials(t *testing.T) {
	for _, p := range all() {
		for _, scheme := range p.Schemes {
			if scheme.Form == protocol.Path || scheme.Name == "dnsbl" || scheme.Name == "maildns" {
				continue // a socket has no address; these ask the machine's own resolver and nobody else
			}
			t.Run(scheme.Name, func(t *testing.T) {
				for _, inside := range []string{"169.254.169.254", "10.1.2.3", "127.0.0.1", "::1", "fd00:ec2::254"} {
					target := strings.NewReplacer("ville.example", "ville.test").Replace(scheme.Example)
					cfg := Config{Target: target, Timeout: 5e9}
					if scheme.Name == "mailtrip" { // the one that is nothing without somebody who logs in
						cfg.Login = protocol.Login{Username: "moni@ville.test", Password: secret.New("secret")}
					}
					prober, err := NewProber(cfg, Options{
						Lookup: func(context.Context, string) ([]netip.Addr, error) {
							return []netip.Addr{netip.MustParseAddr(inside)}, nil
						},
						AllowAddress: func(netip.Addr) error { return errors.New("it is inside") },
						Dial: func(_ context.Context, network, address string) (net.Conn, error) {
							if at := netip.MustParseAddrPort(address).Addr(); at == netip.MustParseAddr(inside) { // and not the machine's own resolver
								t.Errorf("%s %s was dialled", network, address)
							}
							return nil, errors.New("no")
						},
					})
					if err != nil {
						t.Fatal(err)
					}
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					r := prober.Probe(ctx)
					cancel()
					if r.Reason != probe.BlockedAddress && r.Unmeasured == nil {
						t.Errorf("%s: %s", inside, r.Explain())
					}
				}
			})
		}
	}
}
