package tlscheck

import (
	"cmp"
	"context"
	"crypto/tls"
	"maps"
	"net"
	"strings"
	"sync"
	"time"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
)

const (
	versionsEvery   = time.Hour       // a server's versions change by hand
	versionPatience = 3 * time.Second // of one handshake
)

// Versions finds out which versions of TLS a server takes, and remembers it
// for an hour. The zero value is ready. It is safe for several goroutines.
type Versions struct {
	mu    sync.Mutex // guards what follows
	asked time.Time
	found map[uint16]bool
}

// Accepted returns whether a server takes each version, from 1.0 to 1.3, by a
// handshake for each over a connection that connect makes. A version of which
// the network, or the end of ctx, let nothing be known is left out, and asked
// for again the next time. The result is not to be changed.
func (v *Versions) Accepted(ctx context.Context, host string, o *Options, connect func(context.Context) (net.Conn, error)) map[uint16]bool {
	now := time.Now()
	v.mu.Lock()
	found, fresh := v.found, now.Sub(v.asked) < versionsEvery
	v.mu.Unlock()
	if fresh {
		return found
	}
	all := []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}
	asked := maps.Clone(found)
	if asked == nil {
		asked = make(map[uint16]bool, len(all))
	}
	whole := true
	for _, version := range all {
		accepted, known := accepts(ctx, host, o, version, connect)
		if known {
			asked[version] = accepted
		}
		whole = whole && known
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found = asked
	if whole {
		v.asked = now
	}
	return asked
}

// accepts shakes hands in one version. Nothing but the handshake is said, and
// what the certificate is like does not matter.
func accepts(ctx context.Context, host string, o *Options, version uint16, connect func(context.Context) (net.Conn, error)) (accepted, known bool) {
	ctx, cancel := context.WithTimeout(ctx, versionPatience)
	defer cancel()
	conn, err := connect(ctx)
	if err != nil {
		return false, false
	}
	defer conn.Close()
	name := o.ServerName
	if name == "" {
		name = strings.TrimSuffix(host, ".")
	}
	agreed := false
	client := tls.Client(conn, &tls.Config{
		ServerName: name, MinVersion: version, MaxVersion: version,
		CipherSuites:       everyCipherSuite(), // those of old versions are no longer offered by default
		InsecureSkipVerify: true,               // nothing is said to the server
		VerifyConnection:   func(tls.ConnectionState) error { agreed = true; return nil },
	})
	err = client.HandshakeContext(ctx)
	switch _, _, refused := Alert(err); {
	case err == nil, agreed: // a server that then wants a certificate has taken the version
		return true, true
	case probe.Ended(ctx, probe.PhaseTLS, "") != nil:
		return false, false
	case refused, isEOF(err), dial.ReasonOf(err) == probe.Reset, strings.Contains(err.Error(), "unsupported protocol version"):
		return false, true
	default:
		return false, false
	}
}

// offered names the versions of TLS that a client offers, as "1.2, 1.3".
func offered(c *tls.Config) string {
	var names []string
	for version := c.MinVersion; version <= cmp.Or(c.MaxVersion, tls.VersionTLS13); version++ {
		names = append(names, strings.TrimPrefix(tls.VersionName(version), "TLS "))
	}
	return strings.Join(names, ", ")
}

func everyCipherSuite() []uint16 {
	var ids []uint16
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range list {
			ids = append(ids, s.ID)
		}
	}
	return ids
}
