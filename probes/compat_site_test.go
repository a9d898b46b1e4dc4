package probes

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"tocsin/internal/testenv"
	"tocsin/probes/probetest"
)

func tlsConfig(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }

// compatSite is servers of all kinds, and a file of modules for them.
type compatSite struct {
	file string // testdata/compat.yml, with the servers' addresses

	plain, secure, old, elsewhere, guarded, ancient string // URLs of web servers
	closed, slow                                    string // nobody listens, or says nothing
	ssh, full, from, mail                           string // TCP servers
	tlsGuarded, tlsElsewhere                        string // TLS servers
	names, namesTLS, namesElsewhere                 string // name servers
	grpc, grpcTLS, grpcElsewhere                    string
}

func newCompatSite(t *testing.T) *compatSite {
	t.Helper()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	good := root.Leaf(t, probetest.Spec{})
	expired := root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-day)})
	other := root.Leaf(t, probetest.Spec{Hosts: []string{"www.ville.example"}})
	// Who shows no certificate is not let in.
	guard := &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: poolOf(root)}
	web := compatWeb(t)
	s := &compatSite{
		plain: probetest.HTTP(t, web).URL, secure: probetest.HTTPS(t, good, web).URL,
		old: probetest.HTTPS(t, expired, web).URL, elsewhere: probetest.HTTPS(t, other, web).URL,
		closed: fmt.Sprintf("127.0.0.1:%d", testenv.Port(t)),
		slow:   probetest.TCP(t, probetest.Hang),
		ssh:    probetest.TCP(t, says("SSH-2.0-OpenSSH_9.2\r\n")),
		full:   probetest.TCP(t, func(c net.Conn) { _, _ = c.Write([]byte("421 too many\r\n")) }),
		from: probetest.TCP(t, func(c net.Conn) {
			fmt.Fprintf(c, "from %s\n", c.RemoteAddr().(*net.TCPAddr).IP)
		}),
		mail:         probetest.TCP(t, mailServer(tlsConfig(good))),
		tlsElsewhere: probetest.TLS(t, other, says("hello\n")),
		tlsGuarded: probetest.TCP(t, func(raw net.Conn) {
			conn := tls.Server(raw, guard)
			if conn.HandshakeContext(t.Context()) == nil {
				says("hello\n")(conn)
			}
		}),
		grpc: probetest.GRPC(t, nil), grpcTLS: probetest.GRPC(t, &good), grpcElsewhere: probetest.GRPC(t, &other),
	}
	zone := compatZone(t)
	s.names, s.namesTLS, s.namesElsewhere = probetest.DNS(t, zone), probetest.DNSOverTLS(t, good, zone), probetest.DNSOverTLS(t, other, zone)
	s.guarded = serveTLS(t, web, guard)
	s.ancient = serveTLS(t, web, &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}) //nolint:gosec // a server as it was
	s.write(t, root)
	return s
}

// serveTLS serves pages as a configuration says, and returns the URL.
func serveTLS(t *testing.T, web http.Handler, config *tls.Config) string {
	t.Helper()
	server := httptest.NewUnstartedServer(web)
	server.TLS = config
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // refused handshakes are what it is about
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// write starts the proxies, and puts all addresses and files into the modules.
func (s *compatSite) write(t *testing.T, root *probetest.Authority) {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	proxy, guarded, socks, socksGuarded := testenv.Port(t), testenv.Port(t), testenv.Port(t), testenv.Port(t)
	testenv.Tinyproxy(t, proxy, "")
	testenv.Tinyproxy(t, guarded, "BasicAuth moni mark3r")
	testenv.Microsocks(t, socks)
	testenv.Microsocks(t, socksGuarded, "-u", "moni", "-P", "mark3r")
	local := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "probe", Change: forClients, NotAfter: time.Now().Add(day)}))
	text, err := os.ReadFile(filepath.Join("testdata", "compat.yml"))
	if err != nil {
		t.Fatal(err)
	}
	s.file = put("blackbox.yml", strings.NewReplacer(
		"CA_FILE", probetest.WritePEM(t, root), "CERT_FILE", cert, "KEY_FILE", key,
		"PASSWORD_FILE", put("password", "mark3r"), "TOKEN_FILE", put("token", "mark3r-token"),
		"PLAIN", s.plain, "CLIENTS", s.guarded, "ELSEWHERE", s.elsewhere, "OLD", s.old, "CLOSED", s.closed,
		"SOCKS_GUARDED", local(socksGuarded), "SOCKS", local(socks), "PROXY", local(proxy), "GUARDED", local(guarded),
	).Replace(string(text)))
}

