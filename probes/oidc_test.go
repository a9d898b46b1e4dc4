package probes

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"tocsin/probes/httpprobe"
	journeys "tocsin/probes/journey"
	"tocsin/probes/oidccheck"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// overTLS serves a handler that is made for the server's own address, called
// connexion.ville.example.
func overTLS(t *testing.T, make func(issuer string) http.Handler) (issuer, ca string) {
	t.Helper()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	var handler http.Handler
	server := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{Hosts: []string{"connexion.ville.example"}}),
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	issuer = strings.Replace(server.URL, "127.0.0.1", "connexion.ville.example", 1)
	handler = make(issuer)
	return issuer, probetest.WritePEM(t, root)
}

// A provider that the OpenID Foundation has certified (zitadel's library) is
// good, and leads to its login form.
func TestOIDC_realProvider(t *testing.T) {
	issuer, ca := overTLS(t, func(issuer string) http.Handler {
		storage.RegisterClients(storage.WebClient("web", "secret", "https://demarches.ville.example/callback"))
		return exampleop.SetupServer(issuer, storage.NewStorage(storage.NewUserStore(issuer)), slog.New(slog.DiscardHandler), false)
	})
	r, page := look(t, Config{Target: issuer, TLS: tlscheck.Config{CAFile: ca}, HTTP: httpprobe.Config{OIDC: &oidccheck.Config{}}}, Options{Lookup: localhost})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_oidc_usable_keys", 1)
	page.wants(t, `probe_oidc_keys{kty="RSA",use="sig"}`, 1)
	page.lacks(t, "probe_oidc_problem_info")
	page.wants(t, "probe_http_redirects", 0)

	// From the same document a journey finds its way to the login form.
	question := url.Values{"client_id": {"web"}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {"https://demarches.ville.example/callback"}, "state": {"s"}}
	r, page = look(t, Config{Target: issuer, TLS: tlscheck.Config{CAFile: ca}, HTTP: httpprobe.Config{Journey: []journeys.Step{
		{Name: "login", URL: "/auth?" + question.Encode(), EndsAt: issuer + "/login/username", Fields: []string{"username", "password"}},
	}}}, Options{Lookup: localhost})
	wantReason(t, r, page, "", "")
	page.wants(t, `probe_journey_step_requests{step="login"}`, 2)
}

// provider is one after the specification, that a test then spoils.
type provider struct {
	document map[string]any
	keys     any
	status   int    // of the keys
	page     string // in place of the document
}

const goodRSA = `{"kty":"RSA","use":"sig","alg":"RS256","kid":"a","e":"AQAB","n":"%s"}`

func rsaKey(bits int) map[string]any {
	var k map[string]any
	n := strings.Repeat("_", bits/6) + "w"
	if err := json.Unmarshal(fmt.Appendf(nil, goodRSA, n), &k); err != nil {
		panic(err)
	}
	return k
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case p.page != "":
		fmt.Fprint(w, p.page)
	case strings.HasSuffix(r.URL.Path, "/keys"):
		w.WriteHeader(p.status)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": p.keys})
	default:
		_ = json.NewEncoder(w).Encode(p.document)
	}
}

