package stream

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
)

// Reached fills in hop n of r and writes the steps of finding and reaching a
// server: out is what dialling came to, err its error.
func Reached(r *probe.Result, n int, began time.Time, host string, out *dial.Outcome, err error) {
	h := &r.Hops[n]
	h.Found, h.Address = out.Found, out.Address
	h.Phases[probe.PhaseResolve], h.Phases[probe.PhaseConnect] = out.Resolve, out.Connect
	if _, err := netip.ParseAddr(host); err != nil && len(out.Found) > 0 { // an address is itself
		names := make([]string, len(out.Found))
		for i, a := range out.Found {
			names[i] = a.String()
		}
		r.Steps = append(r.Steps, probe.Step{
			Hop: n, Phase: probe.PhaseResolve, Offset: began.Sub(r.Start), Duration: out.Resolve,
			Text: host + " is " + strings.Join(names, ", "),
		})
	}
	if err != nil {
		phase, took := probe.PhaseConnect, out.Connect
		if len(out.Found) == 0 {
			phase, took = probe.PhaseResolve, out.Resolve
		}
		r.Steps = append(r.Steps, probe.Step{
			Hop: n, Phase: phase, Offset: time.Since(r.Start) - took, Duration: took, Text: err.Error(), Failed: true,
		})
		return
	}
	if !out.Address.IsValid() {
		return
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s answered (%s)", out.Address, family(out))
	for _, a := range out.Failed {
		fmt.Fprintf(&text, "; %s did not: %s", a.Address, dial.Words(a.Err))
	}
	r.Steps = append(r.Steps, probe.Step{
		Hop: n, Phase: probe.PhaseConnect, Offset: began.Sub(r.Start) + out.Resolve, Duration: out.Connect, Text: text.String(),
	})
}

func family(out *dial.Outcome) string {
	if out.Address.Addr().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// tellTLS writes the steps of a handshake, as far as it came.
func tellTLS(r *probe.Result, n int, began time.Time, seen *probe.TLS, err error) {
	if seen != nil {
		leaf := seen.Certificates[0]
		text := fmt.Sprintf("%s, %s; certificate of %q by %q, valid from %s to %s",
			tls.VersionName(seen.Version), probe.CipherName(seen.CipherSuite),
			leaf.Subject.CommonName, leaf.Issuer.CommonName,
			leaf.NotBefore.UTC().Format(time.DateOnly), leaf.NotAfter.UTC().Format(time.DateOnly))
		r.Step(n, probe.PhaseTLS, began, false, text)
		if t := seen.Staple; t != nil && t.Status != probe.StapledUnusable {
			text := "the OCSP answer that it staples says " + string(t.Status) + ", known " + t.ThisUpdate.UTC().Format(time.DateTime)
			if !t.NextUpdate.IsZero() {
				text += ", good until " + t.NextUpdate.UTC().Format(time.DateTime)
			}
			r.Step(n, probe.PhaseTLS, time.Time{}, false, text)
		}
		for _, w := range seen.Warnings {
			r.Step(n, probe.PhaseTLS, time.Time{}, false, "warning, "+string(w.Warning)+": "+w.Text)
		}
		for _, p := range seen.Problems {
			r.Step(n, probe.PhaseTLS, time.Time{}, err != nil, string(p.Reason)+": "+p.Text)
		}
		if len(seen.Problems) > 0 {
			return
		}
	}
	if err != nil {
		r.Step(n, probe.PhaseTLS, began, true, err.Error())
	}
}
