package probes

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/probes/domainprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// A registry plays IANA's list and a registry's server, and refuses what a
// real one may refuse (RFC 7480).
type registry struct {
	t      *testing.T
	url    string
	config Config
	now    time.Time
	asked  map[string]int // by path
	list   string         // what IANA says; empty: the usual
	answer http.HandlerFunc
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	g := &registry{t: t, now: time.Now(), asked: map[string]int{}}
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	s := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{}), g)
	g.url = s.URL
	g.config = Config{
		Target: "domain://asso.example", TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}, Timeout: model.Duration(5 * time.Second),
		Domain: domainprobe.Config{Bootstrap: s.URL + "/rdap/dns.json"},
	}
	return g
}

func (g *registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.asked[r.URL.Path]++
	switch {
	case r.Method != http.MethodGet:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.URL.RawQuery != "" || r.ContentLength > 0:
		w.WriteHeader(http.StatusBadRequest)
	case r.URL.Path == "/rdap/dns.json":
		g.serveList(w, r)
	case !strings.Contains(r.Header.Get("Accept"), "application/rdap+json"): // RFC 7480, section 4.2
		w.WriteHeader(http.StatusNotAcceptable)
	case r.URL.Path == "/v1/domain/asso.example" && g.answer != nil:
		g.answer(w, r)
	case r.URL.Path == "/v1/domain/asso.example":
		http.Redirect(w, r, g.url+"/elsewhere/domain/asso.example", http.StatusFound)
	case r.URL.Path == "/elsewhere/domain/asso.example":
		recorded(w, "")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// recorded answers with a record, in which something may be put first.
func recorded(w http.ResponseWriter, first string) {
	b, err := os.ReadFile("domainprobe/testdata/domain.json")
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/rdap+json")
	_, _ = w.Write([]byte(strings.Replace(string(b), `"status": [`, `"status": [`+first, 1)))
}

func (g *registry) serveList(w http.ResponseWriter, r *http.Request) {
	if g.list == "broken" {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("ETag", `"1"`)
	if r.Header.Get("If-None-Match") == `"1"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if g.list != "" {
		_, _ = w.Write([]byte(g.list))
		return
	}
	fmt.Fprintf(w, `{"version":"1.0","publication":"2026-11-01T00:00:00Z","services":[[["example"],[%q]]]}`, g.url+"/v1/")
}

func (g *registry) clock() time.Time { return g.now }

func (g *registry) prober() Prober {
	g.t.Helper()
	p, err := NewProber(g.config, Options{Now: g.clock})
	if err != nil {
		g.t.Fatal(err)
	}
	return p
}

func TestDomain_good(t *testing.T) {
	g := newRegistry(t)
	r, page := look(t, g.config, Options{Now: g.clock})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_domain_expiry_timestamp_seconds", 1805011200)
	page.wants(t, `probe_domain_info{registrar="Bureau d'enregistrement SAS"}`, 1)
	page.wants(t, `probe_domain_status_info{status="client transfer prohibited"}`, 1)
	wantFault(t, &r, "")
	g.now = time.Unix(1805011200, 0).Add(-25 * day)
	r, page = look(t, g.config, Options{Now: g.clock})
	wantReason(t, r, page, "", "")
	wantFault(t, &r, "the domain is registered for 25 days more, until 2027-03-14")
}

func TestDomain_listIsKept(t *testing.T) {
	g := newRegistry(t)
	p := g.prober()
	ask := func() Result {
		r := p.Probe(t.Context())
		if !r.Success {
			t.Fatal(r.Explain())
		}
		return r
	}
	ask()
	ask()
	if n := g.asked["/rdap/dns.json"]; n != 1 {
		t.Errorf("the list was fetched %d times in a minute", n)
	}
	g.now = g.now.Add(25 * time.Hour)
	ask()
	if n := g.asked["/rdap/dns.json"]; n != 2 {
		t.Errorf("the list was fetched %d times in a day", n)
	}
	g.list, g.now = "broken", g.now.Add(25*time.Hour)
	ask() // an old list is better than none
	if n := g.asked["/rdap/dns.json"]; n != 3 {
		t.Errorf("the list was fetched %d times in two days", n)
	}
}

func TestDomain_outOfTheDNS(t *testing.T) {
	for _, status := range []string{"client hold", "server hold", "redemption period", "pending delete", "inactive", "Pending Restore"} {
		g := newRegistry(t)
		g.answer = func(w http.ResponseWriter, _ *http.Request) { recorded(w, fmt.Sprintf("%q,", status)) }
		r, page := look(t, g.config, Options{Now: g.clock})
		wantReason(t, r, page, probe.Registration, "transfer")
		page.wants(t, fmt.Sprintf("probe_domain_status_info{status=%q}", strings.ToLower(status)), 1)
		if !strings.Contains(r.Explain(), strings.ToLower(status)) {
			t.Errorf("it says %q", r.Explain())
		}
	}
}

func TestDomain_ended(t *testing.T) {
	g := newRegistry(t)
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root", NotAfter: time.Now().Add(10 * 365 * day)})
	s := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(10 * 365 * day)}), g)
	g.url, g.config.TLS.CAFile, g.config.Domain.Bootstrap = s.URL, probetest.WritePEM(t, root), s.URL+"/rdap/dns.json"
	g.now = time.Date(2027, 3, 20, 0, 0, 0, 0, time.UTC)
	r, page := look(t, g.config, Options{Now: g.clock})
	wantReason(t, r, page, probe.Registration, "transfer")
	if !strings.Contains(r.Explain(), "ended on 2027-03-14") {
		t.Errorf("it says %q", r.Explain())
	}
}

func TestDomain_unknownToTheRegistry(t *testing.T) {
	g := newRegistry(t)
	g.config.Target = "domain://autre.example"
	r, page := look(t, g.config, Options{Now: g.clock})
	wantReason(t, r, page, probe.Registration, "processing")
	page.lacks(t, "probe_domain_expiry_timestamp_seconds")
}

// The registry of some domains does not tell when they end: no number is made up.
func TestDomain_endIsNotTold(t *testing.T) {
	g := newRegistry(t)
	g.answer = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"objectClassName":"domain","ldhName":"asso.example","status":["nouveau"]}`))
	}
	r, page := look(t, g.config, Options{Now: g.clock})
	wantReason(t, r, page, "", "")
	page.lacks(t, "probe_domain_expiry_timestamp_seconds")
	page.wants(t, `probe_domain_info{registrar=""}`, 1)
	page.wants(t, `probe_domain_status_info{status="other"}`, 1)
	if len(r.Faults) != 1 {
		t.Errorf("faults: %q", r.Faults)
	}
}

