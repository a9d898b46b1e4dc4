package probes

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlidp"
	"github.com/crewjam/saml/samlsp"

	"tocsin/internal/testenv"
	"tocsin/probes/httpprobe"
	journeys "tocsin/probes/journey"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// publik is a town's site as Publik makes one: citizens' forms and agents'
// desk as SAML service providers, an identity provider, and nginx before all of
// them with a name each.
type publik struct {
	port        int
	ca          string
	idp         http.Handler
	desk, forms *samlsp.Middleware
}

func (p *publik) url(name, path string) string {
	return fmt.Sprintf("https://%s.ville.example:%d%s", name, p.port, path)
}

func startPublik(t *testing.T) *publik {
	t.Helper()
	testenv.Program(t, "nginx", "nginx-light")
	p := &publik{port: testenv.Port(t)}
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	p.ca = probetest.WritePEM(t, root)
	p.serve(t)
	pem, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{Hosts: []string{"*.ville.example"}}))
	var servers strings.Builder
	for name, handler := range map[string]http.Handler{
		"connexion": p.idp,
		"agents":    withHome(p.desk, p.desk.RequireAccount(http.NotFoundHandler())),
		"demarches": withHome(p.forms, p.citizens()),
	} {
		backend := httptest.NewServer(handler)
		t.Cleanup(backend.Close)
		fmt.Fprintf(&servers, `
server {
	listen 127.0.0.1:%d ssl;
	server_name %s.ville.example;
	ssl_certificate %s;
	ssl_certificate_key %s;
	location / { proxy_pass %s; proxy_set_header Host $http_host; }
}`, p.port, name, pem, key, backend.URL)
	}
	testenv.Nginx(t, servers.String())
	return p
}

// withHome serves a provider's own addresses, and a page at all others.
func withHome(m *samlsp.Middleware, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/saml/", m)
	mux.Handle("/", page)
	return mux
}

// serve makes the three parts, each knowing the others.
func (p *publik) serve(t *testing.T) {
	t.Helper()
	key, cert := samlPair(t, time.Now().Add(365*day))
	at := func(name, path string) url.URL {
		u, err := url.Parse(p.url(name, path))
		if err != nil {
			t.Fatal(err)
		}
		return *u
	}
	idp, err := samlidp.New(samlidp.Options{
		URL: at("connexion", "/idp/saml2"), Key: key, Certificate: cert, Store: &samlidp.MemoryStore{},
		Logger: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.idp = http.StripPrefix("/idp/saml2", idp)
	provider := func(name, binding string) *samlsp.Middleware {
		m, err := samlsp.New(samlsp.Options{
			URL: at(name, "/"), EntityID: p.url(name, "/saml/metadata"), Key: key, Certificate: cert, IDPMetadata: idp.IDP.Metadata(), Binding: binding,
		})
		if err != nil {
			t.Fatal(err)
		}
		service := samlidp.Service{Name: name, Metadata: *m.ServiceProvider.Metadata()}
		if err := idp.Store.Put("/services/"+name, service); err != nil {
			t.Fatal(err)
		}
		return m
	}
	p.forms, p.desk = provider("demarches", saml.HTTPRedirectBinding), provider("agents", saml.HTTPPostBinding)
	// The store is read when the provider is made.
	again, err := samlidp.New(samlidp.Options{
		URL: at("connexion", "/idp/saml2"), Key: key, Certificate: cert, Store: idp.Store,
		Logger: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.idp = http.StripPrefix("/idp/saml2", again)
}

// citizens is open to all. It asks the identity provider first whether the
// visitor has logged in elsewhere, as Publik's passive middleware does, and
// wants a login at /login/.
func (p *publik) citizens() http.Handler {
	mux := http.NewServeMux()
	p.forms.OnError = func(w http.ResponseWriter, r *http.Request, err error) {
		var refused *saml.InvalidResponseError
		if errors.As(err, &refused) && strings.Contains(refused.Response, "NoPassive") {
			http.SetCookie(w, &http.Cookie{Name: "asked", Value: "1", Path: "/"})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		w.WriteHeader(http.StatusForbidden)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("asked"); err == nil {
			fmt.Fprint(w, "<h1>Démarches</h1>")
			return
		}
		sp := &p.forms.ServiceProvider
		question, err := sp.MakeAuthenticationRequest(sp.GetSSOBindingLocation(saml.HTTPRedirectBinding), saml.HTTPRedirectBinding, saml.HTTPPostBinding)
		if err == nil {
			question.IsPassive = new(true)
			var to *url.URL
			if to, err = question.Redirect("", sp); err == nil {
				http.Redirect(w, r, to.String(), http.StatusFound)
				return
			}
		}
		http.Error(w, err.Error(), http.StatusInternalServerError)
	})
	mux.Handle("/login/", http.RedirectHandler("/accounts/mellon/login/?next=%2F", http.StatusFound))
	mux.Handle("/accounts/mellon/login/", p.forms.RequireAccount(http.NotFoundHandler()))
	return mux
}

func samlPair(t *testing.T, end time.Time) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

// All ways that a visitor of Publik is led to the login form, or past it.
func TestJourney_publik(t *testing.T) {
	p := startPublik(t)
	form := []string{"user", "password"}
	idp := p.url("connexion", "/idp/saml2/")
	for _, c := range []struct {
		name, host string
		step       journeys.Step
		requests   float64
		reason     probe.Reason
		text       string
	}{
		{"login by redirects", "demarches", journeys.Step{Name: "login", URL: "/login/", EndsAt: idp, Fields: form}, 3, "", ""},
		{"a desk that is closed to visitors, by a form that sends itself", "agents", journeys.Step{Name: "login", URL: "/", EndsAt: idp, Fields: form}, 2, "", ""},
		{"open to all, after a passive question there and back", "demarches", journeys.Step{Name: "home", URL: "/", EndsAt: p.url("demarches", "/"), Body: journeys.Body{Contains: "Démarches"}}, 4, "", ""},
		{"another form than expected", "agents", journeys.Step{Name: "login", URL: "/", Fields: []string{"username", "password"}}, 2, probe.Body,
			"step login (1 of 1): the page at " + idp + "sso has no form with the fields username, password; it has forms with (user, password"},
		{"the identity provider does not know the service", "demarches", journeys.Step{Name: "login", URL: idp + "sso?SAMLRequest=fZ", Fields: form}, 1, probe.Status,
			"step login (1 of 1): the answer is 400 Bad Request, not 2xx, at " + idp + "sso?…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, page := look(t, Config{
				Target: p.url(c.host, "/"), TLS: tlscheck.Config{CAFile: p.ca}, HTTP: httpprobe.Config{Journey: []journeys.Step{c.step}},
			}, Options{Lookup: localhost})
			if r.Reason != c.reason || !strings.Contains(r.Explain(), c.text) {
				t.Errorf("it says %q, want %q", r.Explain(), c.text)
			}
			page.wants(t, fmt.Sprintf("probe_journey_step_requests{step=%q}", c.step.Name), c.requests)
			var b strings.Builder
			if err := WriteText(&b, &r, false); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), "SAMLRequest=") || strings.Contains(b.String(), "RelayState=") {
				t.Errorf("the account tells what a query has:\n%s", b.String())
			}
		})
	}
}
