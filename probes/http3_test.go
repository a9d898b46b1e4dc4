package probes

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"tocsin/internal/testenv"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// over3 are the keys of an entry that speaks HTTP/3.
var over3 = httpprobe.Config{HTTP3: true}

// TestHTTP3_caddy asks a real server.
func TestHTTP3_caddy(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	end := time.Now().Add(3 * day)
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{NotBefore: time.Now().Add(-87 * day), NotAfter: end}))
	pastCert, pastKey := probetest.WritePair(t, root.Leaf(t, probetest.Spec{NotBefore: time.Now().Add(-90 * day), NotAfter: time.Now().Add(-day)}))
	port, past, plain := testenv.Port(t), testenv.Port(t), testenv.Port(t)
	testenv.Caddy(t, port, fmt.Sprintf(`
https://localhost:%[1]d, https://127.0.0.1:%[1]d {
	tls %[4]s %[5]s
	redir /moved https://localhost:%[1]d/ 301
	redir /plain http://localhost:%[3]d/ 302
	respond /broken "no" 502
	respond "Bienvenue"
}
https://localhost:%[2]d {
	tls %[6]s %[7]s
	respond "Bienvenue"
}
http://localhost:%[3]d {
	respond "sans TLS"
}`, port, past, plain, cert, key, pastCert, pastKey))
	ca := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	base := fmt.Sprintf("https://localhost:%d", port)
	three := over3
	three.Versions = []string{"HTTP/3.0"}
	three.Body.Contains = "Bienvenue"
	for _, c := range []struct {
		name   string
		cfg    Config
		reason probe.Reason
		phase  string
		status float64
	}{
		{"a page", Config{Target: base, TLS: ca, HTTP: three}, "", "", 200},
		{"beside it HTTP/2", Config{Target: base, TLS: ca}, "", "", 200},
		{"redirected", Config{Target: base + "/moved", TLS: ca, HTTP: three}, "", "", 200},
		{"redirected to plain HTTP", Config{Target: base + "/plain", TLS: ca, HTTP: over3}, "", "", 200},
		{"broken", Config{Target: base + "/broken", TLS: ca, HTTP: over3}, probe.Status, "processing", 502},
		{"nobody vouches", Config{Target: base, HTTP: over3}, probe.TLSIncompleteChain, "tls", 0},
		{"expired", Config{Target: fmt.Sprintf("https://localhost:%d", past), TLS: ca, HTTP: over3}, probe.TLSExpired, "tls", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, c.cfg, Options{Lookup: localhost})
			wantReason(t, r, page, c.reason, c.phase)
			page.wants(t, "probe_http_status_code", c.status)
			switch c.name {
			case "a page", "redirected":
				page.wants(t, "probe_http_version", 3)
				page.wants(t, "probe_ssl_earliest_cert_expiry", float64(end.Unix()))
				page.wants(t, `probe_tls_version_info{version="TLS 1.3"}`, 1)
			case "beside it HTTP/2":
				page.wants(t, "probe_http_version", 2)
			case "expired":
				if page["probe_ssl_earliest_cert_expiry"] == 0 {
					t.Error("the dates of an expired certificate are not told")
				}
			}
		})
	}
}

// serve3 is an HTTP/3 server that does as it is told.
func serve3(t *testing.T, cert tls.Certificate, h http.Handler, protocols ...string) string {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if protocols == nil {
		protocols = []string{http3.NextProtoH3}
	}
	listener, err := quic.ListenEarly(socket, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: protocols}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := &http3.Server{Handler: h}
	go func() { _ = server.ServeListener(listener) }() // ends with the listener
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close()
		_ = socket.Close()
	})
	return "https://" + socket.LocalAddr().String()
}

// TestHTTP3_hostile has servers that do what none should.
func TestHTTP3_hostile(t *testing.T) {
	cert := probetest.SelfSigned(t, probetest.Spec{})
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	handler := func(h http.HandlerFunc) string { return serve3(t, cert, h) }
	small := over3
	small.Body.MaxBytes = 1000
	for _, c := range []struct {
		name   string
		target string
		cfg    httpprobe.Config
		reason probe.Reason
		says   string
	}{
		{"nobody there", fmt.Sprintf("https://127.0.0.1:%d", testenv.Port(t)), over3, probe.Refused, "nobody speaks QUIC on this UDP port"},
		{"nobody answers", "https://" + silent.LocalAddr().String(), over3, probe.Timeout, "waiting for an answer over QUIC (UDP)"},
		{"another protocol", serve3(t, cert, nil, "doq"), over3, probe.Protocol, "not HTTP/3"},
		{"no answer", handler(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), over3, probe.Timeout, "waiting for the answer"},
		{"stalls", handler(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "bien")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}), over3, probe.Timeout, "after 4 bytes"},
		{"without an end", handler(func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 14 {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}), small, probe.TooLarge, "1000 bytes"},
		{"a long header", handler(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Long", strings.Repeat("x", 1<<20)) }), over3, probe.TooLarge, "header is longer"},
		{"cut off", handler(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), over3, probe.Reset, "cut off the answer (HTTP/3"},
		{"breaks off", handler(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "bien")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}), over3, probe.Reset, "cut off the answer (HTTP/3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, _ := look(t, Config{Target: c.target, TLS: tlscheck.Config{InsecureSkipVerify: true}, HTTP: c.cfg, Timeout: model.Duration(3 * time.Second)}, Options{})
			if r.Reason != c.reason || !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it fails with %q: %s; want %q, and %q in it", r.Reason, r.Explain(), c.reason, c.says)
			}
		})
	}
}

func TestHTTP3_addressesAreJudgedBeforeADatagramIsSent(t *testing.T) {
	heard := make(chan struct{}, 1)
	address := serve3(t, probetest.SelfSigned(t, probetest.Spec{}), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard <- struct{}{} }))
	r, _ := look(t, Config{Target: address, TLS: tlscheck.Config{InsecureSkipVerify: true}, HTTP: over3}, Options{
		AllowAddress: func(a netip.Addr) error { return fmt.Errorf("%s is this machine's", a) },
	})
	if r.Reason != probe.BlockedAddress || len(heard) > 0 {
		t.Errorf("it fails with %q, and the server heard of it %d times", r.Reason, len(heard))
	}
}

func TestHTTP_versionsAreWrong(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Target: "http://ville.example", HTTP: over3}, "http3: is for https:// targets"},
		{Config{Target: "https://ville.example", HTTP: httpprobe.Config{HTTP3: true, ProxyURL: "http://proxy.example:3128"}}, "http3: cannot go with proxy_url"},
		{Config{Target: "https://ville.example", HTTP: httpprobe.Config{HTTP3: true, Versions: []string{"HTTP/2.0"}}}, "http_versions[0]: is never spoken"},
		{Config{Target: "https://ville.example", HTTP: httpprobe.Config{Versions: []string{"HTTP/3.0"}}}, "http_versions[0]: is never spoken"},
		{Config{Target: "https://ville.example", HTTP: httpprobe.Config{RedirectsToHTTPS: true}}, "redirects_to_https: is for http:// targets; write the target as http://ville.example"},
		{Config{Target: "http://ville.example", HTTP: httpprobe.Config{RedirectsToHTTPS: true, FollowRedirects: new(false)}}, "redirects_to_https: means nothing"},
		{Config{Target: "https://ville.example", HTTP: httpprobe.Config{Versions: []string{"HTTP/3"}}}, "http_versions[0]: is no version of HTTP"},
	} {
		if _, err := New(c.cfg, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
