package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"tocsin/internal/frame"
)

// excerpt is how much of a refusal is read to recognise it.
const excerpt = 4 << 10

// judge returns an error unless the answer is status 200. The words of a
// refusal are those of the management plugin (rabbit_mgmt_util).
func (c *Client) judge(resp *http.Response) error {
	switch status := resp.StatusCode; status {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden:
		said, _ := io.ReadAll(io.LimitReader(resp.Body, excerpt))
		switch {
		case c.opts.Username == "":
			return refused("it wants a log-in (status %d); write username and password_file of a user with the tag monitoring", status)
		case bytes.Contains(said, []byte("Not management user")), bytes.Contains(said, []byte("Not monitor user")),
			bytes.Contains(said, []byte("Not monitoring user")):
			return refused("user %s lacks the tag monitoring; give it by: rabbitmqctl set_user_tags %[1]s monitoring", c.opts.Username)
		case bytes.Contains(said, []byte("Not administrator")), bytes.Contains(said, []byte("Not policymaker")):
			return refused("user %s may not see this; it takes the tag administrator", c.opts.Username)
		case bytes.Contains(said, []byte("remote access")), bytes.Contains(said, []byte("User can only log in via localhost")):
			return refused("user %s may log in from the broker's own machine only; make a user with the tag monitoring for Tocsin", c.opts.Username)
		}
		return refused("it refuses user %s (status %d); is the password right, and does the user have the tag monitoring?", c.opts.Username, status)
	case http.StatusNotFound:
		return refused("it does not know this path (status 404); does the URL lead to a broker whose plugin is on?")
	case http.StatusServiceUnavailable:
		return frame.Fail(frame.ReasonUnreachable, errors.New("it is starting, or cannot serve now (status 503)"))
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return refused("it redirects (status %d) where an answer was expected; write the URL that it redirects to", resp.StatusCode)
	}
	return frame.Fail(frame.ReasonError, fmt.Errorf("it answers with status %d %s, so that what it sent is not used", resp.StatusCode, http.StatusText(resp.StatusCode)))
}

func refused(format string, args ...any) error {
	return frame.Fail(frame.ReasonRefused, fmt.Errorf(format, args...))
}

// unanswered gives a failed exchange its reason and words, without the address
// that the library puts in front.
func unanswered(err error) error {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err
	}
	fail := func(r frame.Reason, words string) error { return frame.Fail(r, errors.New(words)) }
	var dns *net.DNSError
	var timeout net.Error
	words := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, os.ErrDeadlineExceeded):
		return fail(frame.ReasonTimeout, "it does not answer in time")
	case errors.As(err, &dns):
		return fail(frame.ReasonUnreachable, "its name does not resolve")
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(frame.ReasonUnreachable, "the connection is refused; is the broker up, and its plugin on?")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fail(frame.ReasonUnreachable, "no way leads to its address")
	case strings.Contains(words, "malformed HTTP"), strings.Contains(words, "server gave HTTP response to HTTPS"):
		return fail(frame.ReasonRefused, "it does not speak HTTP on this port, or the URL has the wrong scheme")
	case errors.As(err, &timeout) && timeout.Timeout():
		return fail(frame.ReasonTimeout, "it does not answer in time")
	}
	if words := encryption(err); words != "" {
		return fail(frame.ReasonRefused, words)
	}
	return fail(frame.ReasonUnreachable, "the connection is cut before the answer's end")
}

// encryption says what is wrong about TLS.
func encryption(err error) string {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &record):
		return "it does not speak TLS on this port"
	case errors.As(err, &unknown):
		return "its certificate comes from an authority that is not trusted; name it by ca_file"
	case errors.As(err, &host):
		return "its certificate is for other names"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "its certificate is not valid"
	case errors.As(err, &alert):
		return "it refuses TLS: " + strings.TrimPrefix(alert.Error(), "tls: ")
	}
	return ""
}
