package probes

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/miekg/dns"

	"tocsin/internal/testenv"
	"tocsin/probes/blackbox"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// indented is a file's content as YAML's block text has it.
func indented(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return "|\n            " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n            ")
}

// TestModule_pemInTheFile has the authorities, the certificate and the key in
// the module itself, for servers that let nobody in without one.
func TestModule_pemInTheFile(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "probe", Change: forClients, NotAfter: time.Now().Add(day)}))
	guard := &tls.Config{
		Certificates: []tls.Certificate{root.Leaf(t, probetest.Spec{})}, NextProtos: []string{"h2", "http/1.1"},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: poolOf(root),
	}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token": "t", "token_type": "Bearer"}`)
	}))
	web.TLS = guard
	web.StartTLS()
	t.Cleanup(web.Close)
	socket := filepath.Join(testenv.ShortDir(t), "app.sock")
	stream := func(network, address string) net.Listener {
		l, err := tls.Listen(network, address, guard)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	names := stream("tcp", "127.0.0.1:0")
	probetest.ServeDNS(t, &dns.Server{Listener: names, Net: "tcp-tls", Handler: probetest.Zone(t, "ville.example. 300 IN A 192.0.2.1")})
	accept(t, stream("unix", socket), says("hello\n"))

	keys := fmt.Sprintf("tls_config:\n          ca: %s\n          cert: %s\n          key: %s\n", indented(t, probetest.WritePEM(t, root)), indented(t, cert), indented(t, key))
	m := readModules(t, `
  http:
    prober: http
    http:
        `+keys+`
  oauth2:
    prober: http
    http:
      oauth2:
        client_id: moni
        token_url: `+web.URL+`/token
        `+keys+`
  tcp:
    prober: tcp
    tcp:
        tls: true
        `+keys+`
  dns:
    prober: dns
    dns:
        query_name: ville.example
        query_type: A
        transport_protocol: tcp
        dns_over_tls: true
        `+keys+`
  grpc:
    prober: grpc
    grpc:
        tls: true
        `+keys+`
  unix:
    prober: unix
    unix:
        tls: true
        query_response: [{expect: hello}]
        `+strings.Replace(keys, "tls_config:\n", "tls_config:\n          server_name: localhost\n", 1)+`
`, nil)
	plain := probetest.HTTP(t, ok)
	for module, target := range map[string]string{
		"http": web.URL, "oauth2": plain.URL, "tcp": strings.TrimPrefix(web.URL, "https://"), "dns": names.Addr().String(),
		"grpc": probetest.GRPC(t, nil, grpc.Creds(credentials.NewTLS(guard))), "unix": socket,
	} {
		t.Run(module, func(t *testing.T) {
			r, page := ask(t, m, module, target, blackbox.Dial{})
			wantReason(t, r, page, "", "")
		})
	}
}