func TestOIDC_faults(t *testing.T) {
	for _, c := range []struct {
		name     string
		spoil    func(p *provider)
		problems []string
		fails    bool
		text     string
		usable   float64
	}{
		{"all is well", func(*provider) {}, nil, false, "", 1},
		{"another issuer", func(p *provider) { p.document["issuer"] = p.document["issuer"].(string) + "/" }, []string{"issuer"}, true, "clients compare to the letter", 1},
		{"a page in place of the document", func(p *provider) { p.page = "<html>" }, []string{"document"}, true, "the answer is no discovery document: invalid character", -1},
		{"null", func(p *provider) { p.page = "null" }, []string{"document"}, true, "but null", -1},
		{"fields are missing", func(p *provider) { delete(p.document, "token_endpoint"); delete(p.document, "subject_types_supported") }, []string{"missing_field"}, true, "lacks token_endpoint, subject_types_supported", 1},
		{"the implicit flow has no token endpoint", func(p *provider) {
			delete(p.document, "token_endpoint")
			p.document["response_types_supported"] = []string{"id_token"}
		}, nil, false, "", 1},
		{"an address without TLS", func(p *provider) { p.document["userinfo_endpoint"] = "http://connexion.ville.example/userinfo" }, []string{"endpoint"}, true, "userinfo_endpoint is no https:// address", 1},
		{"the keys do not come", func(p *provider) { p.status = http.StatusBadGateway }, []string{"keys_unreachable"}, true, "do not come: the answer is 502 Bad Gateway, not 200", -1},
		{"no keys", func(p *provider) { p.keys = []any{} }, []string{"no_usable_key"}, true, "none of the 0 keys verifies tokens signed by RS256", 0},
		{"no set", func(p *provider) { p.keys = "x" }, []string{"key_set"}, true, "it is no JSON set of keys", -1},
		{"a short key beside a good one", func(p *provider) { p.keys = append(p.keys.([]any), with(rsaKey(1024), "kid", "b")) }, []string{"weak_key"}, false, "", 1},
		{"a short key alone", func(p *provider) { p.keys = []any{rsaKey(1024)} }, []string{"weak_key", "no_usable_key"}, true, "none of the 1 keys", 0},
		{"keys for encryption alone", func(p *provider) { p.keys = []any{with(rsaKey(2048), "use", "enc")} }, []string{"no_usable_key"}, true, "none of", 0},
		{"keys of another algorithm", func(p *provider) { p.keys = []any{with(rsaKey(2048), "alg", "PS512")} }, []string{"no_usable_key"}, true, "signed by RS256", 0},
		{"keys of one name", func(p *provider) { p.keys = append(p.keys.([]any), rsaKey(2048)) }, []string{"key_id_repeated"}, true, "2 keys have the same identifier", 2},
		{"a key without a name", func(p *provider) { p.keys = append(p.keys.([]any), with(rsaKey(2048), "kid", "")) }, []string{"key_id_missing"}, true, "1 of 2 keys have no identifier", 2},
		{"the secret part is published", func(p *provider) { p.keys = []any{with(rsaKey(2048), "d", "AQAB")} }, []string{"private_key"}, true, "shows its secret part", 1},
		{"a shared secret is published", func(p *provider) { p.keys = []any{map[string]any{"kty": "oct", "k": "AQAB"}} }, []string{"private_key", "no_usable_key"}, true, "shows its secret part", 0},
		{"a point off its curve", func(p *provider) {
			p.document["id_token_signing_alg_values_supported"] = []string{"ES256"}
			p.keys = []any{map[string]any{"kty": "EC", "crv": "P-256", "x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43)}}
		}, []string{"no_usable_key"}, true, "none of", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer, ca := overTLS(t, func(issuer string) http.Handler {
				p := &provider{status: http.StatusOK, keys: []any{rsaKey(2048)}, document: map[string]any{
					"issuer": issuer, "authorization_endpoint": issuer + "/auth", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys",
					"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
				}}
				c.spoil(p)
				return p
			})
			r, page := look(t, Config{Target: issuer, TLS: tlscheck.Config{CAFile: ca}, HTTP: httpprobe.Config{OIDC: &oidccheck.Config{}}}, Options{Lookup: localhost})
			reason := probe.Reason("")
			if c.fails {
				reason = probe.Body
			}
			if r.Reason != reason || !strings.Contains(r.Explain(), c.text) {
				t.Errorf("it says %q, want %q", r.Explain(), c.text)
			}
			for _, p := range c.problems {
				page.wants(t, fmt.Sprintf("probe_oidc_problem_info{problem=%q}", p), 1)
			}
			if c.problems == nil {
				page.lacks(t, "probe_oidc_problem_info")
			}
			if c.usable >= 0 {
				page.wants(t, "probe_oidc_usable_keys", c.usable)
			} else {
				page.lacks(t, "probe_oidc_usable_keys")
			}
		})
	}
}

func with(key map[string]any, field string, value any) map[string]any {
	key[field] = value
	return key
}

// The issuer is the target as it is written, or what the key says.
func TestOIDC_issuer(t *testing.T) {
	var asked string
	issuer, ca := overTLS(t, func(string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.URL.Path
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "https://else.example"})
		})
	})
	for target, want := range map[string]string{
		issuer + "/realms/ville":                                  `not "` + issuer + `/realms/ville"`,
		issuer + "/realms/ville/":                                 `not "` + issuer + `/realms/ville/"`,
		issuer + "/realms/ville/.well-known/openid-configuration": `not "` + issuer + `/realms/ville"`,
	} {
		r, _ := look(t, Config{Target: target, TLS: tlscheck.Config{CAFile: ca}, HTTP: httpprobe.Config{OIDC: &oidccheck.Config{}}}, Options{Lookup: localhost})
		if !strings.Contains(r.Explain(), want) || asked != "/realms/ville/.well-known/openid-configuration" {
			t.Errorf("%s: asked for %s; it says %q", target, asked, r.Explain())
		}
	}
}
