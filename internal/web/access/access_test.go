package access

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func hash(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func mustNew(t testing.TB, o Options) *Access {
	t.Helper()
	if o.Log == nil {
		o.Log = quiet()
	}
	o.Config.SetDefaults()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// request makes one that comes from and to the addresses.
func request(method, from, to, host string, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, "/x", nil)
	r.Host = host
	r.RemoteAddr = net.JoinHostPort(from, "40000")
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey,
		net.Addr(&net.TCPAddr{IP: net.ParseIP(to), Port: 10617})))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestCheck_withoutUsers(t *testing.T) {
	a := mustNew(t, Options{
		Hostname: "guet.ville.example", Advertise: "watch.ville.example:10617", ExternalURL: "https://tocsin.ville.example/x",
	})
	const lo, lan, peer = "127.0.0.1", "10.0.0.5", "10.0.0.9"
	for _, c := range []struct {
		name     string
		class    Class
		from, to string
		host     string
		headers  []string
		want     string // reason of the refusal; empty: allowed
	}{
		{"public, from anywhere under any name", Public, peer, lan, "evil.example", nil, ""},
		{"read over the loopback", Read, lo, lo, "127.0.0.1:10617", nil, ""},
		{"read over the loopback by IPv6", Read, "::1", "::1", "[::1]:10617", nil, ""},
		{"read over the loopback as localhost", Read, lo, lo, "localhost", nil, ""},
		{"read over the loopback as the machine", Read, lo, lo, "guet:10617", nil, ""},
		{"read over the loopback as the machine in full", Read, lo, lo, "GUET.ville.example.:10617", nil, ""},
		{"read over the loopback as advertised", Read, lo, lo, "watch.ville.example:10617", nil, ""},
		{"read by a proxy on this machine", Read, lo, lo, "tocsin.ville.example", []string{"X-Forwarded-For", "1.2.3.4"}, ""},
		{"read over the loopback under a foreign name (rebinding)", Read, lo, lo, "evil.example:10617", nil, "host"},
		{"read over the loopback under a name that begins like ours", Read, lo, lo, "localhost.evil.example", nil, "host"},
		{"read over the loopback without a Host", Read, lo, lo, "", nil, "host"},
		{"read from another machine", Read, peer, lan, "db1.ville.example:10617", nil, ""},

		{"write over the loopback", Write, lo, lo, "127.0.0.1:10617", nil, ""},
		{"write over the loopback by IPv6", Write, "::1", "::1", "[::1]:10617", nil, ""},
		{"write over the loopback as localhost", Write, lo, lo, "localhost:10617", nil, ""},
		{"write over the loopback as ourselves", Write, lo, lo, "tocsin.ville.example", nil, ""},
		{"write over the loopback from our own page", Write, lo, lo, "localhost:10617", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:10617"}, ""},
		{"write from another machine", Write, peer, lan, "10.0.0.5:10617", nil, "not_local"},
		{"write from another machine that claims the loopback", Write, peer, lan, "127.0.0.1:10617", nil, "not_local"},
		{"write from another machine to the loopback (routed)", Write, peer, lo, "127.0.0.1:10617", nil, "not_local"},
		{"write from the loopback to another address", Write, lo, lan, "127.0.0.1:10617", nil, "not_local"},
		{"write under a foreign name (rebinding)", Write, lo, lo, "evil.example:10617", nil, "not_local"},
		{"write under another machine's address", Write, lo, lo, "10.0.0.9", nil, "not_local"},
		{"write through a proxy, X-Forwarded-For", Write, lo, lo, "localhost", []string{"X-Forwarded-For", "1.2.3.4"}, "not_local"},
		{"write through a proxy, X-Forwarded-Host", Write, lo, lo, "localhost", []string{"X-Forwarded-Host", "a"}, "not_local"},
		{"write through a proxy, Forwarded", Write, lo, lo, "localhost", []string{"Forwarded", "for=1.2.3.4"}, "not_local"},
		{"write through a proxy, Via", Write, lo, lo, "localhost", []string{"Via", "1.1 proxy"}, "not_local"},
		{"write through a proxy, X-Real-IP", Write, lo, lo, "localhost", []string{"X-Real-IP", "1.2.3.4"}, "not_local"},
		{"write through a proxy, empty header", Write, lo, lo, "localhost", []string{"X-Forwarded-For", ""}, "not_local"},
		{"write from a foreign page", Write, lo, lo, "localhost:10617", []string{"Sec-Fetch-Site", "cross-site"}, "cross_origin"},
		{"write from another port's page", Write, lo, lo, "localhost:10617", []string{"Sec-Fetch-Site", "same-site"}, "cross_origin"},
		{"write from a foreign page in an old browser", Write, lo, lo, "localhost:10617", []string{"Origin", "http://evil.example"}, "cross_origin"},
		{"write from an opaque page", Write, lo, lo, "localhost:10617", []string{"Origin", "null"}, "cross_origin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, refusal := a.Check(request(http.MethodPost, c.from, c.to, c.host, c.headers...), c.class)
			check(t, refusal, c.want)
		})
	}
}

