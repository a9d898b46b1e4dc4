package stream

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/starttls"
	"tocsin/probes/tlscheck"
)

// Connect reaches host's port and tells so in hop n of r. Its error is a
// probe.Failure or probe.Unmeasured. Whoever calls closes the connection.
func Connect(ctx context.Context, r *probe.Result, n int, o *dial.Options, host string, port uint16) (net.Conn, error) {
	began := time.Now()
	conn, out, err := o.TCP(ctx, host, port)
	Reached(r, n, began, host, &out, err)
	return conn, err
}

// Unanswered is Connect for datagrams: the name was found, and nobody has
// answered yet.
func Unanswered(ctx context.Context, r *probe.Result, n int, o *dial.Options, host string, port uint16) (net.Conn, error) {
	began := time.Now()
	conn, out, err := o.UDP(ctx, host, port)
	to := out.Address
	out.Address = netip.AddrPort{} // no step says that it did
	Reached(r, n, began, host, &out, err)
	r.Hops[n].Address = to
	return conn, err
}

// Secure negotiates TLS over conn, which is closed by whoever made it, and
// tells so in hop n of r. Its error is a probe.Failure or probe.Unmeasured.
func Secure(ctx context.Context, r *probe.Result, n int, conn net.Conn, host string, o *tlscheck.Options) (*tls.Conn, error) {
	began := time.Now()
	secure, seen, err := tlscheck.Handshake(ctx, conn, host, o)
	Secured(r, n, began, seen, err)
	return secure, err
}

// Secured tells in hop n of r what a handshake came to that began then: what
// the server showed, as far as it came, and the error.
func Secured(r *probe.Result, n int, began time.Time, seen *probe.TLS, err error) {
	h := &r.Hops[n]
	h.TLS, h.Phases[probe.PhaseTLS] = seen, time.Since(began)
	tellTLS(r, n, began, seen, err)
}

// Versions finds out which versions of TLS the server of hop n takes, where o
// asks for that, over connections that connect makes, and tells so in r. It
// comes after Secure; what cannot be found out is no error.
func Versions(ctx context.Context, r *probe.Result, n int, host string, o *tlscheck.Options, connect func(context.Context) (net.Conn, error)) {
	seen := r.Hops[n].TLS
	if o.Versions == nil || seen == nil {
		return
	}
	began := time.Now()
	seen.Accepts = o.Versions.Accepted(ctx, host, o, connect)
	var yes, no []string
	for _, v := range slices.Sorted(maps.Keys(seen.Accepts)) {
		if seen.Accepts[v] {
			yes = append(yes, tls.VersionName(v))
		} else {
			no = append(no, tls.VersionName(v))
		}
	}
	r.Step(n, probe.PhaseTLS, began, false, "of the versions of TLS it takes "+listed(yes)+"; it refuses "+listed(no))
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// Ask has the server turn to TLS, in the words of a protocol (see package
// starttls), and tells so in hop n of r. Secure comes after it. Its error is a
// probe.Failure or probe.Unmeasured.
func Ask(ctx context.Context, r *probe.Result, n int, conn net.Conn, protocol, host string) error {
	began := time.Now()
	if err := starttls.Ask(ctx, conn, protocol, host); err != nil {
		r.Step(n, probe.PhaseTLS, began, true, err.Error())
		return err
	}
	r.Step(n, probe.PhaseTLS, began, false, "asked for TLS in the words of "+protocol+", and was let")
	return nil
}

// Begin starts the result of one look at a target with one server: where it
// is, as shown, and the host's name alone.
func Begin(ctx context.Context, target, host string) probe.Result {
	r := probe.Begin(ctx, target)
	r.Hops = []probe.Hop{{URL: target, Host: strings.ToLower(host), Phases: make(map[probe.Phase]time.Duration, len(probe.Phases()))}}
	r.Step(0, "", time.Time{}, false, target)
	return r
}
