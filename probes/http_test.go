package probes

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tocsin/internal/secret"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/protocol"
	"tocsin/probes/tlscheck"
)

func TestHTTP_pageOfAGoodAnswer(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	server := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{Name: "portail"}), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
		fmt.Fprint(w, "hello, world")
	}))
	r, page := look(t, Config{Target: server.URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, Options{})
	wantReason(t, r, page, "", "")
	for series, value := range map[string]float64{
		"probe_http_status_code":                     200,
		"probe_http_version":                         2,
		"probe_http_ssl":                             1,
		"probe_http_redirects":                       0,
		"probe_http_content_length":                  12,
		"probe_http_uncompressed_body_length":        12,
		"probe_http_last_modified_timestamp_seconds": 1767323045,
		"probe_failed_due_to_regex":                  0,
		"probe_ip_protocol":                          4,
		"probe_ip_addr_hash":                         3.668918509e+09, // what blackbox_exporter says of 127.0.0.1
		"probe_timeout_seconds":                      5,
		`probe_tls_version_info{version="TLS 1.3"}`:  1,
	} {
		page.wants(t, series, value)
	}
	for _, phase := range []string{"connect", "tls", "processing", "transfer"} {
		if page[fmt.Sprintf("probe_http_duration_seconds{phase=%q}", phase)] <= 0 {
			t.Errorf("phase %s took no time", phase)
		}
	}
}

func TestHTTP_looksAfresh(t *testing.T) {
	var mu sync.Mutex
	connections := 0
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	server := httptest.NewUnstartedServer(ok)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			mu.Lock()
			connections++
			mu.Unlock()
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c, err := New(Config{Target: server.URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		lookWith(t, c)
	}
	mu.Lock()
	defer mu.Unlock()
	if connections != 5 {
		t.Errorf("5 looks made %d connections", connections)
	}
}

func TestHTTP_rules(t *testing.T) {
	server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/teapot":
			w.WriteHeader(http.StatusTeapot)
		case "/away":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound) // no Location
		}
		fmt.Fprintf(w, "%s says Welcome", r.Method)
	}))
	off := false
	for _, c := range []struct {
		name   string
		cfg    Config
		reason probe.Reason
		says   string
	}{
		{"as it should be", Config{Target: "/"}, "", ""},
		{"a status that is wanted", Config{Target: "/teapot", HTTP: httpprobe.Config{Status: httpprobe.Statuses{"200", "418"}}}, "", ""},
		{"a class that is wanted", Config{Target: "/teapot", HTTP: httpprobe.Config{Status: httpprobe.Statuses{"4xx"}}}, "", ""},
		{"a range that is wanted", Config{Target: "/teapot", HTTP: httpprobe.Config{Status: httpprobe.Statuses{"410-420"}}}, "", ""},
		{"a good status that is not wanted", Config{Target: "/", HTTP: httpprobe.Config{Status: httpprobe.Statuses{"401", "500-503"}}}, probe.Status, "200 OK, not 401 or 500 to 503"},
		{"a status that is not wanted", Config{Target: "/teapot"}, probe.Status, "418 I'm a teapot, not 2xx"},
		{"redirect followed", Config{Target: "/away"}, "", ""},
		{"redirect not followed", Config{Target: "/away", HTTP: httpprobe.Config{FollowRedirects: &off}}, probe.Status, "302 Found"},
		{"redirect wanted", Config{Target: "/away", HTTP: httpprobe.Config{FollowRedirects: &off, Status: httpprobe.Statuses{"302"}}}, "", ""},
		{"redirect without a place", Config{Target: "/nowhere"}, probe.Status, "302 Found"},
		{"method", Config{Target: "/", HTTP: httpprobe.Config{Method: "POST", Body: httpprobe.Body{Contains: "POST says"}}}, "", ""},
		{"HEAD", Config{Target: "/", HTTP: httpprobe.Config{Method: "HEAD"}}, "", ""},
		{"contains", Config{Target: "/", HTTP: httpprobe.Config{Body: httpprobe.Body{Contains: "Welcome"}}}, "", ""},
		{"contains not", Config{Target: "/", HTTP: httpprobe.Config{Body: httpprobe.Body{Contains: "welcome"}}}, probe.Body, `does not contain "welcome"`},
		{"matches", Config{Target: "/", HTTP: httpprobe.Config{Body: httpprobe.Body{Matches: "(?i)wel.ome$"}}}, "", ""},
		{"matches not", Config{Target: "/", HTTP: httpprobe.Config{Body: httpprobe.Body{Matches: "^Welcome"}}}, probe.Body, `does not match "^Welcome"`},
		{"matches what it must not", Config{Target: "/", HTTP: httpprobe.Config{Body: httpprobe.Body{NotMatches: "Welc"}}}, probe.Body, "must not"},
		{"larger than it may be", Config{Target: "/", HTTP: httpprobe.Config{Body: httpprobe.Body{MaxBytes: 10}}}, probe.TooLarge, "at most 10"},
		{"as large as it may be", Config{Target: "/", HTTP: httpprobe.Config{Body: httpprobe.Body{MaxBytes: 16}}}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Target = server.URL + c.cfg.Target
			r, page := look(t, c.cfg, Options{})
			phase := ""
			switch c.reason {
			case probe.Status:
				phase = "processing"
			case probe.Body, probe.TooLarge:
				phase = "transfer"
			}
			wantReason(t, r, page, c.reason, phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("the words %q do not say %q", r.Explain(), c.says)
			}
			regex := 0.0
			if c.reason == probe.Body {
				regex = 1
			}
			page.wants(t, "probe_failed_due_to_regex", regex)
			if c.name == "redirect followed" {
				page.wants(t, "probe_http_redirects", 1)
			}
		})
	}
}

