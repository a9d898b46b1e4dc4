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

// A chained is a certificate that an intermediate authority vouches for, as
// servers send it: good, and expired.
type chained struct {
	root         *probetest.Authority
	intermediate *probetest.Authority
	good, bad    pair
}

// pair is a certificate with its chain, and its key, as files.
type pair struct {
	cert, key string
	end       time.Time
}

func newChained(t *testing.T) *chained {
	t.Helper()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	c := &chained{root: root, intermediate: root.Authority(t, probetest.Spec{Name: "Intermediate", NotAfter: time.Now().Add(40 * day)})}
	made := func(end time.Time) pair {
		leaf := c.intermediate.Leaf(t, probetest.Spec{NotAfter: end}, c.intermediate)
		cert, key := probetest.WritePair(t, leaf)
		return pair{cert, key, leaf.Leaf.NotAfter}
	}
	c.good, c.bad = made(time.Now().Add(30*day)), made(time.Now().Add(-day))
	return c
}

// wants looks once, and checks that the dates and the chain are told, whether
// the certificate is the good one or not.
func (c *chained) wants(t *testing.T, cfg Config, p pair) page {
	t.Helper()
	cfg.TLS = tlscheck.Config{CAFile: probetest.WritePEM(t, c.root), ServerName: "localhost"}
	cfg.Timeout = 20e9
	r, page := look(t, cfg, Options{})
	if p == c.good {
		wantReason(t, r, page, "", "")
		page.wants(t, "probe_ssl_last_chain_expiry_timestamp_seconds", float64(p.end.Unix()))
	} else {
		wantReason(t, r, page, probe.TLSExpired, "tls")
		page.wants(t, `probe_certificate_problem_info{hop="0",reason="tls_expired"}`, 1)
	}
	page.wants(t, `probe_hop_certificate_expiry_timestamp_seconds{hop="0",server="127.0.0.1"}`, float64(p.end.Unix()))
	page.wants(t, "probe_ssl_earliest_cert_expiry", float64(p.end.Unix()))
	told := strings.Join(page.sorted(), "\n")
	if !strings.Contains(told, "probe_hop_intermediate_expiry_timestamp_seconds{") {
		t.Errorf("the intermediate's end is not told: %s", told)
	}
	return page
}

func (c *chained) asks(t *testing.T, port int, words string, p pair) {
	t.Helper()
	c.wants(t, Config{Target: fmt.Sprintf("tcp://127.0.0.1:%d", port), TCP: tcpprobe.Config{StartTLS: words}}, p)
}

// lacksTLS asks a server that offers no TLS: what it says is told.
func lacksTLS(t *testing.T, port int, words, says string) {
	t.Helper()
	refusesTLS(t, Config{
		Target: fmt.Sprintf("tcp://127.0.0.1:%d", port),
		TLS:    tlscheck.Config{ServerName: "localhost"}, TCP: tcpprobe.Config{StartTLS: words},
	}, says)
}

func refusesTLS(t *testing.T, cfg Config, says string) {
	t.Helper()
	cfg.Timeout = 20e9
	r, page := look(t, cfg, Options{})
	wantReason(t, r, page, probe.NoStartTLS, "tls")
	if !strings.Contains(r.Explain(), says) {
		t.Errorf("it says %q, not %q", r.Explain(), says)
	}
}

// TestStartTLS_moreServers asks those servers whose dialogues are text: mail,
// files, chat and news.
func TestStartTLS_moreServers(t *testing.T) {
	c := newChained(t)
	both := map[string]pair{"good": c.good, "expired": c.bad}
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, p := range both {
		t.Run("Dovecot/"+name, func(t *testing.T) {
			t.Parallel()
			boxes := testenv.Dovecot(t, p.cert, p.key)
			c.asks(t, boxes.POP3, "pop3", p)
			c.asks(t, boxes.Sieve, "sieve", p)
			c.asks(t, boxes.IMAP, "imap", p)
		})
		t.Run("ProFTPD/"+name, func(t *testing.T) {
			t.Parallel()
			port := testenv.Port(t)
			testenv.Proftpd(t, port, p.cert, p.key)
			c.asks(t, port, "ftp", p)
		})
		t.Run("INN/"+name, func(t *testing.T) {
			t.Parallel()
			port := testenv.Port(t)
			testenv.Nnrpd(t, port, p.cert, p.key)
			c.asks(t, port, "nntp", p)
		})
		t.Run("Prosody/"+name, func(t *testing.T) {
			t.Parallel()
			chat := testenv.Prosody(t, read(p.cert), read(p.key))
			c.asks(t, chat.Client, "xmpp", p)
			c.asks(t, chat.Server, "xmpp-server", p)
			// It serves a domain, whatever its machine is called.
			for port, words := range map[int]string{chat.Client: "xmpp", chat.Server: "xmpp-server"} {
				refusesTLS(t, Config{Target: fmt.Sprintf("tcp://127.0.0.1:%d", port), TCP: tcpprobe.Config{StartTLS: words}},
					`the server does not serve "127.0.0.1"; write the domain that it serves in server_name (it says "host-unknown: `)
			}
		})
	}
	t.Run("Dovecot/none", func(t *testing.T) {
		t.Parallel()
		boxes := testenv.Dovecot(t, "", "")
		lacksTLS(t, boxes.POP3, "pop3", "TLS support isn't enabled")
		lacksTLS(t, boxes.Sieve, "sieve", "offers no STARTTLS")
		lacksTLS(t, boxes.IMAP, "imap", "TLS support isn't enabled")
	})
	t.Run("ProFTPD/none", func(t *testing.T) {
		t.Parallel()
		port := testenv.Port(t)
		testenv.Proftpd(t, port, "", "")
		lacksTLS(t, port, "ftp", `answers AUTH TLS with "500 `)
	})
	t.Run("INN/none", func(t *testing.T) {
		t.Parallel()
		port := testenv.Port(t)
		testenv.Nnrpd(t, port, "", "")
		lacksTLS(t, port, "nntp", `answers STARTTLS with "580 `)
	})
	t.Run("Prosody/none", func(t *testing.T) {
		t.Parallel()
		chat := testenv.Prosody(t, "", "")
		lacksTLS(t, chat.Client, "xmpp", "offers no STARTTLS; its features are: mechanisms")
		lacksTLS(t, chat.Server, "xmpp-server", "offers no STARTTLS; its features are: dialback")
	})
}
