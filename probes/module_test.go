package probes

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tocsin/internal/problem"
	"tocsin/probes/blackbox"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// What blackbox_exporter's modules may have since a later version than
// Debian's, so that no pair of TestCompat can show it. What is expected is what
// the documentation and the source of 0.28 say: CONFIGURATION.md, prober/*.go.

// readModules reads a blackbox.yml that has these modules and stands beside
// these files.
func readModules(t *testing.T, text string, files map[string]string) *blackbox.Modules {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "blackbox.yml"), []byte("modules:\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := problem.New()
	m := blackbox.Read(p, dir, []string{"blackbox.yml"})
	for _, wrong := range p.All() {
		t.Fatal(wrong.Text)
	}
	return m
}

func ask(t *testing.T, m *blackbox.Modules, module, target string, d blackbox.Dial) (Result, page) {
	t.Helper()
	found, ok := m.Find(module)
	if !ok {
		t.Fatalf("no module %s", module)
	}
	prober, err := found.New(target, "", d)
	if err != nil {
		t.Fatal(err)
	}
	r := prober.Probe(t.Context())
	if r.Unmeasured != nil {
		t.Fatal(r.Unmeasured)
	}
	families, err := Page(prober, &r)
	if err != nil {
		t.Fatal(err)
	}
	return r, pageOf(families)
}

func TestModule_files(t *testing.T) {
	server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s %s|%s:%s|%s", r.Method, body, user, password, strings.Join(r.Header["X-Many"], ","))
	}))
	m := readModules(t, `
  body: {prober: http, http: {method: POST, body_file: question.json, fail_if_body_not_matches_regexp: ['^POST \{"q": 1\}\|']}}
  user: {prober: http, http: {basic_auth: {username_file: user, password_file: password}, fail_if_body_not_matches_regexp: ['\|moni:mark3r\|']}}
  headers: {prober: http, http: {http_headers: {X-Many: {values: [a, b], secrets: [mark3r], files: [header]}}, fail_if_body_not_matches_regexp: ['\|a,b,mark3r,from-file$']}}
`, map[string]string{"question.json": `{"q": 1}`, "user": "moni", "password": "mark3r\n", "header": "from-file"})
	for _, module := range m.Names() {
		r, page := ask(t, m, module, server.URL, blackbox.Dial{})
		wantReason(t, r, page, "", "")
	}
}

// TestModule_cel is what fails and how probe_failed_due_to_cel tells so: the
// series is there when a module has an expression, and only then.
// TestModule_bodiesThatAreLookedInto has a page that is longer than what is kept
// in memory of one.
func TestModule_bodiesThatAreLookedInto(t *testing.T) {
	server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range httpprobe.DefaultMaxBody/(1<<20) + 1 {
			_, _ = w.Write(make([]byte, 1<<20))
		}
	}))
	m := readModules(t, "  counted: {prober: http}\n  read: {prober: http, http: {fail_if_body_matches_regexp: [x]}}\n"+
		"  bounded: {prober: http, http: {fail_if_body_matches_regexp: [x], body_size_limit: 20MB}}\n", nil)
	for module, want := range map[string]Reason{"counted": "", "read": probe.TooLarge, "bounded": ""} {
		if r, _ := ask(t, m, module, server.URL, blackbox.Dial{}); r.Reason != want {
			t.Errorf("%s: %s", module, r.Explain())
		}
	}
}

func TestModule_cel(t *testing.T) {
	server := probetest.HTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/list" {
			fmt.Fprint(w, `[{"n": 1}, {"n": 2}]`)
			return
		}
		if r.URL.Path == "/down" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, map[string]string{"/text": "it works"}[r.URL.Path], `{"status": "pass", "n": 3}`)
	}))
	m := readModules(t, `
  matches: {prober: http, http: {fail_if_body_json_matches_cel: 'body.status == "pass"'}}
  matches_not: {prober: http, http: {fail_if_body_json_matches_cel: 'body.status == "fail"'}}
  wants: {prober: http, http: {fail_if_body_json_not_matches_cel: 'body.status == "pass" && body.n > 2.0'}}
  wants_other: {prober: http, http: {fail_if_body_json_not_matches_cel: 'body.status == "ok"'}}
  both: {prober: http, http: {fail_if_body_json_matches_cel: 'body.n > 3.0', fail_if_body_json_not_matches_cel: 'body.n == 3.0'}}
  lacks: {prober: http, http: {fail_if_body_json_not_matches_cel: 'body.nothing == 1'}}
  number: {prober: http, http: {fail_if_body_json_matches_cel: 'body.n'}}
  list: {prober: http, http: {fail_if_body_json_not_matches_cel: 'body[1].n == 2.0'}}
  regexp: {prober: http, http: {fail_if_body_not_matches_regexp: [pass], fail_if_body_json_matches_cel: 'body.status == "fail"'}}
  none: {prober: http}
`, nil)
	for _, c := range []struct {
		module, path string
		reason       Reason
		cel          float64 // -1: the series is not there
	}{
		{"matches", "/", probe.Body, 1},
		{"matches_not", "/", "", 0},
		{"wants", "/", "", 0},
		{"wants_other", "/", probe.Body, 1},
		{"both", "/", "", 0},
		{"lacks", "/", probe.Body, 1},
		{"number", "/", probe.Body, 1},
		{"list", "/list", "", 0},
		{"wants", "/text", probe.Body, 1},
		{"wants", "/down", probe.Status, 0},
		{"regexp", "/", "", 0},
		{"none", "/", "", -1},
	} {
		r, page := ask(t, m, c.module, server.URL+c.path, blackbox.Dial{})
		if r.Reason != c.reason {
			t.Errorf("%s %s: the reason is %q (%v), want %q", c.module, c.path, r.Reason, r.Err, c.reason)
		}
		page.wants(t, "probe_failed_due_to_regex", 0)
		if c.cel < 0 {
			page.lacks(t, "probe_failed_due_to_cel")
		} else {
			page.wants(t, "probe_failed_due_to_cel", c.cel)
		}
	}
}

