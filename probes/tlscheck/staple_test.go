package tlscheck

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// judged is what a handshake without a network would find.
func judged(leaf tls.Certificate, root *probetest.Authority, staple []byte, now time.Time) *probe.TLS {
	var certs []*x509.Certificate
	for _, der := range leaf.Certificate {
		c, _ := x509.ParseCertificate(der)
		certs = append(certs, c)
	}
	return (*Memo)(nil).judge(certs, staple, "localhost", NewRoots(root.Cert), now)
}

func TestStaple(t *testing.T) {
	now := time.Now()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	inter := root.Authority(t, probetest.Spec{Name: "Intermediate"})
	stranger := probetest.NewAuthority(t, probetest.Spec{Name: "Intermediate"}) // of the same name
	leaf := inter.Leaf(t, probetest.Spec{}, inter)
	demanding := inter.Leaf(t, probetest.Spec{Change: probetest.MustStaple}, inter)
	// One that the authority lets answer in its name, one that it does not, one whose time is over, and one that a
	// stranger of the authority's name has made.
	delegate := func(s probetest.Spec, by *probetest.Authority) func(of *probetest.Authority, r ocsp.Response) []byte {
		key := probetest.NewKey(t)
		s.Key = key
		cert := by.Leaf(t, s).Leaf
		return func(of *probetest.Authority, r ocsp.Response) []byte {
			r.Certificate, r.SerialNumber = cert, leaf.Leaf.SerialNumber
			r.ThisUpdate, r.NextUpdate = now.Add(-time.Minute), now.Add(time.Hour)
			der, err := ocsp.CreateResponse(of.Cert, cert, r, key)
			if err != nil {
				t.Fatal(err)
			}
			return der
		}
	}
	signs := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }
	good := ocsp.Response{Status: ocsp.Good}

	for _, c := range []struct {
		name    string
		leaf    tls.Certificate
		staple  []byte
		status  probe.StapleStatus // empty: none
		reason  probe.Reason
		warning probe.Warning
		says    string
	}{
		{name: "none", leaf: leaf},
		{name: "good", leaf: leaf, staple: inter.Staple(t, leaf.Leaf, good), status: probe.StapledGood},
		{name: "demanded and there", leaf: demanding, staple: inter.Staple(t, demanding.Leaf, good), status: probe.StapledGood},
		{name: "demanded and missing", leaf: demanding, warning: probe.StapleMissing, says: "must-staple"},
		{
			name: "revoked", leaf: leaf,
			staple: inter.Staple(t, leaf.Leaf, ocsp.Response{Status: ocsp.Revoked, RevokedAt: now.Add(-50 * time.Hour), RevocationReason: ocsp.KeyCompromise}),
			status: probe.StapledRevoked, reason: probe.TLSRevoked, says: "was revoked 2 days ago",
		},
		{
			name: "revoked, and the answer is old", leaf: leaf,
			staple: inter.Staple(t, leaf.Leaf, ocsp.Response{Status: ocsp.Revoked, RevokedAt: now.Add(-900 * time.Hour), ThisUpdate: now.Add(-800 * time.Hour)}),
			status: probe.StapledRevoked, reason: probe.TLSRevoked, warning: probe.StapleStale, says: "was revoked 37 days ago",
		},
		{name: "unknown", leaf: leaf, staple: inter.Staple(t, leaf.Leaf, ocsp.Response{Status: ocsp.Unknown}), status: probe.StapledUnknown, warning: probe.StapleUnknown},
		{
			name: "stale", leaf: leaf, staple: inter.Staple(t, leaf.Leaf, ocsp.Response{Status: ocsp.Good, ThisUpdate: now.Add(-10 * 24 * time.Hour)}),
			status: probe.StapledGood, warning: probe.StapleStale, says: "ended 3 days ago",
		},
		{name: "of another certificate", leaf: leaf, staple: inter.Staple(t, demanding.Leaf, good), status: probe.StapledUnusable, warning: probe.StapleUnusable},
		{name: "signed by a stranger", leaf: leaf, staple: stranger.Staple(t, leaf.Leaf, good), status: probe.StapledUnusable, warning: probe.StapleUnusable, says: "not signed by"},
		{
			name: "a stranger says revoked", leaf: leaf, staple: stranger.Staple(t, leaf.Leaf, ocsp.Response{Status: ocsp.Revoked, RevokedAt: now}),
			status: probe.StapledUnusable, warning: probe.StapleUnusable,
		},
		{name: "by a delegate", leaf: leaf, staple: delegate(probetest.Spec{Change: signs}, inter)(inter, good), status: probe.StapledGood},
		{name: "by a certificate that may not", leaf: leaf, staple: delegate(probetest.Spec{}, inter)(inter, good), status: probe.StapledUnusable, warning: probe.StapleUnusable, says: "may not sign"},
		{
			name: "by a delegate that was over", leaf: leaf, staple: delegate(probetest.Spec{Change: signs, NotAfter: now.Add(-48 * time.Hour)}, inter)(inter, good),
			status: probe.StapledUnusable, warning: probe.StapleUnusable, says: "not valid then",
		},
		{
			name: "by a stranger's delegate", leaf: leaf, staple: delegate(probetest.Spec{Change: signs}, stranger)(inter, good),
			status: probe.StapledUnusable, warning: probe.StapleUnusable, says: "not signed by",
		},
		{name: "the authority is busy", leaf: leaf, staple: ocsp.TryLaterErrorResponse, status: probe.StapledUnusable, warning: probe.StapleUnusable, says: "try later"},
		{name: "garbage", leaf: leaf, staple: []byte("HTTP/1.1 200 OK"), status: probe.StapledUnusable, warning: probe.StapleUnusable},
		{
			name: "the issuer is not at hand", leaf: inter.Leaf(t, probetest.Spec{}), staple: inter.Staple(t, leaf.Leaf, ocsp.Response{}),
			status: probe.StapledUnusable, reason: probe.TLSIncompleteChain, warning: probe.StapleUnusable,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := judged(c.leaf, root, c.staple, now)
			var status probe.StapleStatus
			if got.Staple != nil {
				status = got.Staple.Status
			}
			var reason probe.Reason
			var texts []string
			for _, p := range got.Problems {
				reason = got.Problems[0].Reason
				texts = append(texts, p.Text)
			}
			var warning probe.Warning
			for _, w := range got.Warnings {
				warning = w.Warning
				texts = append(texts, w.Text)
			}
			if status != c.status || reason != c.reason || warning != c.warning || len(got.Warnings) > 1 || len(got.Problems) > 1 {
				t.Errorf("status %q, reason %q, warning %q; want %q, %q, %q: %q", status, reason, warning, c.status, c.reason, c.warning, texts)
			}
			if !strings.Contains(strings.Join(texts, "\n"), c.says) {
				t.Errorf("%q does not say %q", texts, c.says)
			}
			if usable := status != "" && status != probe.StapledUnusable; usable != (got.Staple != nil && !got.Staple.ThisUpdate.IsZero()) {
				t.Errorf("the staple's times: %+v", got.Staple)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	short := func(bits int) crypto.Signer {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	old := root.Authority(t, probetest.Spec{Name: "Old intermediate", Key: short(1024)})
	for _, c := range []struct {
		name string
		leaf tls.Certificate
		says string // empty: nothing
	}{
		{"ECDSA 256", root.Leaf(t, probetest.Spec{}), ""},
		{"RSA 2048", root.Leaf(t, probetest.Spec{Key: short(2048)}), ""},
		{"RSA 1024", root.Leaf(t, probetest.Spec{Key: short(1024)}), "the key of the certificate has 1024 bits (RSA)"},
		{"of its authority", old.Leaf(t, probetest.Spec{}, old), `the authority's certificate "Old intermediate" has 1024 bits`},
	} {
		got := judged(c.leaf, root, nil, time.Now())
		if len(got.Problems) > 0 || (len(got.Warnings) == 1) != (c.says != "") {
			t.Errorf("%s: %v, %v", c.name, got.Problems, got.Warnings)
		} else if c.says != "" && (got.Warnings[0].Warning != probe.WeakKey || !strings.Contains(got.Warnings[0].Text, c.says)) {
			t.Errorf("%s: %v", c.name, got.Warnings)
		}
	}
}

func TestCoveredBy(t *testing.T) {
	c := &x509.Certificate{DNSNames: []string{"ville.example", "*.ville.example"}}
	for name, want := range map[string]string{
		"ville.example": "ville.example", "www.ville.example": "*.ville.example", "a.b.ville.example": "", "other.example": "",
	} {
		if got := coveredBy(c, name); got != want {
			t.Errorf("%s is covered by %q, want %q", name, got, want)
		}
	}
	leaf := probetest.SelfSigned(t, probetest.Spec{}).Leaf
	if got := coveredBy(leaf, "127.0.0.1"); got != "127.0.0.1" {
		t.Errorf("an address is covered by %q", got)
	}
}

func TestMemo_forgetsWhenAnythingChanges(t *testing.T) {
	now := time.Now()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root", NotAfter: now.Add(30 * time.Minute)})
	leaf := root.Leaf(t, probetest.Spec{NotAfter: now.Add(20 * time.Minute), Hosts: []string{"localhost", "other.example"}}).Leaf
	roots, none := NewRoots(root.Cert), NewRoots()
	staple := root.Staple(t, leaf, ocsp.Response{NextUpdate: now.Add(10 * time.Minute)})
	m := NewMemo()
	first := m.judge([]*x509.Certificate{leaf}, staple, "localhost", roots, now)
	if len(first.Problems)+len(first.Warnings) > 0 {
		t.Fatalf("%v, %v", first.Problems, first.Warnings)
	}
	pool, _ := roots.current()
	if m.recall([]*x509.Certificate{leaf}, staple, "localhost", pool, now.Add(time.Minute)) == nil {
		t.Error("what was good is verified anew")
	}
	for _, c := range []struct {
		name, host string
		staple     []byte
		roots      *Roots
		after      time.Duration
		want       string
	}{
		{"the same", "localhost", staple, roots, time.Minute, ""},
		{"another good name", "other.example", staple, roots, time.Minute, ""},
		{"another name", "bad.example", staple, roots, time.Minute, "tls_wrong_host"},
		{"other authorities", "localhost", staple, none, time.Minute, "tls_incomplete_chain"},
		{"the staple is past its end", "localhost", staple, roots, 15 * time.Minute, "staple_stale"},
		{"the certificate has expired", "localhost", nil, roots, 25 * time.Minute, "tls_expired"},
		{"revoked since", "localhost", root.Staple(t, leaf, ocsp.Response{Status: ocsp.Revoked, RevokedAt: now}), roots, 2 * time.Minute, "tls_revoked"},
	} {
		got := m.judge([]*x509.Certificate{leaf}, c.staple, c.host, c.roots, now.Add(c.after))
		var all []string
		for _, p := range got.Problems {
			all = append(all, string(p.Reason))
		}
		for _, w := range got.Warnings {
			all = append(all, string(w.Warning))
		}
		if c.want == "" && all != nil || c.want != "" && !slices.Contains(all, c.want) {
			t.Errorf("%s: %q, want %q", c.name, all, c.want)
		}
	}
	// It is bounded, whatever a server sends.
	for range 3 * memoSize {
		one := root.Leaf(t, probetest.Spec{NotAfter: now.Add(20 * time.Minute)}).Leaf
		m.judge([]*x509.Certificate{one}, nil, "localhost", roots, now)
	}
	if len(m.known) > memoSize {
		t.Errorf("it remembers %d certificates", len(m.known))
	}
}

// FuzzStaple reads what may have come from a network: only the authority's own
// word counts, and whatever else comes has a status and words.
func FuzzStaple(f *testing.F) {
	root := probetest.NewAuthority(f, probetest.Spec{Name: "Root"})
	leaf := root.Leaf(f, probetest.Spec{})
	stranger := probetest.NewAuthority(f, probetest.Spec{Name: "Root"})
	now := time.Now()
	f.Add(stranger.Staple(f, leaf.Leaf, ocsp.Response{Status: ocsp.Good}))
	f.Add(stranger.Staple(f, leaf.Leaf, ocsp.Response{Status: ocsp.Revoked, RevokedAt: now}))
	f.Add(ocsp.TryLaterErrorResponse)
	f.Fuzz(func(t *testing.T, staple []byte) {
		got := judged(leaf, root, staple, now)
		if len(staple) == 0 {
			return
		}
		if got.Staple == nil || got.Staple.Status != probe.StapledUnusable || len(got.Problems) > 0 || len(got.Warnings) != 1 || got.Warnings[0].Text == "" {
			t.Errorf("%+v, %v, %v", got.Staple, got.Problems, got.Warnings)
		}
	})
}
