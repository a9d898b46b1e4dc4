package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// maxPatience bounds a look that nobody else does.
const maxPatience = time.Minute

// maxWindow bounds what a server may send of an answer before it is read.
const maxWindow = 1 << 20

// A client3 speaks HTTP/3 on one connection of QUIC, which is its own.
type client3 struct {
	*http3.ClientConn
	transport *quic.Transport
	socket    net.Conn
}

// Close says goodbye and lets all go.
func (c *client3) Close() error {
	_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	_ = c.transport.Close()
	return c.socket.Close()
}

// openHTTP3 reaches a server by QUIC, which is TLS 1.3 over UDP: nobody has
// answered before the handshake begins.
func (l *look) openHTTP3(ctx context.Context, n int, at *url.URL) (*client3, error) {
	number, err := dial.SplitPort(port(at))
	if err != nil {
		return nil, probe.Fail(probe.Redirect, probe.PhaseResolve, err)
	}
	socket, err := stream.Unanswered(ctx, &l.result, n, l.dial(n), at.Hostname(), number)
	if err != nil {
		return nil, err
	}
	options := l.tlsOptions(at)
	options.ALPN = []string{http3.NextProtoH3}
	talk, err := tlscheck.Prepare(at.Hostname(), options)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	patience := maxPatience
	if deadline, ok := ctx.Deadline(); ok {
		patience = max(time.Until(deadline), time.Millisecond)
	}
	transport := &quic.Transport{Conn: packets{socket}}
	began := time.Now()
	conn, err := transport.Dial(ctx, socket.RemoteAddr(), talk.Config, &quic.Config{
		HandshakeIdleTimeout: patience, MaxIdleTimeout: patience, // ctx ends it first
		MaxStreamReceiveWindow: maxWindow, MaxConnectionReceiveWindow: maxWindow,
		MaxIncomingStreams: -1,
	})
	err = l.shaken(ctx, talk, err)
	stream.Secured(&l.result, n, began, talk.Seen, err)
	if err != nil {
		_ = transport.Close()
		_ = socket.Close()
		return nil, err
	}
	h3 := &http3.Transport{DisableCompression: true, MaxResponseHeaderBytes: maxHeader}
	return &client3{ClientConn: h3.NewClientConn(conn), transport: transport, socket: socket}, nil
}

// shaken says what came of a handshake over QUIC.
func (l *look) shaken(ctx context.Context, talk *tlscheck.Talk, err error) error {
	if err == nil {
		return nil
	}
	if talk.Seen == nil {
		if ended := probe.Ended(ctx, probe.PhaseTLS, "waiting for an answer over QUIC (UDP)"); ended != nil {
			return ended
		}
		if reason := dial.ReasonOf(err); reason != probe.Other {
			return probe.Fail(reason, probe.PhaseTLS, errors.New("nobody speaks QUIC on this UDP port: "+dial.Words(err)))
		}
	}
	if failure := refusedByQUIC(probe.PhaseTLS, err); failure != nil {
		return failure
	}
	return talk.Ended(ctx, err)
}

// refusedByQUIC gives what a server said by QUIC or HTTP/3 its reason; nil for
// all other errors.
func refusedByQUIC(phase probe.Phase, err error) error {
	if t, ok := errors.AsType[*quic.TransportError](err); ok && t.Remote {
		const alerts = 0x100 // RFC 9001, section 4.8: a TLS alert is a code from here on
		switch alert := t.ErrorCode - alerts; {
		case t.ErrorCode < alerts:
			return probe.Fail(probe.Reset, phase, fmt.Errorf("the server ended the connection (QUIC: %s)", t.ErrorCode))
		case alert == 116: // RFC 8446, section 6: certificate_required
			return probe.Fail(probe.TLSClientCertificate, probe.PhaseTLS, errors.New("the server wants a client certificate"))
		case alert == 120: // no_application_protocol
			return probe.Fail(probe.Protocol, probe.PhaseTLS, errors.New("the server speaks QUIC, but not HTTP/3"))
		default:
			return probe.Fail(probe.TLSHandshake, probe.PhaseTLS, fmt.Errorf("the server refused the handshake (alert %d)", alert))
		}
	}
	if h, ok := errors.AsType[*http3.Error](err); ok && h.Remote {
		return probe.Fail(probe.Reset, phase, fmt.Errorf("the server cut off the answer (HTTP/3 %s)", h.ErrorCode))
	}
	if _, ok := errors.AsType[*quic.VersionNegotiationError](err); ok {
		return probe.Fail(probe.Protocol, phase, errors.New("the server speaks no version of QUIC that is spoken here"))
	}
	if _, ok := errors.AsType[*quic.IdleTimeoutError](err); ok {
		return probe.Fail(probe.Timeout, phase, errors.New("the server fell silent"))
	}
	return nil
}

// packets is a connected UDP socket as quic-go wants one. Connected, it hears
// that a port is closed.
type packets struct{ net.Conn }

func (p packets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.Read(b)
	return n, p.RemoteAddr(), err
}

func (p packets) WriteTo(b []byte, _ net.Addr) (int, error) { return p.Write(b) }

// SetReadBuffer and SetWriteBuffer change nothing: the system's are enough for
// one page, and quic-go would write into the log where it cannot have more.
func (packets) SetReadBuffer(int) error { return nil }

// SetWriteBuffer is as SetReadBuffer.
func (packets) SetWriteBuffer(int) error { return nil }

// A speaker asks one server over one connection.
type speaker interface {
	http.RoundTripper
	Close() error
}

// open reaches a server and negotiates what is spoken there.
func (l *look) open(ctx context.Context, n int, at *url.URL) (speaker, error) {
	if l.options.HTTP3 && at.Scheme == "https" {
		c, err := l.openHTTP3(ctx, n, at)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	conn, err := l.connect(ctx, n, at)
	if err != nil {
		return nil, err
	}
	if at.Scheme == "https" {
		secure, err := stream.Secure(ctx, &l.result, n, conn, at.Hostname(), l.tlsOptions(at))
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = secure
	}
	return newClient(conn), nil
}
