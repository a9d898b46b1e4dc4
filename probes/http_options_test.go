package probes

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"tocsin/internal/secret"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// packed is a body in each way that it can be packed.
func packed(t *testing.T, text string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{"identity": []byte(text)}
	for name, pack := range map[string]func(io.Writer) io.WriteCloser{
		"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"br":   func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser {
			f, _ := flate.NewWriter(w, flate.BestSpeed)
			return f
		},
	} {
		var b bytes.Buffer
		w := pack(&b)
		_, _ = io.WriteString(w, text)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		out[name] = b.Bytes()
	}
	return out
}

func TestHTTP_furtherDemands(t *testing.T) {
	bodies := packed(t, `{"status": "pass"}`)
	bomb := packed(t, strings.Repeat("0", 20<<20))["gzip"]
	server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("X-Two", "one")
		w.Header().Add("X-Two", "two")
		kind := strings.TrimPrefix(r.URL.Path, "/")
		switch kind {
		case "bomb":
			_, _ = w.Write(bomb)
		case "cut":
			_, _ = w.Write(bodies["gzip"][:12])
		case "echo":
			b, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Content-Type"), b)
		default:
			_, _ = w.Write(bodies[kind])
		}
	}))
	file := filepath.Join(t.TempDir(), "question.json")
	if err := os.WriteFile(file, []byte(`{"q": 2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	header := func(h httpprobe.AnswerHeader) httpprobe.Config {
		return httpprobe.Config{AnswerHeaders: []httpprobe.AnswerHeader{h}}
	}
	for _, c := range []struct {
		name, path string
		http       httpprobe.Config
		reason     probe.Reason
		phase      string
		says       string
		series     map[string]float64
	}{
		{"gzip", "gzip", httpprobe.Config{Compression: "gzip", Body: httpprobe.Body{Contains: "pass"}}, "", "", "", map[string]float64{"probe_http_uncompressed_body_length": 18}},
		{"deflate", "deflate", httpprobe.Config{Compression: "deflate", Body: httpprobe.Body{Contains: "pass"}}, "", "", "", nil},
		{"br", "br", httpprobe.Config{Compression: "br", Body: httpprobe.Body{Contains: "pass"}}, "", "", "", nil},
		{"identity", "identity", httpprobe.Config{Compression: "identity", Body: httpprobe.Body{Contains: "pass"}}, "", "", "", nil},
		{"not packed", "identity", httpprobe.Config{Compression: "gzip"}, probe.Body, "transfer", "not packed with gzip", nil},
		{"packed otherwise", "gzip", httpprobe.Config{Compression: "br"}, probe.Body, "transfer", "not packed with br", nil},
		{"cut off", "cut", httpprobe.Config{Compression: "gzip"}, probe.Body, "transfer", "or damaged", nil},
		{"a bomb", "bomb", httpprobe.Config{Compression: "gzip"}, probe.TooLarge, "transfer", "longer than 10485760", nil},
		{"version", "identity", httpprobe.Config{Versions: []string{"HTTP/1.1"}}, "", "", "", nil},
		{"other version", "identity", httpprobe.Config{Versions: []string{"HTTP/2.0"}}, probe.Protocol, "processing", "speaks HTTP/1.1, not HTTP/2.0", nil},
		{"header", "identity", header(httpprobe.AnswerHeader{Name: "x-two", Matches: "^two$"}), "", "", "", map[string]float64{"probe_failed_due_to_regex": 0}},
		{"header does not match", "identity", header(httpprobe.AnswerHeader{Name: "X-Two", Matches: "^three$"}), probe.Header, "processing", `the header X-Two does not match "^three$"`, map[string]float64{"probe_failed_due_to_regex": 1}},
		{"header matches", "identity", header(httpprobe.AnswerHeader{Name: "X-Two", NotMatches: "^two$"}), probe.Header, "processing", "and must not", nil},
		{"header is missing", "identity", header(httpprobe.AnswerHeader{Name: "X-Three", Matches: "."}), probe.Header, "processing", "has no header X-Three", nil},
		{"header may be missing", "identity", header(httpprobe.AnswerHeader{Name: "X-Three", Matches: ".", AllowMissing: true}), "", "", "", nil},
		{"JSON", "identity", httpprobe.Config{Body: httpprobe.Body{JSON: `body.status == "pass"`}}, "", "", "", map[string]float64{"probe_failed_due_to_cel": 0, "probe_failed_due_to_regex": 0}},
		{"other JSON", "identity", httpprobe.Config{Body: httpprobe.Body{JSON: `body.status == "ok"`}}, probe.Body, "transfer", "is false of the body", map[string]float64{"probe_failed_due_to_cel": 1, "probe_failed_due_to_regex": 0}},
		{"no JSON", "gzip", httpprobe.Config{Body: httpprobe.Body{JSON: `body.status == "ok"`}}, probe.Body, "transfer", "the body is no JSON", map[string]float64{"probe_failed_due_to_cel": 1}},
		{"question", "echo", httpprobe.Config{Method: "POST", RequestBody: secret.New(`{"q": 1}`), Headers: map[string]secret.Text{"Content-Type": secret.New("application/json")}, Body: httpprobe.Body{Contains: `POST application/json {"q": 1}`}}, "", "", "", nil},
		{"question in a file", "echo", httpprobe.Config{Method: "POST", RequestBodyFile: file, Body: httpprobe.Body{Contains: `{"q": 2}`}}, "", "", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, page := look(t, Config{Target: server.URL + "/" + c.path, HTTP: c.http}, Options{})
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			for series, value := range c.series {
				page.wants(t, series, value)
			}
			if c.http.Body.JSON == "" {
				page.lacks(t, "probe_failed_due_to_cel")
			}
		})
	}
}

// TestHTTP_http2 is asked for HTTP/2, and not, by a server that has both.
func TestHTTP_http2(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	server := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{}), ok)
	for with, version := range map[bool]float64{true: 2, false: 1.1} {
		_, page := look(t, Config{Target: server.URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}, HTTP: httpprobe.Config{HTTP2: &with}}, Options{})
		page.wants(t, "probe_http_version", version)
	}
}

// TestHTTP_requestBodyStaysHere has a target that redirects a POST elsewhere.
func TestHTTP_requestBodyStaysHere(t *testing.T) {
	var leaked atomic.Value
	other := probetest.HTTP(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		leaked.Store(string(b))
	}))
	first := probetest.HTTP(t, http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	look(t, Config{Target: first.URL, HTTP: httpprobe.Config{Method: "POST", RequestBody: secret.New("password=hunter2")}}, Options{})
	if got := leaked.Load(); got != "" {
		t.Errorf("another server was sent %q", got)
	}
}

// proxyServer is an HTTP proxy that counts what it was asked for.
func proxyServer(t *testing.T, asked *atomic.Value) *httptest.Server {
	return probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.RequestURI + " " + r.Header.Get("Proxy-Authorization") + " " + r.Header.Get("X-Proxy"))
		if r.Method != http.MethodConnect {
			resp, err := http.Get(r.URL.String()) //nolint:noctx // a test's proxy
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			defer resp.Body.Close()
			w.WriteHeader(resp.StatusCode)
			_, _ = io.Copy(w, resp.Body)
			return
		}
		out, err := net.Dial("tcp", r.RequestURI)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer out.Close()
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(out, conn) }() // ends when either side closes
		_, _ = io.Copy(conn, out)
	}))
}

func TestHTTP_proxy(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	keys := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	secure := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{}), ok)
	plain := probetest.HTTP(t, ok)
	var asked atomic.Value
	proxy := proxyServer(t, &asked)

	r, page := look(t, Config{Target: secure.URL, TLS: keys, HTTP: httpprobe.Config{ProxyURL: proxy.URL}}, Options{})
	wantReason(t, r, page, "", "")
	if got := asked.Load(); got != "CONNECT "+strings.TrimPrefix(secure.URL, "https://")+"  " {
		t.Errorf("the proxy was asked for %q", got)
	}
	r, page = look(t, Config{Target: plain.URL + "/a?b=c", HTTP: httpprobe.Config{ProxyURL: proxy.URL}}, Options{})
	wantReason(t, r, page, "", "")
	if got := asked.Load(); got != "GET "+plain.URL+"/a?b=c  " {
		t.Errorf("the proxy was asked for %q", got)
	}

	// With a password, a header, and the name looked up here.
	u, _ := url.Parse(proxy.URL)
	u.User = url.UserPassword("moni", "mark3r")
	target, _ := url.Parse(strings.Replace(secure.URL, "127.0.0.1", "localhost", 1))
	roots, _ := tlscheck.LoadRoots(keys.CAFile)
	p, err := httpprobe.New(httpprobe.Options{
		URL: target, TLS: tlscheck.Options{Roots: roots},
		Proxy: &httpprobe.Proxy{URL: u, ConnectHeader: map[string][]secret.Text{"X-Proxy": {secret.New("key")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	result := p.Probe(t.Context())
	if !result.Success {
		t.Fatal(result.Explain())
	}
	if got := asked.Load().(string); !strings.Contains(got, " Basic bW9uaTptYXJrM3I= key") || strings.Contains(got, "localhost") {
		t.Errorf("the proxy was asked for %q", got)
	}
	if text := fmt.Sprintf("%+v", result.Steps); strings.Contains(text, "mark3r") {
		t.Errorf("the account has the password: %s", text)
	}

	// It cannot reach the target, or is not there.
	nobody := probetest.HTTP(t, ok)
	nobody.Close()
	r, page = look(t, Config{Target: strings.Replace(nobody.URL, "http:", "https:", 1), HTTP: httpprobe.Config{ProxyURL: proxy.URL}}, Options{})
	wantReason(t, r, page, probe.Status, "connect")
	if !strings.Contains(r.Explain(), "the proxy answers 502") {
		t.Error(r.Explain())
	}
	r, page = look(t, Config{Target: secure.URL, HTTP: httpprobe.Config{ProxyURL: nobody.URL}}, Options{})
	wantReason(t, r, page, probe.Refused, "connect")
	if !strings.Contains(r.Explain(), "the proxy: ") {
		t.Error(r.Explain())
	}
}

// TestHTTP_oauth2 fetches a token once for many looks, and again when it ends.
func TestHTTP_oauth2(t *testing.T) {
	var fetched atomic.Int32
	token := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		user, password, _ := r.BasicAuth()
		if user != "moni" || password != "mark3r" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "read" || r.FormValue("audience") != "api" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error": "invalid_client%s", "error_description": "mark3r is wrong"}`, r.FormValue("assertion"))
			return
		}
		fmt.Fprintf(w, `{"access_token": "token-%d", "token_type": "Bearer", "expires_in": 3600}`, fetched.Add(1))
	}))
	api := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization"))
	}))
	u, _ := url.Parse(api.URL)
	who := &httpprobe.OAuth2{ClientID: "moni", ClientSecret: secret.Source{Value: secret.New("mark3r")}, TokenURL: token.URL, Scopes: []string{"read"}, Params: map[string]secret.Text{"audience": secret.New("api")}}
	p, err := httpprobe.New(httpprobe.Options{URL: u, OAuth2: who, Body: httpprobe.BodyRules{Contains: "Bearer token-1"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if r := p.Probe(t.Context()); !r.Success {
			t.Fatal(r.Explain())
		}
	}
	if n := fetched.Load(); n != 1 {
		t.Errorf("%d tokens were fetched", n)
	}
	p, err = httpprobe.New(httpprobe.Options{URL: u, OAuth2: &httpprobe.OAuth2{
		ClientID: "moni", ClientSecret: secret.Source{Value: secret.New("mark4r")}, TokenURL: token.URL,
		Params: map[string]secret.Text{"assertion": secret.New("-mark5r")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := p.Probe(t.Context())
	if r.Unmeasured == nil || !strings.Contains(r.Unmeasured.Error(), "the token's server answers 401 invalid_client[redacted]") || strings.Contains(r.Unmeasured.Error(), "mark") {
		t.Errorf("without a token it says %v", r.Unmeasured)
	}
}

// TestHTTP_clientCertificateStaysHere shows the certificate to the target, and
// not to where it redirects to.
func TestHTTP_clientCertificateStaysHere(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	var shown atomic.Int32
	serve := func(h http.HandlerFunc) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.TLS = &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, probetest.Spec{})}, ClientAuth: tls.RequestClientCert}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	other := serve(func(_ http.ResponseWriter, r *http.Request) { shown.Store(int32(len(r.TLS.PeerCertificates))) })
	first := serve(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		http.Redirect(w, r, other.URL, http.StatusFound)
	})
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Name: "probe", Change: forClients, NotAfter: time.Now().Add(day)}))
	r, page := look(t, Config{Target: first.URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root), CertFile: cert, KeyFile: key}}, Options{})
	wantReason(t, r, page, "", "")
	if len(r.Hops) != 2 || shown.Load() != 0 {
		t.Errorf("%d hops, and %d certificates were shown to the second", len(r.Hops), shown.Load())
	}
}
