package tlscheck

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"tocsin/probes/probe"
)

// What is shorter has less than 112 bits of strength (NIST SP 800-131A), and
// is refused by OpenSSL at Debian's level, as a rule of its maintainers.
const (
	shortestRSA   = 2048
	shortestECDSA = 224
)

// judgeKeys warns of keys that are too short, in the server's own certificate
// and in those that vouch for it. Of a root the site itself has chosen to
// trust it says so too: who can make its key again makes every certificate.
func judgeKeys(t *probe.TLS) {
	chain := t.BestChain()
	if chain == nil {
		chain = t.Certificates
	}
	for i, c := range chain {
		var bits, least int
		switch key := c.PublicKey.(type) {
		case *rsa.PublicKey:
			bits, least = key.N.BitLen(), shortestRSA
		case *ecdsa.PublicKey:
			bits, least = key.Params().BitSize, shortestECDSA
		default:
			continue
		}
		if bits >= least {
			continue
		}
		whose := "the certificate"
		if i > 0 {
			whose = "the authority's certificate " + short(c)
		}
		warn(t, probe.WeakKey, fmt.Sprintf("the key of %s has %d bits (%s); Debian's OpenSSL takes none below %d", whose, bits, c.PublicKeyAlgorithm, least))
	}
}

// coveredBy returns the name in a certificate that covers the name asked for,
// as *.ville.example covers www.ville.example; empty when none does.
func coveredBy(c *x509.Certificate, name string) string {
	for _, n := range c.DNSNames {
		if (&x509.Certificate{DNSNames: []string{n}}).VerifyHostname(name) == nil {
			return n
		}
	}
	if c.VerifyHostname(name) == nil {
		return name // an address
	}
	return ""
}
