package stream

import (
	"context"
	"net"
	"net/http"

	"tocsin/probes/dial"
	"tocsin/probes/tlscheck"
)

// maxHeader bounds the header of an answer that Transport reads.
const maxHeader = 64 << 10

// Transport is for HTTP that is no probe's subject, but a means: a token to
// fetch, a registry to ask. Addresses and certificates are judged as every
// other. Each request has a connection of its own.
func Transport(d *dial.Options, t *tlscheck.Options) *http.Transport {
	connect := func(ctx context.Context, address string) (net.Conn, string, error) {
		host, text, err := net.SplitHostPort(address)
		if err != nil {
			return nil, "", err
		}
		port, err := dial.SplitPort(text)
		if err != nil {
			return nil, "", err
		}
		conn, _, err := d.TCP(ctx, host, port)
		return conn, host, err
	}
	return &http.Transport{
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, _, err := connect(ctx, address)
			return conn, err
		},
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, host, err := connect(ctx, address)
			if err != nil {
				return nil, err
			}
			secure, _, err := tlscheck.Handshake(ctx, conn, host, t)
			if err != nil {
				_ = conn.Close()
				return nil, err
			}
			return secure, nil
		},
	}
}