func check(t *testing.T, refusal *Refusal, want string) {
	t.Helper()
	switch {
	case refusal == nil && want != "":
		t.Errorf("allowed, want a refusal for %s", want)
	case refusal != nil && refusal.Reason != want:
		t.Errorf("refused for %s (%s), want %q", refusal.Reason, refusal.Text, want)
	}
}

func TestCheck_http10WritesComeFromProxies(t *testing.T) {
	a := mustNew(t, Options{})
	r := request(http.MethodPost, "127.0.0.1", "127.0.0.1", "localhost")
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0
	_, refusal := a.Check(r, Write)
	check(t, refusal, "not_local")
}

func TestCheck_inMemoryConnectionIsNotTheLoopback(t *testing.T) {
	a := mustNew(t, Options{})
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/x", nil)
	r.Host, r.RemoteAddr = "localhost", "pipe"
	_, refusal := a.Check(r, Write)
	check(t, refusal, "not_local")
}

func TestCheck_namedHostsHoldForEverybody(t *testing.T) {
	a := mustNew(t, Options{Config: Config{Hosts: []string{"Guet.ville.example"}}})
	for host, want := range map[string]string{"guet.ville.example:10617": "", "10.0.0.5:10617": "", "evil.example": "host"} {
		_, refusal := a.Check(request(http.MethodGet, "10.0.0.9", "10.0.0.5", host), Read)
		check(t, refusal, want)
	}
}

func TestCheck_withUsers(t *testing.T) {
	file := write(t, "users", "# who may ask\nscraper:"+hash(t, "s3cret")+"\n\namina:"+hash(t, "pass:word")+"\n")
	a := mustNew(t, Options{Config: Config{UsersFile: file, Writers: []string{"amina"}}})
	const lo, lan, peer = "127.0.0.1", "10.0.0.5", "10.0.0.9"
	for _, c := range []struct {
		name           string
		class          Class
		from, to, host string
		user, password string
		headers        []string
		want           string
	}{
		{"public needs nobody", Public, peer, lan, "a", "", "", nil, ""},
		{"read without", Read, peer, lan, "a", "", "", nil, "credentials"},
		{"read over the loopback without", Read, lo, lo, "localhost", "", "", nil, "credentials"},
		{"read with", Read, peer, lan, "a", "scraper", "s3cret", nil, ""},
		{"read with, over the loopback, by any name", Read, lo, lo, "evil.example", "scraper", "s3cret", nil, ""},
		{"read with a wrong password", Read, peer, lan, "a", "scraper", "s3cret2", nil, "credentials"},
		{"read with another's password", Read, peer, lan, "a", "scraper", "pass:word", nil, "credentials"},
		{"read as nobody we know", Read, peer, lan, "a", "root", "s3cret", nil, "credentials"},
		{"read with an empty password", Read, peer, lan, "a", "scraper", "", nil, "credentials"},
		{"write without", Write, peer, lan, "a", "", "", nil, "credentials"},
		{"write over the loopback without", Write, lo, lo, "localhost", "", "", nil, "credentials"},
		{"write as a writer", Write, peer, lan, "a", "amina", "pass:word", nil, ""},
		{"write as a writer, through a proxy", Write, lo, lo, "a", "amina", "pass:word", []string{"X-Forwarded-For", "1.2.3.4"}, ""},
		{"write as a reader", Write, peer, lan, "a", "scraper", "s3cret", nil, "not_a_writer"},
		{"write from a foreign page, with the password", Write, peer, lan, "a", "amina", "pass:word", []string{"Sec-Fetch-Site", "cross-site"}, "cross_origin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(http.MethodPost, c.from, c.to, c.host, c.headers...)
			if c.user != "" {
				r.SetBasicAuth(c.user, c.password)
			}
			caller, refusal := a.Check(r, c.class)
			check(t, refusal, c.want)
			if refusal == nil && caller.Name != c.user {
				t.Errorf("the caller is %q", caller.Name)
			}
			if refusal != nil && refusal.Challenge != (c.want == "credentials") {
				t.Errorf("challenge is %v", refusal.Challenge)
			}
		})
	}
}

