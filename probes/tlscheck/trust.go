package tlscheck

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"tocsin/probes/probe"
)

// unknownAuthority tells apart the ways in which a chain does not reach an
// authority that is trusted: the end of what the server sent is looked at.
func (v *verification) unknownAuthority() probe.Problem {
	if weak := v.weak(); weak != nil {
		return probe.Problem{Reason: probe.TLSWeak, Text: fmt.Sprintf(
			"the certificate %s is signed with %s, which is broken", short(weak), weak.SignatureAlgorithm)}
	}
	if selfSigned(v.leaf) {
		return probe.Problem{Reason: probe.TLSSelfSigned, Text: "the certificate is signed by itself, and is not among the trusted authorities"}
	}
	top, depth := v.top()
	issuer := fmt.Sprintf("%q", cmp.Or(top.Issuer.CommonName, top.Issuer.String()))
	if selfSigned(top) {
		return probe.Problem{Reason: probe.TLSUnknownAuthority, Text: fmt.Sprintf(
			"the certificate was issued by %s, which is not a trusted authority", short(top))}
	}
	if depth == 0 && v.looksIncomplete() {
		return probe.Problem{Reason: probe.TLSIncompleteChain, Text: fmt.Sprintf(
			"the server does not send the intermediate certificate %s: its certificate file lacks the chain", issuer)}
	}
	return probe.Problem{Reason: probe.TLSUnknownAuthority, Text: fmt.Sprintf(
		"the certificate was issued by %s, which is not a trusted authority, nor did the server send who vouches for it", issuer)}
}

// looksIncomplete guesses whether the issuer of a leaf that came without one
// is an intermediate that was forgotten, or an authority that nobody trusts. A
// certificate that alone reached us cannot prove either, so the signs are:
// other authorities were sent, but wrong ones; the certificate says where its
// issuer's can be fetched, as all public authorities write; or the issuer
// belongs to an organisation that is trusted.
func (v *verification) looksIncomplete() bool {
	sentOthers := slices.ContainsFunc(v.certs[1:], func(c *x509.Certificate) bool { return c.IsCA && !selfSigned(c) })
	if sentOthers || len(v.leaf.IssuingCertificateURL) > 0 {
		return true
	}
	return slices.ContainsFunc(v.roots, func(root *x509.Certificate) bool {
		return len(root.Subject.Organization) > 0 && slices.Equal(root.Subject.Organization, v.leaf.Issuer.Organization) &&
			!bytes.Equal(root.RawSubject, v.leaf.RawIssuer)
	})
}

// top follows the issuers among the certificates sent, from the leaf as far
// as they go, and tells how many steps that were.
func (v *verification) top() (*x509.Certificate, int) {
	current, depth := v.leaf, 0
	for depth < len(v.certs) {
		next := slices.IndexFunc(v.certs[1:], func(c *x509.Certificate) bool {
			return c != current && bytes.Equal(c.RawSubject, current.RawIssuer) && current.CheckSignatureFrom(c) == nil
		})
		if next < 0 || selfSigned(current) {
			break
		}
		current, depth = v.certs[1+next], depth+1
	}
	return current, depth
}

// weak finds a certificate that was signed with an algorithm that is broken
// and that therefore does not count. A root's own signature does not matter.
func (v *verification) weak() *x509.Certificate {
	for _, c := range v.certs {
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			if !bytes.Equal(c.RawIssuer, c.RawSubject) {
				return c
			}
		default:
		}
	}
	return nil
}

// selfSigned tells whether c was signed with its own key.
func selfSigned(c *x509.Certificate) bool {
	if !bytes.Equal(c.RawIssuer, c.RawSubject) {
		return false
	}
	err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	var insecure x509.InsecureAlgorithmError // SHA-1: nobody can tell any more, so the names decide
	return err == nil || errors.As(err, &insecure)
}
