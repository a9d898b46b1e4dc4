package oidccheck

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"tocsin/internal/frame"
	"tocsin/probes/probe"
	"tocsin/probes/visit"
)

// maxDocument bounds what is read of the document and of the keys.
const maxDocument = 1 << 20

// A Check looks at one provider. It implements visit.Check, and is given the
// discovery document as page.
type Check struct{ issuer string }

// New returns the check of the provider that is at target, or whose discovery
// document is.
func New(c *Config, target *url.URL) *Check { return &Check{issuer: c.issuer(target)} }

// Families implements visit.Check.
func (*Check) Families() []*frame.Family { return Families() }

// Look implements visit.Check.
func (c *Check) Look(ctx context.Context, v visit.Visitor, page *visit.Answer, r *probe.Result) error {
	if len(page.Body) > maxDocument {
		return probe.Fail(probe.TooLarge, probe.PhaseTransfer, fmt.Errorf("the discovery document is longer than %d bytes", maxDocument))
	}
	doc, err := readDocument(page.Body)
	if err != nil {
		return conclude(v, r, []visit.Fault{{Name: faultDocument, Text: err.Error()}})
	}
	faults := doc.judge(c.issuer)
	address, ok := doc.text("jwks_uri")
	if u, err := url.Parse(address); ok && err == nil && u.Scheme == "https" && u.Hostname() != "" {
		u.User, u.Fragment, u.RawFragment = nil, "", ""
		if u.Path == "" {
			u.Path = "/"
		}
		found, err := c.keys(ctx, v, r, doc, u)
		if err != nil {
			return err
		}
		faults = append(faults, found...)
	}
	return conclude(v, r, faults)
}

// keys fetches and judges the keys. An error is one of ours, or the end of the
// time.
func (c *Check) keys(ctx context.Context, v visit.Visitor, r *probe.Result, doc *document, at *url.URL) ([]visit.Fault, error) {
	answer, err := v.Visit(ctx, visit.Request{URL: at, Accept: "application/json", MaxBody: maxDocument})
	if _, ours := errors.AsType[*probe.Unmeasured](err); ours || err != nil && ctx.Err() != nil {
		return nil, err
	}
	if err == nil && answer.Status != http.StatusOK {
		err = visit.WrongStatus([]visit.StatusRange{{First: 200, Last: 200}}, answer.Status)
	}
	if err != nil {
		return []visit.Fault{{Name: faultUnreachable, Text: fmt.Sprintf("the keys at %s do not come: %v", probe.DisplayURL(at), err)}}, nil
	}
	keys, err := readKeys(answer.Body)
	if err != nil {
		return []visit.Fault{{Name: faultKeySet, Text: fmt.Sprintf("what comes from %s is wrong: %v", probe.DisplayURL(at), err)}}, nil
	}
	usable, faults := judgeKeys(keys, doc.list("id_token_signing_alg_values_supported"))
	counts := map[[2]string]int{}
	for i := range keys {
		counts[[2]string{oneOf(keys[i].Kty, "RSA", "EC", "OKP", "oct"), use(&keys[i])}]++
	}
	for of, n := range counts {
		r.Send(keysFound, float64(n), of[0], of[1])
	}
	r.Send(keysUsable, float64(usable))
	r.Send(keyIDs, float64(hashIDs(keys)))
	v.Note(false, fmt.Sprintf("%d keys, %d of them usable", len(keys), usable))
	return faults, nil
}

func use(k *key) string {
	if k.Use == "" {
		return "any"
	}
	return oneOf(k.Use, "sig", "enc")
}

func oneOf(value string, known ...string) string {
	if slices.Contains(known, value) {
		return value
	}
	return "other"
}

func conclude(v visit.Visitor, r *probe.Result, faults []visit.Fault) error {
	return visit.Conclude(v, r, problemInfo, "the OpenID provider is not as clients need it", faults)
}
