package probes

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

const day = 24 * time.Hour

var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })

// TestCertificates is the table of acceptance test 7: each bad certificate has
// its own reason, and its dates are there however bad it is.
func TestCertificates(t *testing.T) {
	now := time.Now()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root", NotAfter: now.Add(3650 * day)})
	inter := root.Authority(t, probetest.Spec{Name: "Intermediate", NotAfter: now.Add(1000 * day)})
	stranger := probetest.NewAuthority(t, probetest.Spec{Name: "Stranger"})
	strangeInter := stranger.Authority(t, probetest.Spec{Name: "Strange intermediate"})
	oldInter := root.Authority(t, probetest.Spec{Name: "Old intermediate", NotAfter: now.Add(-2 * day)})
	youngInter := root.Authority(t, probetest.Spec{Name: "Young intermediate", NotBefore: now.Add(2 * day), NotAfter: now.Add(90 * day)})

	// The old root vouched for the new one, and has expired since.
	oldRoot := probetest.NewAuthority(t, probetest.Spec{Name: "Old root", NotAfter: now.Add(-day)})
	cross := &probetest.Authority{Key: root.Key, Cert: oldRoot.Authority(t, probetest.Spec{Name: "Root", Key: root.Key, NotAfter: now.Add(-day)}).Cert}

	weekLong := probetest.Spec{Name: "week", NotBefore: now.Add(-10 * day), NotAfter: now.Add(7 * day)}
	for _, c := range []struct {
		name     string
		cert     tls.Certificate
		host     string // default localhost
		reason   probe.Reason
		also     []probe.Reason // further problems
		earliest time.Time      // default: the leaf's end
		verified bool           // a verified chain is there all the same
		says     string
	}{
		{name: "good", cert: inter.Leaf(t, weekLong, inter), verified: true},
		{name: "good, with the root sent too", cert: inter.Leaf(t, weekLong, inter, root), verified: true},
		{name: "good, straight from the root", cert: root.Leaf(t, weekLong), verified: true},
		{name: "by address", cert: inter.Leaf(t, weekLong, inter), host: "127.0.0.1", verified: true},
		{
			name: "cross-signed by a root that has expired, but the chain is good", cert: inter.Leaf(t, weekLong, inter, cross, oldRoot),
			earliest: oldRoot.Cert.NotAfter, verified: true,
		},
		{name: "expired", cert: inter.Leaf(t, probetest.Spec{NotAfter: now.Add(-3 * day)}, inter), reason: probe.TLSExpired, says: "expired 3 days ago"},
		{
			name: "not yet valid", cert: inter.Leaf(t, probetest.Spec{NotBefore: now.Add(3*day + time.Hour), NotAfter: now.Add(9 * day)}, inter),
			reason: probe.TLSNotYetValid, says: "in 3 days",
		},
		{
			name: "wrong host", cert: inter.Leaf(t, probetest.Spec{Hosts: []string{"autre.example", "www.autre.example"}}, inter),
			reason: probe.TLSWrongHost, verified: true, says: "is for autre.example, www.autre.example, not for localhost",
		},
		{
			name: "no name at all", cert: inter.Leaf(t, probetest.Spec{Name: "localhost", Hosts: []string{}}, inter),
			reason: probe.TLSWrongHost, verified: true, says: "names no host",
		},
		{name: "self-signed", cert: probetest.SelfSigned(t, probetest.Spec{Name: "snakeoil"}), reason: probe.TLSSelfSigned},
		{
			name: "self-signed for another name", cert: probetest.SelfSigned(t, probetest.Spec{Hosts: []string{"debian"}}),
			reason: probe.TLSWrongHost, also: []probe.Reason{probe.TLSSelfSigned},
		},
		{name: "unknown authority", cert: strangeInter.Leaf(t, weekLong, strangeInter), reason: probe.TLSUnknownAuthority, says: `"Stranger"`},
		{name: "unknown authority, root sent", cert: strangeInter.Leaf(t, weekLong, strangeInter, stranger), reason: probe.TLSUnknownAuthority},
		{name: "unknown authority, a private one that sends no more", cert: stranger.Leaf(t, probetest.Spec{Bare: true}), reason: probe.TLSUnknownAuthority},
		{name: "intermediate missing", cert: inter.Leaf(t, weekLong), reason: probe.TLSIncompleteChain, says: `"Intermediate"`},
		{
			name: "wrong intermediate sent", cert: inter.Leaf(t, probetest.Spec{Bare: true}, strangeInter), reason: probe.TLSIncompleteChain,
			earliest: strangeInter.Cert.NotAfter,
		},
		{
			name: "intermediate expired", cert: oldInter.Leaf(t, weekLong, oldInter), reason: probe.TLSExpired,
			earliest: oldInter.Cert.NotAfter, says: `"Old intermediate" expired 2 days ago`,
		},
		{name: "intermediate not yet valid", cert: youngInter.Leaf(t, weekLong, youngInter), reason: probe.TLSNotYetValid, says: `"Young intermediate"`},
		{
			name: "expired and unknown", cert: stranger.Leaf(t, probetest.Spec{NotAfter: now.Add(-day), Bare: true}), reason: probe.TLSExpired,
			also: []probe.Reason{probe.TLSUnknownAuthority},
		},
		{name: "for clients only", cert: inter.Leaf(t, probetest.Spec{Change: func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}}, inter), reason: probe.TLSInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := probetest.HTTPS(t, c.cert, ok)
			host := c.host
			if host == "" {
				host = "localhost"
			}
			_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
			cfg := Config{Target: "https://" + host + ":" + port, IPVersion: 4, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}
			r, page := look(t, cfg, Options{})

			phase := "tls"
			if c.reason == "" {
				phase = ""
			}
			wantReason(t, r, page, c.reason, phase)
			if c.says != "" && !strings.Contains(r.Explain(), c.says) {
				t.Errorf("the words %q do not say %q", r.Explain(), c.says)
			}
			leaf := c.cert.Leaf
			page.wants(t, fmt.Sprintf(`probe_hop_certificate_expiry_timestamp_seconds{hop="0",server=%q}`, host), float64(leaf.NotAfter.Unix()))
			page.wants(t, fmt.Sprintf(`probe_hop_certificate_not_before_timestamp_seconds{hop="0",server=%q}`, host), float64(leaf.NotBefore.Unix()))
			earliest := c.earliest
			if earliest.IsZero() {
				earliest = leaf.NotAfter
			}
			page.wants(t, "probe_ssl_earliest_cert_expiry", float64(earliest.Unix()))
			if c.verified {
				page.wants(t, "probe_ssl_last_chain_expiry_timestamp_seconds", float64(leaf.NotAfter.Unix()))
			} else {
				page.lacks(t, "probe_ssl_last_chain_expiry_timestamp_seconds")
			}
			var problems []probe.Reason
			if c.reason != "" {
				problems = append([]probe.Reason{c.reason}, c.also...)
			}
			wantProblems(t, r, page, problems)

			// Taken for good, it is up, and all that is wrong is still told.
			cfg.TLS.InsecureSkipVerify = true
			r, page = look(t, cfg, Options{})
			wantReason(t, r, page, "", "")
			wantProblems(t, r, page, problems)
		})
	}
}