// TestHTTP_keepsCookies follows an application that redirects in a circle
// until its cookie comes back.
func TestHTTP_keepsCookies(t *testing.T) {
	server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("session"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
			http.Redirect(w, r, "/", http.StatusFound)
		}
	}))
	r, page := look(t, Config{Target: server.URL}, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_http_redirects", 1)
}

// heard is what servers were told.
type heard struct {
	mu  sync.Mutex
	all map[string][]string // by host and path: Authorization, X-Key and Host
}

func (h *heard) note(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[string][]string{}
	}
	host, _, _ := net.SplitHostPort(r.Host)
	cookie := r.Header.Get("Cookie")
	h.all[host+r.URL.Path] = []string{r.Header.Get("Authorization"), r.Header.Get("X-Key"), cookie}
}

// TestHTTP_credentialsStayAtHome redirects the probe from its target to another
// host and back: only the target may see what is meant for it.
func TestHTTP_credentialsStayAtHome(t *testing.T) {
	var said heard
	var home, away string
	server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said.note(r)
		switch r.URL.Path {
		case "/":
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Domain: "example"})
			http.Redirect(w, r, home+"/inside", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, strings.Replace(away, "http://", "http://thief:pw@", 1)+"/login", http.StatusTemporaryRedirect)
		case "/login":
			http.Redirect(w, r, home+"/back", http.StatusSeeOther)
		}
	}))
	u, _ := url.Parse(server.URL)
	home, away = "http://home.example:"+u.Port(), "http://away.example:"+u.Port()
	token := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(token, []byte("k3y-in-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, page := look(t, Config{
		Target: home, Login: protocol.Login{Username: "moni", Password: secret.New("s3cret-word")},
		HTTP: httpprobe.Config{HeadersFile: map[string]string{"X-Key": token}},
	}, Options{Lookup: localhost})
	wantReason(t, r, page, "", "")
	const basic = "Basic bW9uaTpzM2NyZXQtd29yZA=="
	for place, want := range map[string][]string{
		"home.example/":       {basic, "k3y-in-a-file", ""},
		"home.example/inside": {basic, "k3y-in-a-file", "session=1"},
		"away.example/login":  {"", "", ""},
		"home.example/back":   {basic, "k3y-in-a-file", "session=1"},
	} {
		if got := said.all[place]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s was told %q, want %q", place, got, want)
		}
	}
}

