package probes

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/dialogue"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tcpprobe"
	"tocsin/probes/tlscheck"
	"tocsin/probes/unixprobe"
)

// says is a server that says something and then listens.
func says(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		probetest.Hang(conn)
	}
}

// mailServer speaks as much SMTP as STARTTLS takes.
func mailServer(config *tls.Config) func(net.Conn) {
	return func(conn net.Conn) {
		in := bufio.NewScanner(conn)
		fmt.Fprint(conn, "220-mail.ville.example hello\r\n220 mail.ville.example ESMTP Postfix\r\n")
		for in.Scan() {
			switch {
			case strings.HasPrefix(in.Text(), "EHLO"):
				fmt.Fprint(conn, "250-mail.ville.example\r\n250-STARTTLS\r\n250 HELP\r\n")
			case in.Text() == "STARTTLS":
				fmt.Fprint(conn, "220 go ahead\r\n")
				secure := tls.Server(conn, config)
				if secure.HandshakeContext(context.Background()) != nil {
					return
				}
				conn, in = secure, bufio.NewScanner(secure)
			default:
				fmt.Fprint(conn, "221 bye\r\n")
				return
			}
		}
	}
}

func TestTCP_dialogues(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	config := &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, probetest.Spec{})}}
	starttls := []dialogue.Step{
		{Expect: "^220 ([^ ]+) ESMTP (.+)$", Labels: []dialogue.Label{{Name: "name", Value: "${1}"}, {Name: "software", Value: "x${2}"}}, Send: "EHLO ${1}"},
		{Expect: "^250-STARTTLS"},
		{Expect: "^250 ", Send: "STARTTLS"},
		{Expect: "^220 ", StartTLS: true},
		{Send: "QUIT"},
		{Expect: "^221 "},
	}
	for _, c := range []struct {
		name   string
		talk   func(net.Conn)
		steps  []dialogue.Step
		reason probe.Reason
		phase  string
		says   string
		series map[string]float64
	}{
		{"nothing is said", says(""), nil, "", "", "", map[string]float64{"probe_failed_due_to_regex": 0, "probe_failed_due_to_bytes": 0}},
		{"banner", says("SSH-2.0-OpenSSH_9.2\r\n"), []dialogue.Step{{Expect: "^SSH-2.0-"}}, "", "", "", nil},
		{"a later line", says("one\r\ntwo\r\nthree\r\n"), []dialogue.Step{{Expect: "^three$"}}, "", "", "", nil},
		{"a prompt without an end", says("login: "), []dialogue.Step{{Expect: "^login: $"}}, "", "", "", nil},
		{"the last line lacks its end", func(c net.Conn) { fmt.Fprint(c, "one\ntwo") }, []dialogue.Step{{Expect: "^two$"}}, "", "", "", nil},
		{
			"other words", func(c net.Conn) { fmt.Fprint(c, "421 too many\r\n") },
			[]dialogue.Step{{Expect: "^220"}},
			probe.Body, "processing", `said nothing that matches "^220", its last words being "421 too many"`,
			map[string]float64{"probe_failed_due_to_regex": 1},
		},
		{"silence", says("no\r\n"), []dialogue.Step{{Expect: "^220"}}, probe.Timeout, "processing", `its last words being "no"`, map[string]float64{"probe_failed_due_to_regex": 0}},
		{"a line of a megabyte", says(strings.Repeat("x", 1<<20)), []dialogue.Step{{Expect: "^220"}}, probe.TooLarge, "processing", "too much", nil},
		{"lines for ever", func(c net.Conn) {
			for {
				if _, err := fmt.Fprintln(c, "again"+strings.Repeat(" ", 4<<10)); err != nil {
					return
				}
			}
		}, []dialogue.Step{{Expect: "^220"}}, probe.TooLarge, "processing", "too much", nil},
		{"reset", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); probetest.Reset(c) }, []dialogue.Step{{Send: "x"}, {Expect: "^220"}}, probe.Reset, "processing", "", nil},
		{"bytes", says("\x00\x01ok"), []dialogue.Step{{ExpectBytes: "\x00\x01ok"}}, "", "", "", map[string]float64{"probe_failed_due_to_bytes": 0}},
		{"other bytes", says("\x00\x02ok"), []dialogue.Step{{ExpectBytes: "\x00\x01ok"}}, probe.Body, "processing", `"\x00\x02ok"`, map[string]float64{"probe_failed_due_to_bytes": 1}},
		{"too few bytes", func(c net.Conn) { fmt.Fprint(c, "ab") }, []dialogue.Step{{ExpectBytes: "abc"}}, probe.Body, "processing", `sent "ab"`, nil},
		{"starttls", mailServer(config), starttls, "", "", "", map[string]float64{
			`probe_expect_info{name="mail.ville.example",software="xPostfix"}`: 1, `probe_tls_version_info{version="TLS 1.3"}`: 1,
		}},
		{"starttls with more before it", says("220 x ESMTP y\r\n220 more\r\nMORE\r\n"), []dialogue.Step{{Expect: "^220 more", StartTLS: true}}, probe.Protocol, "tls", "more before TLS", nil},
		{"starttls without TLS", says("220 \r\n"), []dialogue.Step{{Expect: "^220 ", StartTLS: true}}, probe.Timeout, "tls", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, Config{
				Target: "tcp://" + probetest.TCP(t, c.talk), Timeout: model.Duration(time.Second),
				TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}, TCP: tcpprobe.Config{QueryResponse: c.steps},
			}, Options{})
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			for series, value := range c.series {
				page.wants(t, series, value)
			}
		})
	}
}

