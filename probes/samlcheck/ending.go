package samlcheck

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tocsin/probes/probe"
)

// How long metadata and certificates must still be good, as for the rules
// ProbeSAMLMetadataExpiring and ProbeSAMLCertificateExpiring.
const (
	metadataLeft    = 24 * time.Hour
	certificateLeft = 30 * 24 * time.Hour
)

// ending tells what of an entity ends soon. Of several certificates for one
// use that one counts which is good for longest: the others are being replaced.
func (c *Check) ending(r *probe.Result, e *entity) {
	now := c.now()
	if left := e.until.Sub(now); left > 0 && left < metadataLeft {
		r.Fault(fmt.Sprintf("the SAML metadata is valid for %.0f hours more", left.Hours()))
	}
	last := map[string]time.Time{}
	for i := range e.roles {
		for _, x := range e.roles[i].certificates {
			if of := e.roles[i].name + ", " + x.use; x.cert != nil && x.cert.NotAfter.After(last[of]) {
				last[of] = x.cert.NotAfter
			}
		}
	}
	for _, of := range slices.Sorted(maps.Keys(last)) {
		switch left := last[of].Sub(now); {
		case left <= 0:
			r.Fault(fmt.Sprintf("the certificate in the SAML metadata (%s) expired on %s", of, last[of].UTC().Format(time.DateOnly)))
		case left < certificateLeft:
			r.Fault(fmt.Sprintf("the certificate in the SAML metadata (%s) has %.0f days left", of, left.Hours()/24))
		}
	}
}
