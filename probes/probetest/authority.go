package probetest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A Spec is what a certificate is to say. What is left out is as a good
// certificate has it now.
type Spec struct {
	Name      string   // common name
	Hosts     []string // names and addresses; default localhost, 127.0.0.1 and ::1
	NotBefore time.Time
	NotAfter  time.Time
	Key       crypto.Signer // reused where two certificates are for one key
	// Bare leaves out where the issuer's certificate can be fetched, which
	// all public authorities write.
	Bare bool
	// Change has the last word.
	Change func(*x509.Certificate)
}

// An Authority signs certificates.
type Authority struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// NewAuthority makes an authority that vouches for itself.
func NewAuthority(t testing.TB, s Spec) *Authority {
	t.Helper()
	key := s.key(t)
	template := s.template(t)
	asAuthority(template)
	return &Authority{Cert: sign(t, template, template, key.Public(), key), Key: key}
}

// Authority makes an authority that a vouches for.
func (a *Authority) Authority(t testing.TB, s Spec) *Authority {
	t.Helper()
	key := s.key(t)
	template := s.template(t)
	asAuthority(template)
	return &Authority{Cert: sign(t, template, a.Cert, key.Public(), a.Key), Key: key}
}

// Leaf makes a server's certificate. The chain follows it as it is to be sent.
func (a *Authority) Leaf(t testing.TB, s Spec, chain ...*Authority) tls.Certificate {
	t.Helper()
	key := s.key(t)
	template := s.leafTemplate(t)
	leaf := sign(t, template, a.Cert, key.Public(), a.Key)
	out := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, c := range chain {
		out.Certificate = append(out.Certificate, c.Cert.Raw)
	}
	return out
}

// SelfSigned makes a server's certificate that only itself vouches for.
func SelfSigned(t testing.TB, s Spec) tls.Certificate {
	t.Helper()
	key := s.key(t)
	template := s.leafTemplate(t)
	leaf := sign(t, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// WritePEM writes the authorities into a file and returns its path.
func WritePEM(t testing.TB, authorities ...*Authority) string {
	t.Helper()
	var b bytes.Buffer
	for _, a := range authorities {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: a.Cert.Raw})
	}
	return write(t, "ca.pem", b.Bytes())
}

// WritePair writes a server's certificate with its chain, and its key, into
// two files and returns their paths.
func WritePair(t testing.TB, c tls.Certificate) (cert, key string) {
	t.Helper()
	var b bytes.Buffer
	for _, der := range c.Certificate {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "server.pem", b.Bytes()),
		write(t, "server.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *Spec) key(t testing.TB) crypto.Signer {
	if s.Key != nil {
		return s.Key
	}
	return NewKey(t)
}

// NewKey makes a key.
func NewKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *Spec) template(t testing.TB) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: s.Name},
		NotBefore:    s.NotBefore, NotAfter: s.NotAfter,
	}
	if c.NotBefore.IsZero() {
		c.NotBefore = time.Now().Add(-time.Hour)
		if !c.NotAfter.IsZero() && c.NotAfter.Before(time.Now()) {
			c.NotBefore = c.NotAfter.Add(-90 * 24 * time.Hour)
		}
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = c.NotBefore.Add(90 * 24 * time.Hour)
	}
	if s.Change != nil {
		s.Change(c)
	}
	return c
}

func (s *Spec) leafTemplate(t testing.TB) *x509.Certificate {
	c := s.template(t)
	c.KeyUsage |= x509.KeyUsageDigitalSignature
	if c.ExtKeyUsage == nil {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	if !s.Bare {
		c.IssuingCertificateURL = []string{"http://authority.invalid/issuer.der"}
	}
	hosts := s.Hosts
	if hosts == nil {
		hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	return c
}

func asAuthority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid = true, true
	c.KeyUsage |= x509.KeyUsageCertSign
}

func sign(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
