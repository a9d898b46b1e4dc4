package tlscheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// TestVerify_brokenSignature has a certificate that OpenSSL signed with SHA-1,
// which crypto/x509 no longer does.
func TestVerify_brokenSignature(t *testing.T) {
	roots, err := LoadRoots("testdata/sha1-root.pem")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := readCertificates("testdata/sha1-leaf.pem")
	if err != nil {
		t.Fatal(err)
	}
	chains, problems := Verify(leaf, "localhost", roots, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	if chains != nil || len(problems) != 1 || problems[0].Reason != probe.TLSWeak || !strings.Contains(problems[0].Text, "SHA1") {
		t.Errorf("got %d chains, %v", len(chains), problems)
	}
}

// TestVerify_byTheSystem shows that without roots of its own a certificate of a
// private authority is not trusted, and that all the rest is still said.
func TestVerify_byTheSystem(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	leaf := root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-time.Hour)})
	_, problems := Verify([]*x509.Certificate{leaf.Leaf, root.Cert}, "other.example", nil, time.Now())
	var reasons []probe.Reason
	for _, p := range problems {
		reasons = append(reasons, p.Reason)
	}
	if want := []probe.Reason{probe.TLSExpired, probe.TLSWrongHost, probe.TLSUnknownAuthority}; !slices.Equal(reasons, want) {
		t.Errorf("got %q, want %q", reasons, want)
	}
}

// TestVerify_sameOrganisation has a certificate that says nowhere where its
// issuer's is, but whose issuer belongs to an organisation that is trusted.
func TestVerify_sameOrganisation(t *testing.T) {
	ville := func(c *x509.Certificate) { c.Subject.Organization = []string{"Ville"} }
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root", Change: ville})
	inter := root.Authority(t, probetest.Spec{Name: "Intermediate", Change: ville})
	leaf := inter.Leaf(t, probetest.Spec{Bare: true}).Leaf
	_, problems := Verify([]*x509.Certificate{leaf}, "localhost", NewRoots(root.Cert), time.Now())
	if len(problems) != 1 || problems[0].Reason != probe.TLSIncompleteChain {
		t.Errorf("got %v", problems)
	}
}

func TestVerify_nothingSent(t *testing.T) {
	if _, problems := Verify(nil, "localhost", nil, time.Now()); len(problems) != 1 || problems[0].Reason != probe.TLSHandshake {
		t.Errorf("got %v", problems)
	}
}

// TestVerify_circle has two authorities that vouch for each other.
func TestVerify_circle(t *testing.T) {
	a := probetest.NewAuthority(t, probetest.Spec{Name: "A"})
	b := probetest.NewAuthority(t, probetest.Spec{Name: "B"})
	ab := b.Authority(t, probetest.Spec{Name: "A", Key: a.Key})
	ba := a.Authority(t, probetest.Spec{Name: "B", Key: b.Key})
	leaf := a.Leaf(t, probetest.Spec{})
	_, problems := Verify([]*x509.Certificate{leaf.Leaf, ab.Cert, ba.Cert}, "localhost", NewRoots(), time.Now())
	if len(problems) != 1 || problems[0].Reason != probe.TLSUnknownAuthority {
		t.Errorf("got %v", problems)
	}
}

func TestRoots_areReadAgainWhenTheyChange(t *testing.T) {
	one := probetest.NewAuthority(t, probetest.Spec{Name: "One"})
	two := probetest.NewAuthority(t, probetest.Spec{Name: "Another one"})
	file := probetest.WritePEM(t, one)
	roots, err := LoadRoots(file)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := LoadRoots(file); err != nil || again != roots {
		t.Errorf("who trusts the same file does not share it: %v", err)
	}
	leaf := two.Leaf(t, probetest.Spec{}).Leaf
	good := func() bool {
		_, problems := Verify([]*x509.Certificate{leaf}, "localhost", roots, time.Now())
		return problems == nil
	}
	if good() {
		t.Fatal("trusted too early")
	}
	other, err := os.ReadFile(probetest.WritePEM(t, two))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, other, 0o600); err != nil {
		t.Fatal(err)
	}
	if !good() {
		t.Error("the new authority is not trusted")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if !good() {
		t.Error("without the file, those read before are to stay")
	}
}