// A registry that is asked too often is left alone as long as it wishes.
func TestDomain_tooOften(t *testing.T) {
	g := newRegistry(t)
	g.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	p := g.prober()
	asked := func(want int) {
		t.Helper()
		if n := g.asked["/v1/domain/asso.example"]; n != want {
			t.Errorf("it was asked %d times, want %d", n, want)
		}
	}
	for range 3 {
		if r := p.Probe(t.Context()); r.Unmeasured == nil || !strings.Contains(r.Unmeasured.Error(), "asked less often (status 429)") {
			t.Errorf("it says %q", r.Explain())
		}
	}
	asked(1)
	g.now, g.answer = g.now.Add(2*time.Hour), nil
	if r := p.Probe(t.Context()); !r.Success {
		t.Errorf("it says %q", r.Explain())
	}
	asked(2)
}

// TestDomain_notMeasured has registries that cannot be asked: nothing is said
// of the domain.
func TestDomain_notMeasured(t *testing.T) {
	for _, c := range []struct {
		name, says string
		prepare    func(*registry)
	}{
		{"no RDAP", "the registry of .example has no RDAP", func(g *registry) { g.list = `{"version":"1.0","services":[[["fr"],["https://rdap.nic.fr/"]]]}` }},
		{"no list", "the list of registries cannot be had: status 502", func(g *registry) { g.list = "broken" }},
		{"the list is a page", "the list of registries is none", func(g *registry) { g.list = "<html>" }},
		{"failing", "answers with status 500", func(g *registry) {
			g.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
		}},
		{"forbidden", "answers with status 403", func(g *registry) {
			g.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }
		}},
		{"a page", "no RDAP", func(g *registry) {
			g.answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }
		}},
		{"another domain", "about another domain", func(g *registry) {
			g.answer = func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"objectClassName":"domain","ldhName":"other.example"}`))
			}
		}},
		{"endless", "larger than", func(g *registry) {
			g.answer = func(w http.ResponseWriter, _ *http.Request) {
				for range 40 {
					_, _ = w.Write(make([]byte, 64<<10))
				}
			}
		}},
		{"in a circle", "too many redirects", func(g *registry) {
			g.answer = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }
		}},
		{"away from TLS", "leaves TLS", func(g *registry) {
			g.answer = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
			}
		}},
		{"hangs", "the time was up", func(g *registry) {
			g.answer = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		}},
		{"a certificate of somebody", "could not be asked", func(g *registry) { g.config.TLS = tlscheck.Config{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistry(t)
			c.prepare(g)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			r := g.prober().Probe(ctx)
			if r.Unmeasured == nil || !strings.Contains(r.Unmeasured.Error(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
		})
	}
}

// server names the registry's server where IANA knows none.
func TestDomain_ownServer(t *testing.T) {
	g := newRegistry(t)
	g.config.Domain = domainprobe.Config{Server: g.url + "/v1"}
	r, page := look(t, g.config, Options{Now: g.clock})
	wantReason(t, r, page, "", "")
	if n := g.asked["/rdap/dns.json"]; n != 0 {
		t.Errorf("the list was fetched %d times", n)
	}
}