// accept gives each connection to talk until the test ends.
func accept(t *testing.T, l net.Listener, talk func(net.Conn)) {
	t.Helper()
	done := make(chan struct{})
	go func() { // ends when the listener is closed
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the probe, which closes the connection
				defer conn.Close()
				talk(conn)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
}

// TestModule_unix has all that a module of sockets may have. No address is
// looked for, so that nothing is said of one.
func TestModule_unix(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	good := root.Leaf(t, probetest.Spec{Hosts: []string{"app"}})
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "probe", Change: forClients, NotAfter: time.Now().Add(day)}))
	guard := &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: poolOf(root), MaxVersion: tls.VersionTLS12}
	dir := testenv.ShortDir(t)
	listen := func(name string, config *tls.Config, talk func(net.Conn)) string {
		path := filepath.Join(dir, name)
		l, err := net.Listen("unix", path)
		if err == nil && config != nil {
			l = tls.NewListener(l, config)
		}
		if err != nil {
			t.Fatal(err)
		}
		accept(t, l, talk)
		return path
	}
	plain := listen("plain", nil, says("220 app ready\r\nOK\n"))
	mail := listen("mail", nil, mailServer(tlsConfig(good)))
	guarded := listen("guarded", guard, says("hello\n"))
	m := readModules(t, strings.NewReplacer("CA_FILE", probetest.WritePEM(t, root), "CERT_FILE", cert, "KEY_FILE", key).Replace(`
  plain: {prober: unix}
  talk: {prober: unix, unix: {query_response: [{expect: "^220 ([^ ]+) (.+)$", labels: [{name: who, value: "${1}"}, {name: how, value: "is ${2}"}], send: "HELO ${1}"}]}}
  bytes: {prober: unix, unix: {query_response: [{expect_bytes: "220 app"}]}}
  other_bytes: {prober: unix, unix: {query_response: [{expect_bytes: "221 app"}]}}
  starttls: {prober: unix, unix: {tls_config: {ca_file: CA_FILE, server_name: app}, query_response: [{expect: "^220 "}, {send: EHLO prober}, {expect: "^250 "}, {send: STARTTLS}, {expect: "^220"}, {starttls: true}, {send: QUIT}]}}
  tls: {prober: unix, unix: {tls: true, tls_config: {ca_file: CA_FILE, server_name: app, cert_file: CERT_FILE, key_file: KEY_FILE, min_version: TLS12, max_version: TLS13}, query_response: [{expect: hello}]}}
  tls_any: {prober: unix, unix: {tls: true, tls_config: {insecure_skip_verify: true, server_name: b, cert_file: CERT_FILE, key_file: KEY_FILE}}}
  tls_new: {prober: unix, unix: {tls: true, tls_config: {ca_file: CA_FILE, server_name: app, min_version: TLS13}}}
  tls_other: {prober: unix, unix: {tls: true, tls_config: {ca_file: CA_FILE, server_name: b}}}
`), nil)
	for _, c := range []struct {
		module, target string
		reason         Reason
		phase          string
		series         map[string]float64
	}{
		{"plain", plain, "", "", map[string]float64{"probe_failed_due_to_regex": 0}},
		{"plain", plain + "0", probe.Refused, "connect", nil},
		{"talk", plain, "", "", map[string]float64{`probe_expect_info{how="is ready",who="app"}`: 1, "probe_failed_due_to_regex": 0}},
		{"bytes", plain, "", "", map[string]float64{"probe_failed_due_to_bytes": 0}},
		{"other_bytes", plain, probe.Body, "processing", map[string]float64{"probe_failed_due_to_bytes": 1}},
		{"starttls", mail, "", "", map[string]float64{`probe_tls_version_info{version="TLS 1.3"}`: 1}},
		{"tls", guarded, "", "", map[string]float64{`probe_tls_version_info{version="TLS 1.2"}`: 1}},
		{"tls_any", guarded, "", "", nil},
		{"tls_new", guarded, probe.TLSVersion, "tls", nil},
		{"tls_other", guarded, probe.TLSWrongHost, "tls", nil},
	} {
		t.Run(c.module, func(t *testing.T) {
			r, page := ask(t, m, c.module, c.target, blackbox.Dial{})
			wantReason(t, r, page, c.reason, c.phase)
			for series, value := range c.series {
				page.wants(t, series, value)
			}
			for _, name := range []string{"probe_ip_protocol", "probe_ip_addr_hash", "probe_dns_lookup_time_seconds"} {
				page.lacks(t, name)
			}
		})
	}
}

// TestModule_dialogue has what the dialogues of TCP may have since 0.24.
func TestModule_dialogue(t *testing.T) {
	server := probetest.TCP(t, says("220 mail.ville.example ESMTP\r\n"))
	m := readModules(t, `
  labels: {prober: tcp, tcp: {query_response: [{expect: "^220 ([^ ]+) (.*)$", labels: [{name: host, value: "${1}"}]}]}}
  bytes: {prober: tcp, tcp: {query_response: [{expect_bytes: "220 "}, {expect: "^mail"}]}}
  other_bytes: {prober: tcp, tcp: {query_response: [{expect_bytes: "221 "}]}}
`, nil)
	r, page := ask(t, m, "labels", server, blackbox.Dial{})
	wantReason(t, r, page, "", "")
	page.wants(t, `probe_expect_info{host="mail.ville.example"}`, 1)
	r, page = ask(t, m, "bytes", server, blackbox.Dial{})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_failed_due_to_bytes", 0)
	r, page = ask(t, m, "other_bytes", server, blackbox.Dial{})
	wantReason(t, r, page, probe.Body, "processing")
	page.wants(t, "probe_failed_due_to_bytes", 1)
}

// TestModule_http3 has a server of HTTP/3, and none of it on the same port.
func TestModule_http3(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	server := serve3(t, root.Leaf(t, probetest.Spec{}), ok)
	m := readModules(t, strings.ReplaceAll(`
  three: {prober: http, http: {enable_http3: true, enable_http2: false, valid_http_versions: [HTTP/3.0], tls_config: {ca_file: CA_FILE}}}
  two: {prober: http, http: {tls_config: {ca_file: CA_FILE}}}
`, "CA_FILE", probetest.WritePEM(t, root)), nil)
	r, page := ask(t, m, "three", server, blackbox.Dial{})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_http_version", 3)
	r, page = ask(t, m, "two", server, blackbox.Dial{})
	wantReason(t, r, page, probe.Refused, "connect")
}