// shake shakes hands with a server of this configuration.
func shake(t *testing.T, server *tls.Config, o *Options) (*tls.Conn, *probe.TLS, error) {
	t.Helper()
	address := probetest.TCP(t, func(raw net.Conn) {
		conn := tls.Server(raw, server)
		defer conn.Close()
		if conn.HandshakeContext(t.Context()) == nil {
			probetest.Hang(conn)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return Handshake(ctx, conn, "localhost", o)
}

func TestHandshake_refusals(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	certs := []tls.Certificate{root.Leaf(t, probetest.Spec{})}
	o := &Options{Roots: NewRoots(root.Cert)}
	for _, c := range []struct {
		name   string
		server *tls.Config
		want   probe.Reason
		seen   bool
	}{
		{"too old a version", &tls.Config{Certificates: certs, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, probe.TLSVersion, false},
		{"no certificate for the name", &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return nil, errors.New("none")
		}}, probe.TLSHandshake, false},
		{"wants a certificate of ours, TLS 1.2", &tls.Config{Certificates: certs, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, probe.TLSClientCertificate, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, seen, err := shake(t, c.server, o)
			var f *probe.Failure
			if !errors.As(err, &f) || f.Reason != c.want || f.Phase != probe.PhaseTLS || (seen != nil) != c.seen {
				t.Errorf("got %v (%#v), certificates seen: %t; want %s", err, f, seen != nil, c.want)
			}
		})
	}

	// With TLS 1.3 the refusal comes after the handshake.
	conn, seen, err := shake(t, &tls.Config{Certificates: certs, ClientAuth: tls.RequireAnyClientCert}, o)
	if err != nil || len(seen.Problems) != 0 {
		t.Fatalf("got %v, %v", err, seen)
	}
	_, err = conn.Read(make([]byte, 1))
	if reason, _, ok := Alert(err); !ok || reason != probe.TLSClientCertificate {
		t.Errorf("got %v, want an alert about a client certificate", err)
	}
	if _, _, ok := Alert(io.EOF); ok {
		t.Error("EOF is no alert")
	}
}

// FuzzVerify verifies what may have come from a network. It must neither
// panic nor find nothing wrong, for nothing is trusted.
func FuzzVerify(f *testing.F) {
	root := probetest.NewAuthority(f, probetest.Spec{Name: "Root"})
	inter := root.Authority(f, probetest.Spec{Name: "Intermediate"})
	leaf := inter.Leaf(f, probetest.Spec{}, inter, root)
	f.Add(leaf.Certificate[0], leaf.Certificate[1], leaf.Certificate[2], "localhost")
	f.Add(root.Cert.Raw, root.Cert.Raw, []byte(nil), "127.0.0.1")
	old, _ := os.ReadFile("testdata/sha1-leaf.pem")
	block, _ := pem.Decode(old)
	f.Add(block.Bytes, inter.Cert.Raw, root.Cert.Raw, "")
	f.Fuzz(func(t *testing.T, a, b, c []byte, name string) {
		var certs []*x509.Certificate
		for _, der := range [][]byte{a, b, c} {
			if cert, err := x509.ParseCertificate(der); err == nil {
				certs = append(certs, cert)
			}
		}
		chains, problems := Verify(certs, name, NewRoots(), time.Now())
		if len(chains) > 0 || len(problems) == 0 {
			t.Errorf("%d chains, %v", len(chains), problems)
		}
		for _, p := range problems {
			if p.Reason == "" || p.Text == "" {
				t.Errorf("a problem without reason or words: %+v", p)
			}
		}
	})
}
