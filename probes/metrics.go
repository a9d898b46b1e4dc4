package probes

import (
	"crypto/tls"
	"encoding/hex"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
)

// What every probe has. Names, types and meanings are blackbox_exporter's;
// where one of them misleads, a metric of our own stands beside it.
var (
	success = &frame.Family{
		Name: "probe_success",
		Help: "Whether the service is as it should be.",
	}
	duration = &frame.Family{
		Name: "probe_duration_seconds",
		Help: "How long the probe took.",
	}
	timeout = &frame.Family{
		Name: "probe_timeout_seconds",
		Help: "How long the probe might have taken: its own timeout, or what the scraper's leaves.",
	}
	lookupTime = &frame.Family{
		Name: "probe_dns_lookup_time_seconds",
		Help: "How long looking up the target's name took.",
	}
	ipProtocol = &frame.Family{
		Name: "probe_ip_protocol",
		Help: "Whether IPv4 or IPv6 was used for the target (4 or 6; 0 when its name does not resolve; absent when no address was looked for: a socket, or a proxy that is given the name).",
	}
	ipHash = &frame.Family{
		Name: "probe_ip_addr_hash",
		Help: "Hash (FNV-1a, 32 bit) of the target's address, to see that it changed.",
	}
	earliestExpiry = &frame.Family{
		Name: "probe_ssl_earliest_cert_expiry",
		Help: "When the first of the certificates that the last server sent expires, whether or not they are good.",
	}
	chainExpiry = &frame.Family{
		Name: "probe_ssl_last_chain_expiry_timestamp_seconds",
		Help: "When the verified chain of the last server that lasts longest ends. Absent when no chain verifies.",
	}
	leafInfo = &frame.Family{
		Name:   "probe_ssl_last_chain_info",
		Labels: []string{"fingerprint_sha256", "issuer", "serialnumber", "subject", "subjectalternative"},
		Help:   "The certificate of the last server.",
	}
	tlsVersion = &frame.Family{
		Name: "probe_tls_version_info", Labels: []string{"version"},
		Help: "The TLS version negotiated with the last server.",
	}
	tlsCipher = &frame.Family{
		Name: "probe_tls_cipher_info", Labels: []string{"cipher"},
		Help: "The cipher suite negotiated with the last server.",
	}
)

// Our own, beside blackbox_exporter's. The labels' values are bounded: reason
// phase, warning and status are closed lists (probe.Reasons, Phases, Warnings, StapleStatus), hop counts from 0
// to 10, host is the host name of a URL met, or "other" after two dozen.
var (
	failureInfo = &frame.Family{
		Name: "probe_failure_info", Labels: []string{"reason"},
		Help: "Why the probe failed; absent when it did not.",
	}
	failurePhase = &frame.Family{
		Name: "probe_failure_phase_info", Labels: []string{"phase"},
		Help: "In which phase the probe failed; absent when it did not.",
	}
)

func common() []*frame.Family {
	return []*frame.Family{
		success, duration, timeout, lookupTime, ipProtocol, ipHash,
		earliestExpiry, chainExpiry, leafInfo, tlsVersion, tlsCipher,
		failureInfo, failurePhase, certProblem, certWarning, hopExpiry, hopNotBefore,
		hopCertificate, hopIntermediate, endsFirst, stapleInfo, stapleThis, stapleNext, versionAccepted,
	}
}

// FamiliesOf lists all that the page of a prober may have.
func FamiliesOf(p Prober) []*frame.Family { return append(common(), p.Families()...) }

// send writes a result onto a page.
func send(s *frame.Sink, r *probe.Result) {
	s.Send(success, truth(r.Success))
	s.Send(duration, r.Duration.Seconds())
	if r.Timeout > 0 {
		s.Send(timeout, r.Timeout.Seconds())
	}
	if r.Reason != "" {
		s.Send(failureInfo, 1, string(r.Reason))
	}
	if r.Phase != "" {
		s.Send(failurePhase, 1, string(r.Phase))
	}
	var lookup time.Duration
	var first, last probe.Hop
	if n := len(r.Hops); n > 0 {
		first, last = r.Hops[0], r.Hops[n-1]
		lookup = first.Phases[probe.PhaseResolve]
	}
	used := first.Address.Addr()
	if !used.IsValid() && len(first.Found) > 0 {
		used = first.Found[0]
	}
	if used.IsValid() || !r.Addressless {
		protocol, hash := address(used)
		s.Send(lookupTime, lookup.Seconds())
		s.Send(ipProtocol, protocol)
		s.Send(ipHash, hash)
	}
	if last.TLS != nil {
		sendTLS(s, last.TLS)
	}
	sendEndsFirst(s, r)
	for i := range r.Hops {
		sendHop(s, strconv.Itoa(i), &r.Hops[i])
	}
	for _, x := range r.Samples {
		s.Send(x.Family, x.Value, x.Labels...)
	}
}

// sendTLS writes what blackbox_exporter tells of the last server's TLS.
func sendTLS(s *frame.Sink, t *probe.TLS) {
	s.Send(tlsVersion, 1, tls.VersionName(t.Version))
	s.Send(tlsCipher, 1, probe.CipherName(t.CipherSuite))
	if len(t.Certificates) == 0 {
		return
	}
	s.Send(earliestExpiry, float64(t.EarliestExpiry().Unix()))
	if end, ok := t.LastChainExpiry(); ok {
		s.Send(chainExpiry, float64(end.Unix()))
	}
	leaf := t.Certificates[0]
	s.Send(leafInfo, 1, fingerprint(leaf), probe.Label(leaf.Issuer.String()), hex.EncodeToString(leaf.SerialNumber.Bytes()),
		probe.Label(leaf.Subject.String()), probe.Label(strings.Join(leaf.DNSNames, ",")))
}

// address returns the values of probe_ip_protocol and probe_ip_addr_hash.
func address(a netip.Addr) (protocol, hash float64) {
	if !a.IsValid() {
		return 0, 0
	}
	h := fnv.New32a()
	_, _ = h.Write(a.AsSlice())
	if a.Is4() {
		return 4, float64(h.Sum32())
	}
	return 6, float64(h.Sum32())
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
