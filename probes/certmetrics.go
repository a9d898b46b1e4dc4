package probes

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"strconv"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
)

// What is told of certificates, for each server on the way.
var (
	certProblem = &frame.Family{
		Name: "probe_certificate_problem_info", Labels: []string{"hop", "reason"},
		Help: "What is wrong with a server's certificate, each hop (0 is the target) and each thing, also when the probe accepts it.",
	}
	hopExpiry = &frame.Family{
		Name: "probe_hop_certificate_expiry_timestamp_seconds", Labels: []string{"hop", "server"},
		Help: "When the own certificate of each server on the way expires, whether or not it is good; hop 0 is the target.",
	}
	hopNotBefore = &frame.Family{
		Name: "probe_hop_certificate_not_before_timestamp_seconds", Labels: []string{"hop", "server"},
		Help: "From when the own certificate of each server on the way is valid; hop 0 is the target.",
	}
	certWarning = &frame.Family{
		Name: "probe_certificate_warning_info", Labels: []string{"hop", "server", "warning"},
		Help: "What of a server's certificate is not as it should be though clients take it: weak_key, staple_missing (though it demands one), staple_stale, staple_unknown, staple_unusable.",
	}
	hopCertificate = &frame.Family{
		Name:   "probe_hop_certificate_info",
		Labels: []string{"hop", "server", "fingerprint_sha256", "serialnumber", "issuer", "subject", "key", "signature", "asked", "covered_by"},
		Help:   "The own certificate of each server on the way, whether or not it is good; key is its type and size, covered_by the name in it that covers the name asked for.",
	}
	hopIntermediate = &frame.Family{
		Name: "probe_hop_intermediate_expiry_timestamp_seconds", Labels: []string{"hop", "server", "position", "subject", "used"},
		Help: "When each certificate ends that a server sends after its own; used tells whether the verified chain that lasts longest goes over it.",
	}
	endsFirst = &frame.Family{
		Name: "probe_certificate_ends_first_timestamp_seconds", Labels: []string{"fingerprint_sha256", "subject"},
		Help: "When the certificate ends that ends first of all that the way to the answer depends on, a server's own or an authority's. Alerts about the same one are told together.",
	}
	stapleInfo = &frame.Family{
		Name: "probe_hop_ocsp_staple_info", Labels: []string{"hop", "server", "status"},
		Help: "What the OCSP answer says that a server staples to its certificate: good, revoked, unknown, or unusable. Absent when it staples none.",
	}
	stapleThis = &frame.Family{
		Name: "probe_hop_ocsp_staple_this_update_timestamp_seconds", Labels: []string{"hop", "server"},
		Help: "When what the stapled OCSP answer says was known to be right.",
	}
	stapleNext = &frame.Family{
		Name: "probe_hop_ocsp_staple_next_update_timestamp_seconds", Labels: []string{"hop", "server"},
		Help: "When the stapled OCSP answer is to be replaced by a newer one. Absent when it does not say.",
	}
	versionAccepted = &frame.Family{
		Name: "probe_tls_version_accepted", Labels: []string{"version"},
		Help: "Whether the target takes each version of TLS, where tls_versions asks; a version of which nothing is known is absent.",
	}
)

func sendHop(s *frame.Sink, hop string, h *probe.Hop) {
	if h.TLS == nil || len(h.TLS.Certificates) == 0 {
		return
	}
	t, server := h.TLS, probe.Label(h.Host)
	leaf := t.Certificates[0]
	s.Send(hopExpiry, float64(leaf.NotAfter.Unix()), hop, server)
	s.Send(hopNotBefore, float64(leaf.NotBefore.Unix()), hop, server)
	s.Send(hopCertificate, 1, hop, server, fingerprint(leaf), hex.EncodeToString(leaf.SerialNumber.Bytes()), probe.Label(leaf.Issuer.String()),
		probe.Label(leaf.Subject.String()), probe.KeyType(leaf), leaf.SignatureAlgorithm.String(), probe.Label(t.ServerName), probe.Label(t.CoveredBy))
	best := t.BestChain()
	for i, c := range t.Certificates[1:] {
		s.Send(hopIntermediate, float64(c.NotAfter.Unix()), hop, server, strconv.Itoa(i+1), probe.Label(c.Subject.String()), strconv.FormatBool(isIn(best, c)))
	}
	told := map[probe.Reason]bool{}
	for _, p := range t.Problems {
		if !told[p.Reason] {
			told[p.Reason] = true
			s.Send(certProblem, 1, hop, string(p.Reason))
		}
	}
	warned := map[probe.Warning]bool{}
	for _, w := range t.Warnings {
		if !warned[w.Warning] {
			warned[w.Warning] = true
			s.Send(certWarning, 1, hop, server, string(w.Warning))
		}
	}
	if t.Staple != nil {
		s.Send(stapleInfo, 1, hop, server, string(t.Staple.Status))
		if !t.Staple.ThisUpdate.IsZero() {
			s.Send(stapleThis, float64(t.Staple.ThisUpdate.Unix()), hop, server)
		}
		if !t.Staple.NextUpdate.IsZero() {
			s.Send(stapleNext, float64(t.Staple.NextUpdate.Unix()), hop, server)
		}
	}
	for version, accepted := range t.Accepts {
		s.Send(versionAccepted, truth(accepted), tls.VersionName(version))
	}
}

// sendEndsFirst tells which certificate of all hops ends first.
func sendEndsFirst(s *frame.Sink, r *probe.Result) {
	var first *x509.Certificate
	for i := range r.Hops {
		if t := r.Hops[i].TLS; t != nil && len(t.Certificates) > 0 {
			if c := t.EndsFirst(); first == nil || c.NotAfter.Before(first.NotAfter) {
				first = c
			}
		}
	}
	if first != nil {
		s.Send(endsFirst, float64(first.NotAfter.Unix()), fingerprint(first), probe.Label(first.Subject.String()))
	}
}

func isIn(chain []*x509.Certificate, c *x509.Certificate) bool {
	for _, one := range chain {
		if bytes.Equal(one.Raw, c.Raw) {
			return true
		}
	}
	return false
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
