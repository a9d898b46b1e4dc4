package tlscheck

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"tocsin/probes/probe"
)

// judgeStaple reads the OCSP answer that a server stapled, and fills in what
// it says of t's certificate. A revoked certificate is a problem; an answer
// that says nothing, or is missed, is a warning. raw may be empty.
func judgeStaple(t *probe.TLS, raw []byte, now time.Time) {
	leaf := t.Certificates[0]
	if len(raw) == 0 {
		if mustStaple(leaf) {
			warn(t, probe.StapleMissing, "the certificate demands an OCSP answer beside it (must-staple), and the server staples none: clients that heed it refuse")
		}
		return
	}
	answer, err := readStaple(raw, leaf, t.Issuer())
	if err != nil {
		t.Staple = &probe.Staple{Status: probe.StapledUnusable}
		warn(t, probe.StapleUnusable, "the OCSP answer that the server staples cannot be used: "+err.Error())
		return
	}
	t.Staple = &probe.Staple{Status: probe.StapledGood, ThisUpdate: answer.ThisUpdate, NextUpdate: answer.NextUpdate}
	stale := !answer.NextUpdate.IsZero() && now.After(answer.NextUpdate)
	switch answer.Status {
	case ocsp.Revoked:
		t.Staple.Status, t.Staple.RevokedAt = probe.StapledRevoked, answer.RevokedAt
		text := fmt.Sprintf("the certificate was revoked %s ago, on %s%s", span(now.Sub(answer.RevokedAt)), day(answer.RevokedAt), because(answer.RevocationReason))
		t.Problems = slices.Insert(t.Problems, 0, probe.Problem{Reason: probe.TLSRevoked, Text: text})
	case ocsp.Unknown:
		t.Staple.Status = probe.StapledUnknown
		warn(t, probe.StapleUnknown, "the OCSP answer that the server staples says that the certificate is not known to its authority")
	}
	if stale {
		warn(t, probe.StapleStale, fmt.Sprintf("the OCSP answer that the server staples ended %s ago, on %s: the server has fetched no newer one",
			span(now.Sub(answer.NextUpdate)), day(answer.NextUpdate)))
	}
}

func warn(t *probe.TLS, w probe.Warning, text string) {
	t.Warnings = append(t.Warnings, probe.Warned{Warning: w, Text: text})
}

// readStaple reads an OCSP answer for a certificate, and checks that it was
// signed by its issuer or by whom the issuer lets sign (RFC 6960, section
// 4.2.2.2), which the library does not in full.
func readStaple(raw []byte, leaf, issuer *x509.Certificate) (*ocsp.Response, error) {
	answer, err := ocsp.ParseResponseForCert(raw, leaf, nil)
	var refused ocsp.ResponseError
	switch {
	case errors.As(err, &refused):
		return nil, fmt.Errorf("the authority gave no answer, but the error %q", refused.Status)
	case err != nil:
		return nil, fmt.Errorf("%s", probe.Label(err.Error()))
	case issuer == nil:
		return nil, errors.New("the certificate of its authority is not at hand, so nobody can tell who signed it")
	}
	by := answer.Certificate
	switch {
	case by == nil:
		err = answer.CheckSignatureFrom(issuer)
	case bytes.Equal(by.Raw, issuer.Raw): // its signature has been checked with the certificate that came with it
	case !slices.Contains(by.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return nil, errors.New("it is signed with a certificate that may not sign such answers")
	case answer.ThisUpdate.After(by.NotAfter) || answer.ThisUpdate.Before(by.NotBefore):
		return nil, errors.New("it is signed with a certificate that was not valid then")
	default:
		err = issuer.CheckSignature(by.SignatureAlgorithm, by.RawTBSCertificate, by.Signature)
	}
	if err != nil {
		return nil, errors.New("it is not signed by the certificate's authority")
	}
	return answer, nil
}

// oidTLSFeature is the extension by which a certificate demands a staple, and
// statusRequest the number that stands in it for one (RFC 7633, RFC 6066).
var oidTLSFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

const statusRequest = 5

func mustStaple(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidTLSFeature) {
			continue
		}
		var features []int
		if _, err := asn1.Unmarshal(e.Value, &features); err == nil && slices.Contains(features, statusRequest) {
			return true
		}
	}
	return false
}

// because says why a certificate was revoked (RFC 5280, section 5.3.1), where
// the authority says so.
func because(reason int) string {
	switch reason {
	case ocsp.KeyCompromise, ocsp.CACompromise, ocsp.AACompromise:
		return ", because a key is in wrong hands"
	case ocsp.AffiliationChanged:
		return ", because it belongs to somebody else"
	case ocsp.Superseded:
		return ", because there is a newer one"
	case ocsp.CessationOfOperation:
		return ", because it is not in use any more"
	case ocsp.CertificateHold:
		return ", for the time being"
	case ocsp.PrivilegeWithdrawn:
		return ", because the right to it was withdrawn"
	default:
		return ""
	}
}
