package tlscheck

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"tocsin/probes/probe"
)

// Verify verifies the certificates that a server called name sent, its own
// first, at the time now. It returns the chains that are good and what is
// wrong, the most telling first: the time, then the name, then the trust.
//
// There is no error: certificates are what the network sent, and every flaw of
// theirs is a Problem.
func Verify(certs []*x509.Certificate, name string, roots *Roots, now time.Time) ([][]*x509.Certificate, []probe.Problem) {
	if len(certs) == 0 {
		return nil, []probe.Problem{{Reason: probe.TLSHandshake, Text: "the server sent no certificate"}}
	}
	v := verification{certs: certs, leaf: certs[0], now: now}
	v.pool, v.roots = roots.current()
	if len(certs) > 1 {
		v.opts.Intermediates = x509.NewCertPool()
		for _, c := range certs[1:] {
			v.opts.Intermediates.AddCert(c)
		}
	}
	v.opts.Roots, v.opts.CurrentTime = v.pool, now

	chains, err := v.leaf.Verify(v.opts)
	var problems, timing, trust []probe.Problem
	if err != nil {
		timing, trust = v.whyUntrusted()
	}
	problems = append(problems, timing...)
	if err := v.leaf.VerifyHostname(name); err != nil {
		problems = append(problems, probe.Problem{Reason: probe.TLSWrongHost, Text: wrongHost(v.leaf, name)})
	}
	return chains, append(problems, trust...)
}

type verification struct {
	certs []*x509.Certificate
	leaf  *x509.Certificate
	now   time.Time
	pool  *x509.CertPool
	roots []*x509.Certificate // those of the pool, where we know them
	opts  x509.VerifyOptions
}

// whyUntrusted finds out why no chain verifies now: by the clock alone, or
// because there is no chain at any time. For that the certificates are verified
// once more as if they were valid for ever: their signatures do not cover what
// we change in a copy. The system's own roots are not at hand to be copied;
// that one of them has expired is told as an authority that is not trusted.
func (v *verification) whyUntrusted() (timing, trust []probe.Problem) {
	o := v.opts
	if o.Intermediates != nil {
		o.Intermediates = timeless(v.certs[1:])
	}
	if v.roots != nil {
		o.Roots = timeless(v.roots)
	}
	chains, err := eternal(v.leaf).Verify(o)
	if err != nil {
		return v.outOfTime(v.certs[:1]), []probe.Problem{v.distrust(err)}
	}
	// All is well but for the clock: the chain that is nearest to being good
	// says which certificate it is.
	for i, chain := range chains {
		if found := v.outOfTime(chain); i == 0 || len(found) < len(timing) {
			timing = found
		}
	}
	return timing, nil
}

func timeless(certs []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(eternal(c))
	}
	return pool
}

// eternal returns a copy of c that never expires.
func eternal(c *x509.Certificate) *x509.Certificate {
	copied := *c
	copied.NotBefore, copied.NotAfter = time.Unix(0, 0), time.Unix(1<<40, 0)
	return &copied
}

// outOfTime lists the certificates of a chain that are not valid now.
func (v *verification) outOfTime(chain []*x509.Certificate) []probe.Problem {
	var problems []probe.Problem
	for i, c := range chain {
		c = v.original(c)
		reason := v.outOfTimeOf(c)
		if reason == "" {
			continue
		}
		what := "the certificate"
		if i > 0 {
			what = "the authority's certificate " + short(c)
		}
		text := fmt.Sprintf("%s expired %s ago, on %s", what, span(v.now.Sub(c.NotAfter)), day(c.NotAfter))
		if reason == probe.TLSNotYetValid {
			text = fmt.Sprintf("%s is not valid before %s, in %s", what, day(c.NotBefore), span(c.NotBefore.Sub(v.now)))
		}
		problems = append(problems, probe.Problem{Reason: reason, Text: text})
	}
	return problems
}

// original returns the certificate that c is a timeless copy of.
func (v *verification) original(c *x509.Certificate) *x509.Certificate {
	for _, known := range [][]*x509.Certificate{v.certs, v.roots} {
		for _, k := range known {
			if bytes.Equal(k.Raw, c.Raw) {
				return k
			}
		}
	}
	return c
}

func (v *verification) outOfTimeOf(c *x509.Certificate) probe.Reason {
	switch {
	case v.now.After(c.NotAfter):
		return probe.TLSExpired
	case v.now.Before(c.NotBefore):
		return probe.TLSNotYetValid
	default:
		return ""
	}
}

// wrongHost says which names a certificate is for.
func wrongHost(c *x509.Certificate, name string) string {
	const told = 3
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(slices.Clip(names), ip.String())
	}
	if len(names) == 0 {
		hint := ""
		if c.Subject.CommonName != "" {
			hint = fmt.Sprintf(" (its common name %q counts no more)", c.Subject.CommonName)
		}
		return "the certificate names no host in its subject alternative names" + hint + ", so it is not for " + name
	}
	list := strings.Join(names[:min(told, len(names))], ", ")
	if more := len(names) - told; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	kind := ""
	if net.ParseIP(name) != nil && len(c.IPAddresses) == 0 {
		kind = "the address "
	}
	return fmt.Sprintf("the certificate is for %s, not for %s%s", list, kind, name)
}

// short names a certificate in a sentence.
func short(c *x509.Certificate) string {
	return fmt.Sprintf("%q", cmp.Or(c.Subject.CommonName, c.Subject.String()))
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span says a length of time as people do.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	default:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
}

// distrust says why no chain can be made, at whatever time.
func (v *verification) distrust(err error) probe.Problem {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	switch {
	case errors.As(err, &roots):
		return probe.Problem{Reason: probe.TLSUnknownAuthority, Text: "this machine has no certificate authorities (install ca-certificates), so none is trusted"}
	case errors.As(err, &invalid) && invalid.Reason != x509.Expired:
		return probe.Problem{Reason: probe.TLSInvalid, Text: "the certificate may not be used so: " + strings.TrimPrefix(err.Error(), "x509: ")}
	case errors.As(err, &unknown), errors.As(err, &invalid):
		return v.unknownAuthority()
	default:
		return probe.Problem{Reason: probe.TLSInvalid, Text: strings.TrimPrefix(err.Error(), "x509: ")}
	}
}
