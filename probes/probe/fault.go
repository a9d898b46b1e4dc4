package probe

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"
)

// maxFaults bounds how many faults are told of one look.
const maxFaults = 50

// Fault adds what is not as it should be although users are served, in one
// short sentence. What is told already is not told again.
func (r *Result) Fault(text string) {
	if len(r.Faults) < maxFaults && !slices.Contains(r.Faults, text) {
		r.Faults = append(r.Faults, text)
	}
}

// faultsOfTLS tells what of each server's certificate and versions of TLS is
// not as it should be, though clients take it.
func (r *Result) faultsOfTLS() {
	for i := range r.Hops {
		h := &r.Hops[i]
		if h.TLS == nil {
			continue
		}
		who := "the server"
		if h.Host != "" {
			who = h.Host
		}
		for _, w := range h.TLS.Warnings {
			r.Fault(who + ": " + w.Text)
		}
		var old []string
		for _, v := range slices.Sorted(maps.Keys(h.TLS.Accepts)) {
			if v < tls.VersionTLS12 && h.TLS.Accepts[v] {
				old = append(old, tls.VersionName(v))
			}
		}
		if len(old) > 0 {
			r.Fault(who + " still takes " + strings.Join(old, " and "))
		}
	}
}