// TestHTTP_noSecretLeaks has a server that echoes what it was told wherever it
// can: in a header, a redirect, nonsense in place of an answer.
func TestHTTP_noSecretLeaks(t *testing.T) {
	const marker = "mark3r-Secret"
	echo := func(format string) string {
		return probetest.TCP(t, func(c net.Conn) {
			probetest.ReadRequest(c)
			_, _ = fmt.Fprintf(c, format, marker, "bW9uaTptYXJrM3ItU2VjcmV0")
		})
	}
	for _, c := range []struct{ name, answer string }{
		{"nonsense", "%s %s nonsense\r\n\r\n"},
		{"status line", "HTTP/1.1 500 %s %s\r\n\r\n"},
		{"header", "HTTP/1.1 200 OK\r\n%s\r\n%s\r\n\r\n"},
		{"redirect's query", "HTTP/1.1 302 Found\r\nLocation: /?token=%s&%s\r\n\r\n"},
		{"redirect's path", "HTTP/1.1 302 Found\r\nLocation: /%s/%s\r\n\r\n"},
		{"redirect's host", "HTTP/1.1 302 Found\r\nLocation: http://%s.%s.invalid/\r\n\r\n"},
		{"redirect's scheme", "HTTP/1.1 302 Found\r\nLocation: %s.%s://x\r\n\r\n"},
		{"redirect's user", "HTTP/1.1 302 Found\r\nLocation: http://%s:%s@nowhere.invalid/\r\n\r\n"},
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: %s%s\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{
				Target: "http://" + echo(c.answer) + "/?key=" + marker, Login: protocol.Login{Username: "moni", Password: secret.New(marker)},
				HTTP: httpprobe.Config{Headers: map[string]secret.Text{"X-Key": secret.New(marker)}},
			}
			r, page := look(t, cfg, Options{Lookup: localhost})
			if r.Success && c.name != "header" {
				t.Error("the probe was to fail")
			}
			var text, js strings.Builder
			_ = WriteText(&text, &r, true)
			_ = WriteJSON(&js, &r)
			for where, shown := range map[string]string{
				"result": fmt.Sprintf("%+v", r), "account": text.String(), "JSON": js.String(), "page": fmt.Sprint(page),
				"words": r.Explain(), "instance": cfg.Instance(), "slug": cfg.Slug(), "config": fmt.Sprintf("%+v", cfg.HTTP.Headers),
			} {
				for _, hidden := range []string{marker, "bW9uaTptYXJrM3ItU2VjcmV0"} {
					if strings.Contains(strings.ToLower(shown), strings.ToLower(hidden)) {
						t.Errorf("the %s shows the secret: %s", where, shown)
					}
				}
			}
		})
	}
}

func TestHTTP_asksByAnotherName(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	server := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{Hosts: []string{"portail.example"}}), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.ServerName+" "+r.Host)
	}))
	r, page := look(t, Config{
		Target: server.URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root), ServerName: "portail.example"},
		HTTP: httpprobe.Config{
			Headers: map[string]secret.Text{"host": secret.New("www.portail.example")},
			Body:    httpprobe.Body{Contains: "portail.example www.portail.example"},
		},
	}, Options{})
	wantReason(t, r, page, "", "")
}

// TestHTTP_hostsAreBounded has a server that redirects to a new name each time:
// the label host must not follow it for ever.
func TestHTTP_hostsAreBounded(t *testing.T) {
	n := 0
	var server *httptest.Server
	server = probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		u, _ := url.Parse(server.URL)
		http.Redirect(w, r, fmt.Sprintf("http://n%d.example:%s/", n, u.Port()), http.StatusFound)
	}))
	c, err := New(Config{Target: server.URL}, Options{Lookup: localhost})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for range 20 {
		r, _ := lookWith(t, c)
		for _, h := range r.Hops {
			names[h.Host] = true
		}
	}
	if n < 100 || len(names) > 25 || !names["other"] {
		t.Errorf("%d redirects made %d names", n, len(names))
	}
}

// TestHTTP_forbiddenOnTheWay leads from an allowed address to another.
func TestHTTP_forbiddenOnTheWay(t *testing.T) {
	inside := probetest.HTTP(t, ok)
	server := probetest.HTTP(t, http.RedirectHandler(strings.Replace(inside.URL, "127.0.0.1", "metadata.example", 1), http.StatusFound))
	r, page := look(t, Config{Target: server.URL}, Options{
		Lookup: func(_ ctx, host string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.9")}, nil
		},
		AllowAddress: func(a netip.Addr) error {
			if a.String() != "127.0.0.1" {
				return fmt.Errorf("it is not named in probe_allow")
			}
			return nil
		},
	})
	wantReason(t, r, page, probe.BlockedAddress, "connect")
	if len(r.Hops) != 2 || !strings.Contains(r.Explain(), "127.0.0.9: it is not named") {
		t.Errorf("%d hops: %s", len(r.Hops), r.Explain())
	}
}

// TestHTTP_whatComesAfterAnAnswerIsNotLogged has a server that says the
// password again behind its answer, where net/http finds it unasked for.
func TestHTTP_whatComesAfterAnAnswerIsNotLogged(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	server := probetest.TCP(t, func(c net.Conn) {
		head := make([]byte, 1024)
		n, _ := c.Read(head)
		_, authorization, _ := strings.Cut(string(head[:n]), "Authorization: ")
		authorization, _, _ = strings.Cut(authorization, "\r\n")
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc%s", authorization)
		probetest.Hang(c)
	})
	for range 20 {
		r, page := look(t, Config{Target: "http://" + server, Login: protocol.Login{Username: "moni", Password: secret.New("mark3r")}}, Options{})
		wantReason(t, r, page, "", "")
	}
	log.SetOutput(os.Stderr) // what was written is written
	if strings.Contains(logged.String(), "Unsolicited") || strings.Contains(logged.String(), "Basic ") {
		t.Errorf("the log has it: %s", logged.String())
	}
}