func TestTCP_tls(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	ca := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	good := root.Leaf(t, probetest.Spec{})
	r, page := look(t, Config{Target: "tls://" + probetest.TLS(t, good, says("hello\n")), TLS: ca, TCP: tcpprobe.Config{QueryResponse: []dialogue.Step{{Expect: "hello"}}}}, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_ssl_earliest_cert_expiry", float64(good.Leaf.NotAfter.Unix()))

	expired := root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-3 * day)})
	r, page = look(t, Config{Target: "tls://" + probetest.TLS(t, expired, probetest.Hang), TLS: ca}, Options{})
	wantReason(t, r, page, probe.TLSExpired, "tls")
	page.wants(t, "probe_ssl_earliest_cert_expiry", float64(expired.Leaf.NotAfter.Unix()))
}

func poolOf(authorities ...*probetest.Authority) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, a := range authorities {
		pool.AddCert(a.Cert)
	}
	return pool
}

func forClients(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

// TestTLS_clientCertificate has a server that lets nobody in without one.
func TestTLS_clientCertificate(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	config := &tls.Config{
		Certificates: []tls.Certificate{root.Leaf(t, probetest.Spec{})},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: poolOf(root),
	}
	server := probetest.TCP(t, func(raw net.Conn) {
		conn := tls.Server(raw, config)
		if conn.HandshakeContext(t.Context()) == nil {
			says("hello\n")(conn)
		}
	})
	hello := tcpprobe.Config{QueryResponse: []dialogue.Step{{Expect: "hello"}}}
	ca := probetest.WritePEM(t, root)
	r, page := look(t, Config{Target: "tls://" + server, TLS: tlscheck.Config{CAFile: ca}, TCP: hello}, Options{})
	wantReason(t, r, page, probe.TLSClientCertificate, "tls")

	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "probe", Change: forClients}))
	r, page = look(t, Config{Target: "tls://" + server, TLS: tlscheck.Config{CAFile: ca, CertFile: cert, KeyFile: key}, TCP: hello}, Options{})
	wantReason(t, r, page, "", "")
}

// TestTLS_versions offers old versions only, to a server that takes no old ones.
func TestTLS_versions(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	server := probetest.TLS(t, root.Leaf(t, probetest.Spec{}), probetest.Hang)
	keys := tlscheck.Config{CAFile: probetest.WritePEM(t, root), TLSMinVersion: "1.0", TLSMaxVersion: "1.1"}
	r, page := look(t, Config{Target: "tls://" + server, TLS: keys}, Options{})
	wantReason(t, r, page, probe.TLSVersion, "tls")
	keys = tlscheck.Config{CAFile: keys.CAFile, TLSMaxVersion: "1.2"}
	r, page = look(t, Config{Target: "tls://" + server, TLS: keys}, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, `probe_tls_version_info{version="TLS 1.2"}`, 1)
}

func TestTCP_redis(t *testing.T) {
	port := testenv.Port(t)
	testenv.Redis(t, port)
	r, page := look(t, Config{
		Target: fmt.Sprintf("tcp://127.0.0.1:%d", port),
		TCP:    tcpprobe.Config{QueryResponse: []dialogue.Step{{Send: "PING"}, {Expect: `^\+PONG`, Send: "QUIT"}, {Expect: `^\+OK`}}},
	}, Options{})
	wantReason(t, r, page, "", "")
}

func TestUnix_postgres(t *testing.T) {
	cluster := testenv.Postgres(t)
	socket, _ := filepath.Glob(filepath.Join(cluster.Dir, ".s.PGSQL.*[0-9]"))
	if len(socket) != 1 {
		t.Fatalf("the cluster has the sockets %q", socket)
	}
	// PostgreSQL's answer to a request for TLS is one letter: N, or S.
	r, page := look(t, Config{
		Target: "unix://" + socket[0],
		Unix:   unixprobe.Config{QueryResponse: []dialogue.Step{{Send: "\x00\x00\x00\x08\x04\xd2\x16\x2f"}, {ExpectBytes: "N"}}},
	}, Options{})
	wantReason(t, r, page, "", "")
	page.lacks(t, "probe_ip_protocol")

	r, page = look(t, Config{Target: "unix://" + socket[0] + "0"}, Options{})
	wantReason(t, r, page, probe.Refused, "connect")
}