func wantProblems(t *testing.T, r Result, p page, want []probe.Reason) {
	t.Helper()
	var got []probe.Reason
	for _, problem := range r.Hops[0].TLS.Problems {
		got = append(got, problem.Reason)
		p.wants(t, fmt.Sprintf(`probe_certificate_problem_info{hop="0",reason=%q}`, problem.Reason), 1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
	if want == nil {
		p.lacks(t, "probe_certificate_problem_info")
	}
}

// TestCertificates_ofEachHop follows three servers, the second of which has a
// certificate that has expired: acceptance test 7's "on a redirect hop".
func TestCertificates_ofEachHop(t *testing.T) {
	now := time.Now()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	good, bad := root.Leaf(t, probetest.Spec{}), root.Leaf(t, probetest.Spec{NotAfter: now.Add(-5 * day)})
	redirect := func(to string) http.Handler { return http.RedirectHandler(to, http.StatusFound) }
	third := probetest.HTTPS(t, good, ok)
	for _, c := range []struct {
		name   string
		second tls.Certificate
		reason probe.Reason
		hops   int
	}{{"good", good, "", 3}, {"expired", bad, probe.TLSExpired, 2}} {
		t.Run(c.name, func(t *testing.T) {
			second := probetest.HTTPS(t, c.second, redirect(third.URL+"/end"))
			first := probetest.HTTPS(t, good, redirect(second.URL+"/login?SAMLRequest=abc"))
			r, page := look(t, Config{Target: first.URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, Options{})
			phase := ""
			if c.reason != "" {
				phase = "tls"
			}
			wantReason(t, r, page, c.reason, phase)
			if len(r.Hops) != c.hops {
				t.Fatalf("%d hops, want %d", len(r.Hops), c.hops)
			}
			page.wants(t, "probe_http_redirects", float64(c.hops-1))
			for i := range c.hops {
				want := good.Leaf.NotAfter
				if i == 1 {
					want = c.second.Leaf.NotAfter
				}
				page.wants(t, fmt.Sprintf(`probe_hop_certificate_expiry_timestamp_seconds{hop="%d",server="127.0.0.1"}`, i), float64(want.Unix()))
			}
			if c.reason != "" {
				page.wants(t, `probe_certificate_problem_info{hop="1",reason="tls_expired"}`, 1)
				page.wants(t, "probe_http_status_code", 0)
				page.wants(t, "probe_ssl_earliest_cert_expiry", float64(bad.Leaf.NotAfter.Unix()))
			}
			for _, s := range r.Steps {
				if strings.Contains(s.Text, "SAMLRequest") {
					t.Errorf("a query is in the account: %s", s.Text)
				}
			}
		})
	}
}
