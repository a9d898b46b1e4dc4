package tlscheck

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
)

// maxCertificates bounds how many of the certificates sent are looked at. The
// bytes of a chain are bounded by crypto/tls.
const maxCertificates = 16

// Options is how TLS is negotiated and what is asked of the certificate.
type Options struct {
	// ServerName is the name asked for and verified, where it is not the
	// host's own.
	ServerName string
	// Roots are the authorities to trust; nil trusts the system's.
	Roots *Roots
	// SkipVerify accepts any certificate. What is wrong with it is still told.
	SkipVerify bool
	// Client is the certificate to show; nil shows none.
	Client *Client
	// MinVersion is the oldest version that is good; 0 is TLS 1.2. MaxVersion
	// is the newest that is offered; 0 is the newest there is.
	MinVersion, MaxVersion uint16
	// ALPN lists the protocols to offer, the preferred first.
	ALPN []string
	// Memo remembers certificates that were good, so that the same ones are not
	// verified each time; nil remembers nothing.
	Memo *Memo
	// Versions asks which versions the server takes; nil does not.
	Versions *Versions
	// Now is the time that certificates are verified at; nil is time.Now.
	Now func() time.Time
}

// Handshake negotiates TLS over conn with a server called host. What the
// server showed is returned even with an error, if it came so far. A
// certificate that is not good ends the handshake before anything is sent, so
// that no credentials reach a stranger; the error is then a probe.Failure.
// Whoever calls closes conn.
func Handshake(ctx context.Context, conn net.Conn, host string, o *Options) (*tls.Conn, *probe.TLS, error) {
	talk, err := Prepare(host, o)
	if err != nil {
		return nil, nil, err
	}
	client := tls.Client(conn, talk.Config)
	if err := talk.Ended(ctx, client.HandshakeContext(ctx)); err != nil {
		return nil, talk.Seen, err
	}
	return client, talk.Seen, nil
}

// A Talk is one handshake that somebody else makes, as QUIC's.
type Talk struct {
	Config *tls.Config // to make it with, once
	Seen   *probe.TLS  // what the server showed; nil until it came so far
	asked  bool        // for a certificate that we do not have
}

// Prepare readies a handshake with a server called host. Its error is a
// probe.Unmeasured.
func Prepare(host string, o *Options) (*Talk, error) {
	name := o.ServerName
	if name == "" {
		name = strings.TrimSuffix(host, ".")
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	var shown *tls.Certificate
	if o.Client != nil {
		var err error
		if shown, err = o.Client.current(); err != nil {
			return nil, &probe.Unmeasured{Err: err}
		}
	}
	t := &Talk{}
	t.Config = &tls.Config{
		ServerName: name,
		NextProtos: o.ALPN,
		MinVersion: cmp.Or(o.MinVersion, tls.VersionTLS12),
		MaxVersion: o.MaxVersion,
		// Verification is done by VerifyConnection below, which also sees
		// what is bad.
		InsecureSkipVerify: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if shown != nil {
				return shown, nil
			}
			t.asked = true
			return &tls.Certificate{}, nil
		},
		VerifyConnection: func(s tls.ConnectionState) error {
			seen := o.Memo.judge(s.PeerCertificates[:min(len(s.PeerCertificates), maxCertificates)], s.OCSPResponse, name, o.Roots, now())
			seen.Version, seen.CipherSuite, seen.ALPN = s.Version, s.CipherSuite, s.NegotiatedProtocol
			t.Seen = seen
			if len(seen.Problems) > 0 && !o.SkipVerify {
				return &badCertificate{seen.Problems[0]}
			}
			return nil
		},
	}
	return t, nil
}

// Ended says what the handshake's error means, as Handshake's own does.
func (t *Talk) Ended(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return t.failure(ctx, err)
}

// badCertificate carries a problem through crypto/tls.
type badCertificate struct{ probe.Problem }

func (b *badCertificate) Error() string { return b.Text }

func (t *Talk) failure(ctx context.Context, err error) error {
	if bad, ok := errors.AsType[*badCertificate](err); ok {
		return probe.Fail(bad.Reason, probe.PhaseTLS, bad)
	}
	if ended := probe.Ended(ctx, probe.PhaseTLS, "negotiating TLS"); ended != nil {
		return ended
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return probe.Fail(probe.Protocol, probe.PhaseTLS, notTLS(record))
	}
	if reason, text, ok := Alert(err); ok {
		switch {
		case t.asked && reason == probe.TLSHandshake:
			reason, text = probe.TLSClientCertificate, "the server asked for a client certificate, and went no further without one"
		case reason == probe.TLSVersion:
			text = "the server takes no version of TLS that was offered: " + offered(t.Config)
		}
		return probe.Fail(reason, probe.PhaseTLS, errors.New(text))
	}
	switch reason := dial.ReasonOf(err); {
	case reason != probe.Other:
		return probe.Fail(reason, probe.PhaseTLS, fmt.Errorf("while negotiating TLS: %s", dial.Words(err)))
	case isEOF(err):
		return probe.Fail(probe.Reset, probe.PhaseTLS, errors.New("the server closed the connection while negotiating TLS"))
	case strings.Contains(err.Error(), "unsupported protocol version"):
		return probe.Fail(probe.TLSVersion, probe.PhaseTLS, errors.New("the server answers in another version of TLS than was offered: "+offered(t.Config)))
	default:
		return probe.Fail(probe.TLSHandshake, probe.PhaseTLS, err)
	}
}

// notTLS says what answered in place of TLS.
func notTLS(r tls.RecordHeaderError) error {
	if string(r.RecordHeader[:]) == "HTTP/" {
		return errors.New("the server answered in plain HTTP, not in TLS: the port is not an HTTPS port")
	}
	return fmt.Errorf("the server does not speak TLS on this port: its first bytes were %q", r.RecordHeader[:])
}
