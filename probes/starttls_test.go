package probes

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tcpprobe"
	"tocsin/probes/tlscheck"
)

// TestStartTLS_realServers asks each kind of real server for its certificate in
// the words of its protocol: its dates are told though it has expired, the
// reason is its own, and with the clock of last week it is good. Here every
// port is asked whose protocol begins without TLS, and RabbitMQ's, which begins
// with it.
func TestStartTLS_realServers(t *testing.T) {
	now := time.Now()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root", NotBefore: now.Add(-90 * day), NotAfter: now.Add(90 * day)})
	leaf := root.Leaf(t, probetest.Spec{NotBefore: now.Add(-60 * day), NotAfter: now.Add(-day)})
	pemFile, keyFile := probetest.WritePair(t, leaf)
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	cert, key := read(pemFile), read(keyFile)
	tls := tlscheck.Config{CAFile: probetest.WritePEM(t, root), ServerName: "localhost", TLSVersions: true}
	asked := func(t *testing.T, target, words string) {
		t.Helper()
		cfg := Config{Target: target, TLS: tls, TCP: tcpprobe.Config{StartTLS: words}, Timeout: 20e9}
		r, page := look(t, cfg, Options{})
		wantReason(t, r, page, probe.TLSExpired, "tls")
		page.wants(t, `probe_hop_certificate_expiry_timestamp_seconds{hop="0",server="127.0.0.1"}`, float64(leaf.Leaf.NotAfter.Unix()))
		page.wants(t, `probe_certificate_problem_info{hop="0",reason="tls_expired"}`, 1)

		r, page = look(t, cfg, Options{Now: func() time.Time { return now.Add(-7 * day) }})
		wantReason(t, r, page, "", "")
		page.wants(t, "probe_ssl_last_chain_expiry_timestamp_seconds", float64(leaf.Leaf.NotAfter.Unix()))
		page.wants(t, `probe_tls_version_accepted{version="TLS 1.2"}`, 1)
		for series := range page {
			if strings.HasPrefix(series, "probe_hop_certificate_info{") && !strings.Contains(series, `key="ECDSA P-256"`) {
				t.Errorf("the key is not told: %s", series)
			}
		}
	}
	plain := func(t *testing.T, target, words string) {
		t.Helper()
		r, page := look(t, Config{Target: target, TLS: tls, TCP: tcpprobe.Config{StartTLS: words}, Timeout: 20e9}, Options{})
		wantReason(t, r, page, probe.NoStartTLS, "tls")
	}
	address := func(port int) string { return fmt.Sprintf("tcp://127.0.0.1:%d", port) }
	files := map[string]string{"server.pem": cert, "server.key": key}

	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		asked(t, address(testenv.PostgresTCP(t, "host all all 127.0.0.1/32 trust", files).Port), "postgres")
		plain(t, address(testenv.PostgresTCP(t, "host all all 127.0.0.1/32 trust", nil).Port), "postgres")
	})
	t.Run("MariaDB", func(t *testing.T) {
		t.Parallel()
		with, without := testenv.Port(t), testenv.Port(t)
		testenv.MariaDB(t, with, cert, key)
		asked(t, address(with), "mysql")
		testenv.MariaDB(t, without, "", "")
		plain(t, address(without), "mysql")
	})
	t.Run("OpenLDAP", func(t *testing.T) {
		t.Parallel()
		asked(t, address(testenv.Slapd(t, "", "", files).Port), "ldap")
		plain(t, address(testenv.Slapd(t, "", "", nil).Port), "ldap")
	})
	t.Run("Postfix and Dovecot", func(t *testing.T) {
		t.Parallel()
		m := testenv.MailServers(t, pemFile, keyFile)
		asked(t, address(m.SMTP), "smtp")
		asked(t, address(m.Submission), "submission")
		asked(t, address(m.IMAP), "imap")
		asked(t, fmt.Sprintf("tls://127.0.0.1:%d", m.IMAPS), "")
	})
	t.Run("RabbitMQ", func(t *testing.T) {
		t.Parallel()
		b := testenv.RabbitMQTLS(t, "", []byte(cert), []byte(key))
		asked(t, strings.Replace(b.AMQPS, "amqps://localhost", "tls://127.0.0.1", 1), "")
	})
}

// TestVersions_nginx has a server that still takes what no browser speaks.
func TestVersions_nginx(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{}))
	old, today := testenv.Port(t), testenv.Port(t)
	server := func(port int, versions string) string {
		return fmt.Sprintf("server { listen 127.0.0.1:%d ssl; ssl_protocols %s; ssl_certificate %s; ssl_certificate_key %s; location / { return 200 ok; } }\n", port, versions, cert, key)
	}
	testenv.Nginx(t, "ssl_ciphers DEFAULT@SECLEVEL=0;\n"+server(old, "TLSv1 TLSv1.1 TLSv1.2")+server(today, "TLSv1.2 TLSv1.3"))
	for port, want := range map[int]string{old: "1 1 1 0", today: "0 0 1 1"} {
		cfg := Config{Target: fmt.Sprintf("https://localhost:%d/", port), IPVersion: 4, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root), TLSVersions: true}}
		r, page := look(t, cfg, Options{})
		wantReason(t, r, page, "", "")
		var got []string
		for _, v := range []string{"1.0", "1.1", "1.2", "1.3"} {
			got = append(got, fmt.Sprint(page[fmt.Sprintf(`probe_tls_version_accepted{version="TLS %s"}`, v)]))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("TLS 1.0 to 1.3: %s, want %s", got, want)
		}
		fault := ""
		if port == old {
			fault = "localhost still takes TLS 1.0 and TLS 1.1"
		}
		wantFault(t, &r, fault)
		cfg.TLS.TLSVersions = false
		_, page = look(t, cfg, Options{})
		page.lacks(t, "probe_tls_version_accepted")
	}
}
