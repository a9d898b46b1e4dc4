package adapter

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"tocsin/bricks"
	"tocsin/internal/secret"
)

// network gives an error of the network its reason and its words. Errors of
// the libraries may hold addresses with what stands in them, so only what is
// recognised is told.
func network(err error, doing string) *Failure {
	if doing != "" {
		doing = " while " + doing
	}
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, os.ErrDeadlineExceeded):
		return fail(bricks.Timeout, "it does not answer in time%s", doing)
	case errors.As(err, &dns):
		return fail(bricks.DNS, "its name does not resolve%s", doing)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(bricks.Refused, "the connection is refused%s", doing)
	case errors.Is(err, fs.ErrNotExist):
		return fail(bricks.Refused, "its socket does not exist%s", doing)
	case errors.Is(err, fs.ErrPermission):
		return fail(bricks.Denied, "this user may not use its socket%s", doing)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fail(bricks.Unreachable, "no way leads to its address%s", doing)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fail(bricks.Timeout, "it does not answer in time%s", doing)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE):
		return fail(bricks.Reset, "the connection is cut before the answer's end%s", doing)
	}
	if f := encryption(err); f != nil {
		return f
	}
	return fail(bricks.Failed, "it cannot be asked%s", doing)
}

// encryption recognises what can be wrong about TLS.
func encryption(err error) *Failure {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &record):
		return fail(bricks.TLS, "it does not speak TLS on this port")
	case errors.As(err, &unknown):
		return fail(bricks.TLS, "its certificate comes from an authority that is not trusted; name it by ca_file")
	case errors.As(err, &host):
		return fail(bricks.TLS, "its certificate is for other names")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail(bricks.TLS, "its certificate has expired, or is not valid yet")
	case errors.As(err, &invalid), errors.As(err, &verify):
		return fail(bricks.TLS, "its certificate is not valid")
	case errors.As(err, &alert):
		return fail(bricks.TLS, "it refuses TLS: %s", strings.TrimPrefix(alert.Error(), "tls: "))
	}
	return nil
}

// credential reads a secret at the moment of its use.
func credential(source secret.Source) (secret.Text, error) {
	if source.IsZero() {
		return secret.Text{}, nil
	}
	text, err := source.Read()
	if err != nil {
		return secret.Text{}, fail(bricks.Credentials, "%v", err)
	}
	return text, nil
}

// trust returns the TLS settings of a client.
func trust(caFile string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fail(bricks.TLS, "ca_file cannot be read")
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fail(bricks.TLS, "ca_file has no certificate in it")
	}
	return config, nil
}