// compatWeb is pages of all kinds.
func compatWeb(t *testing.T) http.Handler {
	t.Helper()
	web := http.NewServeMux()
	web.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Kind", "fine")
		w.Header().Set("Last-Modified", "Fri, 27 Nov 2026 03:42:45 GMT")
		fmt.Fprintf(w, "hello %s %s", r.Method, r.UserAgent()[:0])
	})
	web.HandleFunc("/missing", http.NotFound)
	web.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	web.HandleFunc("/keep", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
	})
	web.HandleFunc("/turn", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/echo", http.StatusSeeOther) })
	web.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "hello %s %s", r.Method, body)
	})
	web.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("seen"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
			http.Redirect(w, r, "/cookie", http.StatusFound)
		}
	})
	web.HandleFunc("/pieces", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello ")
		_ = http.NewResponseController(w).Flush() // no length is known then
		fmt.Fprint(w, "in pieces")
	})
	web.HandleFunc("/negotiate", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed(t, "hello packed")["gzip"])
		}
	})
	web.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("url"), http.StatusFound)
	})
	web.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	web.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(packed(t, "hello packed")["gzip"]) })
	ask := func(w http.ResponseWriter, good bool) {
		if !good {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	web.HandleFunc("/user", func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		ask(w, u == "moni" && p == "mark3r")
	})
	web.HandleFunc("/bearer", func(w http.ResponseWriter, r *http.Request) {
		ask(w, r.Header.Get("Authorization") == "Bearer mark3r-token")
	})
	web.HandleFunc("/typed", func(w http.ResponseWriter, r *http.Request) {
		ask(w, r.Header.Get("Authorization") == "Token mark3r-token")
	})
	web.HandleFunc("/virtual", func(w http.ResponseWriter, r *http.Request) { ask(w, r.Host == "www.ville.example") })
	web.HandleFunc("/named", func(w http.ResponseWriter, r *http.Request) { ask(w, strings.HasPrefix(r.Host, "four.example:")) })
	web.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		u, p, _ := r.BasicAuth()
		if u != "moni" || p != "mark3r" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "read" || r.FormValue("audience") != "api" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error": "invalid_client"}`)
			return
		}
		fmt.Fprint(w, `{"access_token": "mark3r-token", "token_type": "Bearer", "expires_in": 3600}`)
	})
	return web
}

// compatZone answers of ville.example by its records, and by what it is asked
// with of some other names.
func compatZone(t *testing.T) dns.HandlerFunc {
	t.Helper()
	rr := func(text string) dns.RR {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Error(err)
		}
		return record
	}
	zone := probetest.Zone(t, "ville.example. 300 IN A 192.0.2.1", "ville.example. 300 IN A 192.0.2.2",
		"ville.example. 300 IN SOA ns.ville.example. root.ville.example. 2026112701 3600 600 86400 300")
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := (&dns.Msg{}).SetReply(q)
		switch asked := q.Question[0]; {
		case asked.Name == "from.example.":
			host, _, _ := net.SplitHostPort(w.RemoteAddr().String())
			m.Answer = []dns.RR{rr("from.example. 0 IN A " + host)}
		case asked.Name == "version.bind." && asked.Qclass == dns.ClassCHAOS:
			m.Answer = []dns.RR{rr(`version.bind. 0 CH TXT "9.18"`)}
		case asked.Name == "recursion.example.":
			if m.Rcode = dns.RcodeRefused; !q.RecursionDesired {
				m.Rcode = dns.RcodeSuccess
			}
		case asked.Name == "all.example.":
			m.Answer = []dns.RR{rr("all.example. 300 IN A 192.0.2.1")}
			m.Ns = []dns.RR{rr("all.example. 300 IN NS ns1.all.example."), rr("all.example. 300 IN NS ns2.all.example.")}
			m.Extra = []dns.RR{rr("ns1.all.example. 300 IN A 192.0.2.53"), rr("ns2.all.example. 300 IN A 192.0.2.53")}
		default:
			zone(w, q)
			return
		}
		_ = w.WriteMsg(m)
	}
}
