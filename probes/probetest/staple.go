package probetest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Staple makes the OCSP answer of an authority about a certificate. What r
// leaves out is as a good one has it now: known an hour ago, for a week.
func (a *Authority) Staple(t testing.TB, leaf *x509.Certificate, r ocsp.Response) []byte {
	t.Helper()
	if r.SerialNumber == nil {
		r.SerialNumber = leaf.SerialNumber
	}
	if r.ThisUpdate.IsZero() {
		r.ThisUpdate = time.Now().Add(-time.Hour)
	}
	if r.NextUpdate.IsZero() {
		r.NextUpdate = r.ThisUpdate.Add(7 * 24 * time.Hour)
	}
	signer := a
	if r.Certificate != nil {
		signer = &Authority{Cert: r.Certificate, Key: a.Key} // one that a lets sign, or not
	}
	der, err := ocsp.CreateResponse(a.Cert, signer.Cert, r, signer.Key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// MustStaple makes a certificate demand an OCSP answer beside it (RFC 7633).
func MustStaple(c *x509.Certificate) {
	c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{
		Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 0x03, 0x02, 0x01, 0x05},
	})
}
