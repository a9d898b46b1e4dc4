package probes

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/probes/allow"
	"tocsin/probes/gradecheck"
	"tocsin/probes/httpprobe"
	journeys "tocsin/probes/journey"
	"tocsin/probes/oidccheck"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/samlcheck"
	"tocsin/probes/tlscheck"
)

// outside is a network in which www.ville.test is a public site, whatever its
// port, and all other names are this machine; server is behind the site.
func outside(t *testing.T, server *httptest.Server) Options {
	t.Helper()
	return Options{
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host == "www.ville.test" {
				return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
		Dial: func(ctx context.Context, network, to string) (net.Conn, error) {
			switch host, _, _ := net.SplitHostPort(to); {
			case host == "93.184.216.34":
				to = server.Listener.Addr().String()
			case strings.HasPrefix(host, "169.254."):
				t.Errorf("%s was dialled", to)
			}
			return (&net.Dialer{}).DialContext(ctx, network, to)
		},
	}
}

// TestGuarded_everyWay has a public site that leads all who follow it to the
// metadata of a cloud, and into this machine: none goes there.
func TestGuarded_everyWay(t *testing.T) {
	t.Parallel()
	inside := probetest.HTTP(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the inside was reached") }))
	within := strings.Replace(inside.URL, "127.0.0.1", "inside.test", 1)
	for _, to := range []struct{ url, line string }{
		{"http://169.254.169.254/latest", `probe_allow: ["169.254.169.254"]`},
		{within, `probe_allow: ["127.0.0.1"]`},
		{inside.URL, `probe_allow: ["127.0.0.1"]`},
	} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/.well-known/openid-configuration" {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"issuer":"https://www.ville.test","jwks_uri":"https://www.ville.test/keys","authorization_endpoint":"https://www.ville.test/a","response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`)
				return
			}
			http.Redirect(w, r, to.url, http.StatusFound)
		})
		opts := outside(t, probetest.HTTP(t, handler))
		for name, section := range map[string]httpprobe.Config{
			"page":     {},
			"journey":  {Journey: []journeys.Step{{Name: "one", URL: "/"}}},
			"metadata": {SAMLMetadata: &samlcheck.Config{}},
		} {
			r, page := look(t, Config{Target: "http://www.ville.test/", HTTP: section}, opts)
			wantReason(t, r, page, probe.BlockedAddress, "connect")
			if !strings.Contains(r.Explain(), to.line) {
				t.Errorf("%s to %s: %s", name, to.url, r.Explain())
			}
		}
		// What a document names, and a look beside.
		root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
		secure := outside(t, probetest.HTTPS(t, root.Leaf(t, probetest.Spec{Hosts: []string{"www.ville.test"}}), handler))
		keys := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
		r, _ := look(t, Config{Target: "https://www.ville.test", TLS: keys, HTTP: httpprobe.Config{OIDC: &oidccheck.Config{}}}, secure)
		if r.Success || !strings.Contains(r.Explain(), to.line) {
			t.Errorf("keys at %s: %s", to.url, r.Explain())
		}
		cfg := Config{Target: "https://www.ville.test/", HTTP: httpprobe.Config{HeaderGrade: &gradecheck.Config{}}}
		cfg.SetDefaults()
		second, err := cfg.beside(&secure)
		if err != nil {
			t.Fatal(err)
		}
		if r := second.Prober.Probe(t.Context()); !strings.Contains(fmt.Sprint(r.Steps), to.line) {
			t.Errorf("graded by way of %s: %v", to.url, r.Steps)
		}
	}
}

// TestGuarded_whatMayBe has what the site says, and what is inside anyway.
func TestGuarded_whatMayBe(t *testing.T) {
	t.Parallel()
	inside := probetest.HTTP(t, ok)
	within := strings.Replace(inside.URL, "127.0.0.1", "inside.test", 1)
	u, _ := url.Parse(inside.URL)
	opts := outside(t, probetest.HTTP(t, http.RedirectHandler(within, http.StatusFound)))
	for name, l := range map[string]*allow.List{
		"its network":   allow.New([]string{"127.0.0.0/8"}, nil, nil),
		"its name":      allow.New([]string{"inside.test"}, nil, nil),
		"a probe of it": allow.New(nil, []allow.Target{{Host: "inside.test", Port: 22}}, nil),
		"a host":        allow.New(nil, nil, []string{"inside.test"}),
	} {
		opts.Allowed = func() *allow.List { return l }
		if r, _ := look(t, Config{Target: "http://www.ville.test/"}, opts); !r.Success {
			t.Errorf("%s is named: %s", name, r.Explain())
		}
	}
	opts.Allowed = nil
	// The entry itself names it.
	r, _ := look(t, Config{Target: "http://www.ville.test/", HTTP: httpprobe.Config{Journey: []journeys.Step{{Name: "one", URL: "/", EndsAt: within}}}}, opts)
	if !r.Success {
		t.Error(r.Explain())
	}
	// A target that is inside leads where it likes there, and not to metadata.
	for to, want := range map[string]bool{"http://other.test:" + u.Port(): true, "http://169.254.169.254/": false} {
		intranet := probetest.HTTP(t, http.RedirectHandler(to, http.StatusFound))
		r, _ := look(t, Config{Target: strings.Replace(intranet.URL, "127.0.0.1", "intranet.test", 1)}, opts)
		if r.Success != want || !want && r.Reason != probe.BlockedAddress {
			t.Errorf("from inside to %s: %s", to, r.Explain())
		}
	}
}

// TestGuarded_names has names that lead to metadata, asked by protocols that
// follow nowhere.
func TestGuarded_names(t *testing.T) {
	t.Parallel()
	opts := outside(t, probetest.HTTP(t, ok))
	opts.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
	}
	for _, target := range []string{"ws://www.ville.test/", "tcp://www.ville.test:80", "grpc://www.ville.test:80", "icmp://www.ville.test"} {
		r, page := look(t, Config{Target: target}, opts)
		wantReason(t, r, page, probe.BlockedAddress, "connect")
	}
	r, err := Run(t.Context(), Config{Target: "http://www.ville.test/"}, opts) // as tocsin probe does
	if err != nil || r.Reason != probe.BlockedAddress {
		t.Errorf("%v %s", err, r.Explain())
	}
}

// TestGuarded_byProxy has a target behind a proxy that redirects to what may
// not be asked for: the proxy is not asked.
func TestGuarded_byProxy(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"http://169.254.169.254/latest", "http://2852039166/latest", "http://localhost/", "http://metadata.google.internal/", "https://169.254.169.254/"} {
		var asked []string
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Host)
			http.Redirect(w, r, to, http.StatusFound)
		}))
		t.Cleanup(proxy.Close)
		r, err := Run(t.Context(), Config{Target: "http://www.ville.test/", HTTP: httpprobe.Config{ProxyURL: proxy.URL}, Timeout: 5e9}, Options{})
		if err != nil || r.Reason != probe.BlockedAddress || !strings.Contains(r.Explain(), "probe_allow: [") {
			t.Errorf("%s: %v %s", to, err, r.Explain())
		}
		if len(asked) != 1 || asked[0] != "www.ville.test" {
			t.Errorf("%s: the proxy was asked for %v", to, asked)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "bienvenue") }))
	t.Cleanup(proxy.Close)
	if r, err := Run(ctx, Config{Target: "http://169.254.7.7/", HTTP: httpprobe.Config{ProxyURL: proxy.URL}}, Options{}); err != nil || !r.Success {
		t.Errorf("the target's own address: %v %s", err, r.Explain())
	}
}
