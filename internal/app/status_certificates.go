package app

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"tocsin/alerts/rules"
	"tocsin/internal/config"
	"tocsin/internal/frame"
	"tocsin/internal/web/status"
	"tocsin/probes/probe"
)

// certificates lists what a probe saw last: the certificate of its target, and
// of each server that redirects led over.
func certificates(t *frame.Target) []status.Certificate {
	l := lookerOf(t)
	if l == nil {
		return nil
	}
	look, _ := l.Last()
	var seen []status.Certificate
	for i := range look.Hops {
		hop := &look.Hops[i]
		var one status.Certificate
		switch {
		case hop.TLS != nil && len(hop.TLS.Certificates) > 0:
			one = certificate(hop.TLS)
		case hop.Told != nil:
			one = certificateTold(hop.Told)
			one.From = t.Spec().Labels["from"]
		default:
			continue
		}
		one.Name = hopName(t.Spec().Instance, i, hop.Host)
		one.Accepted = one.Reason != "" && !strings.HasPrefix(string(look.Reason), "tls_")
		seen = append(seen, one)
	}
	return seen
}

func certificate(t *probe.TLS) status.Certificate {
	sum := sha256.Sum256(t.Certificates[0].Raw)
	one := status.Certificate{Fingerprint: hex.EncodeToString(sum[:]), NotAfter: t.EarliestExpiry()}
	if end, ok := t.LastChainExpiry(); ok { // else nothing holds, and what ends first is told
		one.NotAfter = end
	}
	if len(t.Problems) > 0 {
		one.Reason, one.Problem = string(t.Problems[0].Reason), t.Problems[0].Text
	}
	return one
}

// certificateTold is the same of what another instance saw.
func certificateTold(t *probe.Handshake) status.Certificate {
	one := status.Certificate{Fingerprint: t.Certificates[0].SHA256, NotAfter: t.Certificates[0].NotAfter}
	for i := range t.Certificates {
		if end := t.Certificates[i].NotAfter; end.Before(one.NotAfter) {
			one.NotAfter = end
		}
	}
	if t.ChainExpiry != nil {
		one.NotAfter = *t.ChainExpiry
	}
	if len(t.Problems) > 0 {
		one.Reason, one.Problem = string(t.Problems[0].Reason), t.Problems[0].Text
	}
	return one
}

// hopName says for what a certificate was presented.
func hopName(instance string, hop int, server string) string {
	if hop == 0 {
		return instance
	}
	return instance + " → " + server
}

// certificateDays are how long before a certificate's end the site's rules
// alert; zero where no rule of that name is there. Overrides for some targets
// only are not looked at.
func certificateDays(site *config.Site) (soon, last time.Duration) {
	for _, r := range rules.Alerts(site.Rules()) {
		if r.Threshold == nil {
			continue
		}
		switch r.Alert {
		case "CertificateExpiring":
			soon = days(effective(r, site.Alerts.Rules))
		case "CertificateExpiringSoon":
			last = days(effective(r, site.Alerts.Rules))
		}
	}
	return soon, last
}

func days(n float64) time.Duration { return time.Duration(n * float64(24*time.Hour)) }

// effective is the number of a rule as the site has it.
func effective(r rules.Rule, o rules.Overrides) float64 {
	for _, e := range o[r.Alert].List {
		if len(e.Match) == 0 && e.Threshold != nil {
			return *e.Threshold
		}
	}
	return r.Threshold.Value
}
