package mattermost

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// maxAnswer bounds what is read of an answer. The largest that we ask for is
// a page of the channel's posts.
const maxAnswer = 8 << 20

// newHTTPClient returns the client for all requests: bounded in time and in
// bytes, following no redirect, since the token would go along. next is for
// tests; without it a transport of our own is used.
func newHTTPClient(cfg Config, next http.RoundTripper) (*http.Client, error) {
	if next == nil {
		roots, err := trusted(cfg.CAFile)
		if err != nil {
			return nil, err
		}
		next = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    5 * time.Second,
			MaxConnsPerHost:        4, // in a storm of alerts, be a polite client
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		}
	}
	return &http.Client{
		Transport: bounded{next},
		Timeout:   time.Duration(cfg.Timeout),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}, nil
}

// trusted returns the system's certificates with those of a file; nil is the
// system's alone.
func trusted(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read ca_file: %s holds no certificate in PEM form", path)
	}
	return roots, nil
}

// bounded is a transport whose answers end with an error when they are larger
// than maxAnswer: they are decoded whole.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// network says in our own words why there was no answer: the errors of the
// standard library quote addresses.
func network(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var large *http.MaxBytesError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "the server's name can't be resolved"
	case errors.As(err, &cert):
		return "the server's certificate can't be verified (for a private authority, name its certificate as ca_file)"
	case errors.As(err, &large):
		return "the answer is too large"
	case errors.As(err, &op) && op.Op == "dial":
		return "the server can't be reached"
	default:
		return "the connection broke off"
	}
}
