package samlcheck

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"time"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
	"tocsin/probes/visit"
)

// The names of faults.
const (
	faultDocument    = "document"       // no SAML metadata
	faultEntity      = "entity"         // not of whom it should be
	faultExpired     = "expired"        // validUntil has passed
	faultRole        = "role"           // neither identity nor service provider
	faultNoKey       = "no_certificate" // an identity provider without one for signatures
	faultCertificate = "certificate"    // one that cannot be read
	faultEndpoint    = "endpoint"       // an address is missing, or not encrypted
)

// A Check judges metadata. It implements visit.Check, and asks nothing itself.
type Check struct {
	wanted string
	now    func() time.Time
}

// New returns the check of the metadata of an entity. now is nil for time.Now.
func New(c *Config, now func() time.Time) *Check {
	if now == nil {
		now = time.Now
	}
	return &Check{wanted: c.EntityID, now: now}
}

// Families implements visit.Check.
func (*Check) Families() []*frame.Family { return Families() }

// Look implements visit.Check.
func (c *Check) Look(_ context.Context, v visit.Visitor, page *visit.Answer, r *probe.Result) error {
	e, count, err := read(page.Body, c.wanted)
	switch {
	case err != nil:
		return conclude(v, r, []visit.Fault{{Name: faultDocument, Text: err.Error()}})
	case e == nil:
		return conclude(v, r, []visit.Fault{{Name: faultEntity, Text: fmt.Sprintf("none of its %d entities is %s", count, c.wanted)}})
	case c.wanted == "" && count > 1:
		return conclude(v, r, []visit.Fault{{Name: faultEntity, Text: fmt.Sprintf("it has %d entities; write in the site file which is meant, as entity_id", count)}})
	}
	v.Note(false, fmt.Sprintf("metadata of %s; its signature is not verified", e.id))
	c.sample(r, e)
	c.ending(r, e)
	return conclude(v, r, c.judge(e))
}

func (c *Check) sample(r *probe.Result, e *entity) {
	if !e.until.IsZero() {
		r.Send(validUntil, float64(e.until.UnixMilli())/1000)
	}
	if e.cache > 0 {
		r.Send(cacheDuration, e.cache.Seconds())
	}
	counts := map[[2]string]int{}
	seen := map[[3]string]bool{}
	for i := range e.roles {
		for _, x := range e.roles[i].certificates {
			if x.cert == nil || len(seen) >= maxCertificates {
				continue
			}
			sum := sha256.Sum256(x.cert.Raw)
			labels := [3]string{e.roles[i].name, x.use, hex.EncodeToString(sum[:])}
			if !seen[labels] {
				seen[labels] = true
				r.Send(certificateExpiry, float64(x.cert.NotAfter.Unix()), labels[:]...)
			}
		}
		for _, x := range e.roles[i].endpoints {
			counts[[2]string{e.roles[i].name, x.service}]++
		}
	}
	for of, n := range counts {
		r.Send(endpointCount, float64(n), of[0], of[1])
	}
}

// judge says what is wrong with an entity.
func (c *Check) judge(e *entity) []visit.Fault {
	var faults []visit.Fault
	if e.id == "" {
		faults = append(faults, visit.Fault{Name: faultEntity, Text: "it has no entityID"})
	}
	if now := c.now(); !e.until.IsZero() && !now.Before(e.until) {
		faults = append(faults, visit.Fault{Name: faultExpired, Text: "it was valid until " + e.until.UTC().Format(time.RFC3339) + " only"})
	}
	if !slices.ContainsFunc(e.roles, func(r role) bool { return r.name != "other" }) {
		faults = append(faults, visit.Fault{Name: faultRole, Text: "it is of neither an identity nor a service provider"})
	}
	for i := range e.roles {
		faults = append(faults, e.roles[i].judge()...)
	}
	return faults
}

func (r *role) judge() []visit.Fault {
	var faults []visit.Fault
	signs := false
	for _, x := range r.certificates {
		if x.err != nil {
			faults = append(faults, visit.Fault{Name: faultCertificate, Text: x.err.Error(), Mild: true})
		}
		signs = signs || x.cert != nil && x.use != "encryption"
	}
	if r.name == "idp" && !signs {
		faults = append(faults, visit.Fault{Name: faultNoKey, Text: "the identity provider has no certificate for signatures"})
	}
	needs := map[string]string{"idp": "SingleSignOnService", "sp": "AssertionConsumerService"}[r.name]
	has := needs == ""
	for _, x := range r.endpoints {
		has = has || x.service == needs
		u, err := url.Parse(x.location)
		switch {
		case err != nil || u.Hostname() == "":
			faults = append(faults, visit.Fault{Name: faultEndpoint, Text: "the address of " + x.service + " cannot be read"})
		case u.Scheme != "https":
			faults = append(faults, visit.Fault{Name: faultEndpoint, Text: "the address of " + x.service + " is no https:// address"})
		case x.binding == "":
			faults = append(faults, visit.Fault{Name: faultEndpoint, Text: x.service + " has no Binding"})
		}
	}
	if !has {
		faults = append(faults, visit.Fault{Name: faultEndpoint, Text: "it has no " + needs})
	}
	return faults
}

func conclude(v visit.Visitor, r *probe.Result, faults []visit.Fault) error {
	return visit.Conclude(v, r, problemInfo, "the SAML metadata is not as partners need it", faults)
}
