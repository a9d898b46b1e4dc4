package app

import (
	"slices"

	"tocsin/alerts/rules"
	"tocsin/internal/frame"
	"tocsin/probes"
	"tocsin/probes/probe"
)

// detail says in words what a target of this instance finds wrong, as far as it
// is what the alert of these labels is about; empty: nothing is known of that.
func (a *App) detail(alert map[string]string) string {
	g := a.current.Load()
	return detailOf(g.targets(), g.site.Rules(), alert)
}

// detailOf is detail with all that it rests on. A target has many collectors:
// what one of them found belongs to the rules about its own metrics.
func detailOf(targets []*frame.Target, files []rules.File, alert map[string]string) string {
	rule, ok := rules.Find(files, alert["alertname"])
	if !ok {
		return ""
	}
	sources, err := rules.Sources(files, rule.Expr)
	if err != nil {
		return "" // such a rule is refused when it is read
	}
	for _, t := range targets {
		spec := t.Spec()
		if spec.Job != alert["job"] || spec.Instance != alert["instance"] {
			continue
		}
		for i, s := range t.States() {
			c := spec.Collectors[i].Collector
			switch look, ok := c.(looker); {
			case s.Error != "" && alert["collector"] == s.Collector:
				return s.Error // the alert is that it could not measure
			case s.Explain == "":
			case ok:
				if r, _ := look.Last(); ofRule(rule.Alert, r.Reason) || ofOwnRule(files, rule.Alert, sources) {
					return s.Explain
				}
			case slices.ContainsFunc(sources, func(metric string) bool { return sends(c, metric) }):
				return s.Explain
			}
		}
	}
	return ""
}

// sends tells whether a metric is a collector's own.
func sends(c frame.Collector, metric string) bool {
	return slices.ContainsFunc(c.Families(), func(f *frame.Family) bool { return f.Name != frame.AnyName && f.Covers(metric) })
}

// ofRule tells whether a look that failed for a reason did so for what a shipped
// rule alerts on. All rules about a probe rest on one collector: a server that is
// silent now says nothing about the certificate that it once showed.
func ofRule(alert string, reason probes.Reason) bool {
	switch alert {
	case "ProbeFailing", "ProbeFailingSomewhere", "ProbeJourneyFailing", "ProbeOIDCFaulty", "ProbeSAMLMetadataFaulty", "MailTripFailed":
		return reason != ""
	case "CertificateInvalid":
		return reason.IsTLS() && !slices.Contains([]probes.Reason{probe.TLSClientCertificate, probe.TLSVersion, probe.TLSHandshake}, reason)
	}
	of := map[string]probes.Reason{
		"MailRefused": probe.MailRefused, "MailOpenRelay": probe.OpenRelay, "MailAuthWithoutTLS": probe.PlaintextAuth,
		"MailMXBroken": probe.MailDNS, "MailDNSBroken": probe.MailDNS, "ZoneSignaturesInvalid": probe.DNSSEC,
		"DomainOnHold": probe.Registration, "AddressBlocklisted": probe.Listed, "TimeServerOff": probe.Unsynchronised,
		"PortOpenThatMustNotBe": probe.PortOpen, "SSHHostKeyWrong": probe.HostKey, "ProbeLoginRefused": probe.LoginRefused,
		"LDAPPlaintextBind": probe.PlaintextAuth,
	}
	only, ok := of[alert]
	return ok && only == reason
}

// ofOwnRule tells whether a rule is the site's own, and about whether probes
// fail.
func ofOwnRule(files []rules.File, alert string, sources []string) bool {
	own := slices.ContainsFunc(files, func(f rules.File) bool {
		_, ok := rules.Find([]rules.File{f}, alert)
		return ok && f.Own
	})
	return own && (slices.Contains(sources, "probe_success") || slices.Contains(sources, "probe_failure_info"))
}
