package probes

import (
	"bytes"
	"crypto/x509"
	"reflect"
	"slices"

	"tocsin/probes/probe"
)

const (
	// maxLooks is how many of the newest looks are remembered.
	maxLooks = 10
	// usualDepth is of how many of them the account is kept, if nobody says.
	usualDepth = maxLooks
)

// A History is the newest looks of one probe, bounded: of all it keeps how they
// went, of some the account step by step too. Its looks are never changed once
// they are in it. It is not safe for use by several goroutines.
type History struct {
	depth    int       // of so many the account is kept
	looks    []*Result // newest last
	failure  *Result   // the newest that failed, however long ago
	measured *Result   // the newest that told something of the service
}

// NewHistory returns an empty one that keeps the account of depth looks, 1 to
// 10; 0 is 10.
func NewHistory(depth int) History {
	if depth <= 0 {
		depth = usualDepth
	}
	return History{depth: min(depth, maxLooks)}
}

// Add remembers a look, which is not to be changed any more.
func (h *History) Add(r *Result) {
	if n := len(h.looks); n > 0 {
		share(r, h.looks[n-1])
		h.looks[n-1] = without(h.looks[n-1], false)
		if i := n - h.depth; i >= 0 {
			h.looks[i] = without(h.looks[i], true)
		}
	}
	if r.Reason != "" {
		h.failure = without(r, false)
	}
	if r.Unmeasured == nil {
		h.measured = r
	}
	h.looks = append(h.looks, r)
	if len(h.looks) > maxLooks {
		h.looks = append([]*Result(nil), h.looks[1:]...)
	}
}

// without returns a look without its numbers, which the newest alone needs,
// and perhaps without its account.
func without(r *Result, account bool) *Result {
	less := *r
	less.Samples = nil
	if account {
		less.Steps, less.Hops = nil, nil
	}
	return &less
}

// share lets a look have the certificates of an earlier one where they are the
// same: parsed, one takes some kilobytes.
func share(r, earlier *Result) {
	for i := range r.Hops {
		if i < len(earlier.Hops) && r.Hops[i].TLS != nil && earlier.Hops[i].TLS != nil {
			shareTLS(r.Hops[i].TLS, earlier.Hops[i].TLS)
		}
		if i < len(earlier.Hops) && r.Hops[i].Told != nil && earlier.Hops[i].Told != nil &&
			reflect.DeepEqual(r.Hops[i].Told, earlier.Hops[i].Told) {
			r.Hops[i].Told = earlier.Hops[i].Told
		}
	}
}

func shareTLS(t, earlier *probe.TLS) {
	known := append([]*x509.Certificate(nil), earlier.Certificates...)
	for _, chain := range earlier.Chains {
		known = append(known, chain...)
	}
	swap := func(all []*x509.Certificate) {
		for i, c := range all {
			for _, k := range known {
				if bytes.Equal(c.Raw, k.Raw) {
					all[i] = k
					break
				}
			}
		}
	}
	swap(t.Certificates)
	for _, chain := range t.Chains {
		swap(chain)
	}
}

// Measured returns the newest look that told something of the service; nil
// before the first.
func (h *History) Measured() *Result { return h.measured }

// Looks returns the newest looks, the newest first, and the newest that
// failed; nil without one. Of some the account is there, of the older ones only
// how they went.
func (h *History) Looks() (newest []*Result, failure *Result) {
	for _, r := range slices.Backward(h.looks) {
		newest = append(newest, r)
	}
	return newest, h.failure
}