func TestCheck_clientCertificateStandsForAUser(t *testing.T) {
	a := mustNew(t, Options{})
	a.config.Writers = []string{"hub"}
	for name, want := range map[string]string{"hub": "", "grafana": "not_a_writer"} {
		r := request(http.MethodPost, "10.0.0.9", "10.0.0.5", "a")
		cert := &x509.Certificate{Subject: pkix.Name{CommonName: name}}
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert}}}
		_, refusal := a.Check(r, Write)
		check(t, refusal, want)
		r.TLS.VerifiedChains = nil // presented, but nobody checked it
		_, refusal = a.Check(r, Write)
		check(t, refusal, "not_local")
	}
}

func TestNew_tellsAllThatIsWrong(t *testing.T) {
	users := write(t, "users", "a:"+hash(t, "x"))
	empty := write(t, "empty.pem", "no certificate at all")
	for name, c := range map[string]struct {
		config Config
		want   []string
	}{
		"users file is missing": {Config{UsersFile: "/nowhere/users"}, []string{"read users", "/nowhere/users"}},
		"writer is no user":     {Config{UsersFile: users, Writers: []string{"b"}}, []string{"web.writers: b is no user"}},
		"several at once": {
			Config{UsersFile: "/nowhere/users", TLS: TLS{CertFile: "/nowhere/cert", KeyFile: "/nowhere/key"}},
			[]string{"/nowhere/users", "/nowhere/cert"},
		},
		"authorities without a certificate": {
			Config{TLS: TLS{CertFile: "/nowhere/cert", KeyFile: "/nowhere/key", ClientCAFile: empty}},
			[]string{"has no certificate in PEM form"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{Config: c.config, Log: quiet()})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// TestAccess_nothingPrintsAPassword sends marked secrets every way and looks
// for them in what comes out.
func TestAccess_nothingPrintsAPassword(t *testing.T) {
	const marker = "MARKER-5f2c"
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	hashed := hash(t, marker)
	file := write(t, "users", "a:"+hashed)
	a := mustNew(t, Options{Config: Config{UsersFile: file}, Log: logger})
	r := request(http.MethodGet, "10.0.0.9", "10.0.0.5", "a")
	r.SetBasicAuth("a", marker)
	if _, refusal := a.Check(r, Read); refusal != nil {
		t.Fatal(refusal)
	}
	if dump := fmt.Sprintf("%+v %#v", a.passwords.remembered, a.passwords); strings.Contains(dump, marker) {
		t.Error("the password is kept")
	}
	for _, content := range []string{
		"a:" + marker, "basic_auth_users: {a: " + marker + "}", "basic_auth_users:\n  a: [" + marker + "]\n",
		"a: " + marker + "\n", marker,
	} {
		_, err := parseUsers([]byte(content))
		if err == nil {
			t.Fatalf("%q was accepted", content)
		}
		if strings.Contains(err.Error(), marker) {
			t.Errorf("%q: the error shows the secret: %v", content, err)
		}
	}
	if strings.Contains(log.String(), marker) || strings.Contains(log.String(), hashed) {
		t.Errorf("the log shows the secret: %s", &log)
	}
}