// TestModule_proxies has targets that are asked for by a proxy, or not, by
// their names and by their addresses.
func TestModule_proxies(t *testing.T) {
	var asked atomic.Value
	proxy := probetest.HTTP(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked.Store(r.RequestURI) }))
	var straight atomic.Int32
	server := probetest.HTTP(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { straight.Add(1) }))
	port := portOf(strings.TrimPrefix(server.URL, "http://"))
	// intern.example is this machine, which is never asked for by a proxy of
	// the environment; www.example is elsewhere, where nothing is sent.
	d := blackbox.Dial{Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr(map[string]string{"intern.example": "127.0.0.1", "www.example": "192.0.2.1"}[host])}, nil
	}}
	module := func(keys string) *blackbox.Modules {
		return readModules(t, "  m: {prober: http, http: {"+keys+"}}", nil)
	}
	given := "proxy_url: '" + proxy.URL + "'"
	environment := "proxy_from_environment: true"
	for _, c := range []struct {
		keys, noProxy, target string
		asked                 string // empty: the proxy is not
	}{
		{given, "", "www.example", "http://www.example/"},
		{given + ", skip_resolve_phase_with_proxy: true", "", "www.example", "http://www.example/"},
		{given, "", "intern.example:" + port, "http://intern.example:" + port + "/"},
		{given + ", no_proxy: 'a.example,intern.example'", "", "intern.example:" + port, ""},
		{given + ", no_proxy: .example", "", "intern.example:" + port, ""},
		{given + ", no_proxy: 127.0.0.0/8", "", "intern.example:" + port, ""},
		{given + ", no_proxy: 10.0.0.0/8", "", "www.example", "http://www.example/"},
		{given + ", no_proxy: intern.example, skip_resolve_phase_with_proxy: true", "", "intern.example:" + port, ""},
		{environment, "", "www.example", "http://www.example/"},
		{environment, "intern.example", "intern.example:" + port, ""},
		{environment, "", "intern.example:" + port, ""},
	} {
		t.Setenv("HTTP_PROXY", proxy.URL)
		t.Setenv("NO_PROXY", c.noProxy)
		asked.Store("")
		straight.Store(0)
		r, page := ask(t, module(c.keys), "m", c.target, d)
		wantReason(t, r, page, "", "")
		if got := asked.Load(); got != c.asked || straight.Load() != map[bool]int32{true: 1}[c.asked == ""] {
			t.Errorf("%s %s: the proxy was asked for %q, the server %d times; want %q", c.keys, c.target, got, straight.Load(), c.asked)
		}
	}
}

func TestModule_metadata(t *testing.T) {
	server := probetest.GRPC(t, nil, grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if sent, _ := metadata.FromIncomingContext(ctx); strings.Join(sent["x-key"], ",") != "mark3r,other" {
			return nil, status.Error(codes.Unauthenticated, "no key")
		}
		return next(ctx, req)
	}))
	m := readModules(t, `
  with: {prober: grpc, grpc: {metadata: {x-key: [mark3r, other]}}}
  without: {prober: grpc}
`, nil)
	r, page := ask(t, m, "with", server, blackbox.Dial{})
	wantReason(t, r, page, "", "")
	r, page = ask(t, m, "without", server, blackbox.Dial{})
	wantReason(t, r, page, probe.Status, "processing")
	page.wants(t, "probe_grpc_status_code", float64(codes.Unauthenticated))
}
