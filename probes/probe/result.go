package probe

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"net/netip"
	"time"

	"tocsin/internal/frame"
)

// A Result is what one look found.
type Result struct {
	Name     string        // what the site calls the probe; empty: nothing
	Target   string        // what was looked at, without credentials and query
	Start    time.Time     // when the look began
	Duration time.Duration // how long it took, in all
	Timeout  time.Duration // how long it might have taken; 0: no bound
	Success  bool
	Reason   Reason // why it failed; empty on success
	Phase    Phase  // where it failed; empty on success
	Err      error  // what was wrong, in words; nil on success. Wraps nothing
	// Closed: what is well is that nobody answers, as the site wants of a port.
	Closed bool

	// Unmeasured, when set, says why nothing can be said of the service.
	// Success, Reason and the samples then mean nothing.
	Unmeasured error

	// Addressless says that no address was looked for: the target is a socket,
	// or a proxy is given its name.
	Addressless bool

	Hops []Hop // the servers spoken to, in order: one, and one for each redirect
	// Faults are what is not as it should be although users are served: a
	// server of several that is silent, say, each in one sentence. They stand
	// beside UP wherever people read it, and make a plugin of Nagios WARNING. A
	// failure may have some, too.
	Faults []string

	Samples []Sample // the protocol's own metrics
	Steps   []Step   // what was done, step by step
}

// Begin starts the result of one look at a target, as it is shown.
func Begin(ctx context.Context, target string) Result {
	r := Result{Target: target, Start: time.Now()}
	if deadline, ok := ctx.Deadline(); ok {
		r.Timeout = time.Until(deadline).Round(time.Millisecond)
	}
	return r
}

// Send adds a sample of one of the prober's own families.
func (r *Result) Send(f *frame.Family, value float64, labels ...string) {
	r.Samples = append(r.Samples, Sample{Family: f, Value: value, Labels: labels})
}

// End completes the result: err is nil, a Failure, or Unmeasured. All texts
// are cleaned by the redactor.
func (r *Result) End(err error, clean *Redactor) {
	r.Duration = time.Since(r.Start)
	for i := range r.Steps {
		r.Steps[i].Text = clean.Text(r.Steps[i].Text)
	}
	for i := range r.Hops {
		r.Hops[i].URL, r.Hops[i].Host = clean.Text(r.Hops[i].URL), clean.Text(r.Hops[i].Host)
	}
	r.faultsOfTLS()
	for i, text := range r.Faults {
		r.Faults[i] = clean.Text(text)
	}
	var ours *Unmeasured
	switch {
	case err == nil:
		r.Success = true
	case errors.As(err, &ours):
		r.Unmeasured = ours
	default:
		f := FailureOf(err)
		r.Reason, r.Phase = f.Reason, f.Phase
		r.Err = errors.New(clean.Text(f.Error()))
	}
}

// Well says what success means, in words: it is up, or closed. It is for a look
// that succeeded.
func (r *Result) Well() string {
	if r.Closed {
		return "closed, as it must be"
	}
	return "up"
}

// Explain says in one line why the probe failed; it is empty on success.
func (r *Result) Explain() string {
	switch {
	case r.Unmeasured != nil:
		return r.Unmeasured.Error()
	case r.Err == nil:
		return ""
	default:
		return string(r.Reason) + ": " + r.Err.Error()
	}
}

// A Sample is one number, and the metric that it belongs to.
type Sample struct {
	Family *frame.Family
	Value  float64
	Labels []string
}

// A Hop is one server spoken to.
type Hop struct {
	URL     string         // without credentials and query
	Host    string         // the name in the URL, or "other": its values are bounded for each prober
	Found   []netip.Addr   // what the host resolved to, in the order in which it was tried
	Address netip.AddrPort // the address that answered; zero when none did
	Status  int            // the answer's status, where the protocol has one
	Proto   string         // the protocol's version as negotiated
	Phases  map[Phase]time.Duration
	TLS     *TLS       // nil when no certificate was seen
	Told    *Handshake // the same where another instance looked; TLS is nil then
}

// TLS is what a server showed in the handshake, whether or not it was good.
type TLS struct {
	ServerName   string // the name that the certificate was verified against
	CoveredBy    string // the name in the certificate that is so, perhaps with a *; empty: none
	Version      uint16
	CipherSuite  uint16
	ALPN         string
	Certificates []*x509.Certificate   // as the server sent them, its own first
	Chains       [][]*x509.Certificate // those that verify now; empty when none does
	Problems     []Problem             // what is wrong with them, the most telling first
	Warnings     []Warned              // what is not as it should be, and makes nothing fail
	Staple       *Staple               // what the server says of its certificate's revocation; nil: nothing
	Accepts      map[uint16]bool       // whether each version of TLS is taken; nil: it was not asked
}

// A Problem is one thing wrong with a certificate.
type Problem struct {
	Reason Reason `json:"reason"`
	Text   string `json:"text"`
}

// Issuer returns the certificate that vouches for the server's own: that of
// the verified chain, or else the one among those sent that signed it. It is
// nil when there is none.
func (t *TLS) Issuer() *x509.Certificate {
	if best := t.BestChain(); len(best) > 1 {
		return best[1]
	}
	leaf := t.Certificates[0]
	for _, c := range t.Certificates[1:] {
		if bytes.Equal(c.RawSubject, leaf.RawIssuer) && leaf.CheckSignatureFrom(c) == nil {
			return c
		}
	}
	return nil
}

// EndsFirst returns the certificate that ends first of those that clients
// depend on: of the verified chain that lasts longest, or else of all sent.
func (t *TLS) EndsFirst() *x509.Certificate {
	of := t.BestChain()
	if of == nil {
		of = t.Certificates
	}
	var first *x509.Certificate
	for _, c := range of {
		if first == nil || c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	return first
}

// EarliestExpiry returns when the first of all certificates sent expires:
// what probe_ssl_earliest_cert_expiry means.
func (t *TLS) EarliestExpiry() time.Time {
	var first time.Time
	for _, c := range t.Certificates {
		if first.IsZero() || c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first
}

// LastChainExpiry returns when the verified chain that lasts longest ends. It
// is false when no chain verifies.
func (t *TLS) LastChainExpiry() (time.Time, bool) {
	best := t.BestChain()
	return endOf(best), best != nil
}

// BestChain returns the verified chain that lasts longest, the server's own
// certificate first; nil when no chain verifies.
func (t *TLS) BestChain() []*x509.Certificate {
	var best []*x509.Certificate
	for _, chain := range t.Chains {
		if best == nil || endOf(chain).After(endOf(best)) {
			best = chain
		}
	}
	return best
}

func endOf(chain []*x509.Certificate) time.Time {
	var end time.Time
	for _, c := range chain {
		if end.IsZero() || c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}
