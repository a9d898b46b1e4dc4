package forge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"tocsin/updatewatch/feed"
)

// A Reason says why a source could not be read. The list is closed: it is the
// value of a label.
type Reason string

// Why a source could not be read.
const (
	Unreachable  Reason = "unreachable"   // no name, no way, no answer
	Timeout      Reason = "timeout"       // it took too long
	TLS          Reason = "tls"           // its certificate does not hold
	NotFound     Reason = "not_found"     // 404: misspelt, private or gone
	Gone         Reason = "gone"          // 410: gone for good
	Unauthorized Reason = "unauthorized"  // 401, or 403 without a limit: the token
	RateLimited  Reason = "rate_limited"  // asked too much; asked again when it allows
	ServerError  Reason = "server_error"  // 5xx
	Status       Reason = "status"        // another status that is no success
	Redirect     Reason = "redirect"      // it leads to another host, or in a circle
	TooLarge     Reason = "too_large"     // more bytes than are read
	Hostile      Reason = "hostile"       // built to do harm
	Unreadable   Reason = "unreadable"    // not what it should be: an HTML page, broken off
	NoReleases   Reason = "no_releases"   // it lists none
	NoMatch      Reason = "no_match"      // none of its tags fits the pattern
	TokenMissing Reason = "token_missing" // the token's file cannot be read
)

// An Error says why a source could not be read.
type Error struct {
	Reason Reason
	// RetryAt is when the host may be asked again; zero: it did not say.
	RetryAt time.Time
	Err     error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Fail makes an error of a reason and words.
func Fail(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Err: fmt.Errorf(format, args...)}
}

// reasonOf tells the reason of an error that is not ours.
func reasonOf(err error) Reason {
	var network net.Error
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var elsewhere *redirectError
	switch {
	case errors.As(err, &elsewhere):
		return Redirect
	case errors.Is(err, feed.ErrTooLarge):
		return TooLarge
	case errors.Is(err, feed.ErrHostile):
		return Hostile
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return Timeout
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid), errors.As(err, &verify):
		return TLS
	case errors.Is(err, feed.ErrNoFeed):
		return Unreadable
	case errors.As(err, &network):
		return Unreachable
	}
	return Unreadable
}

// refusal makes an error of an answer that is no success.
func refusal(host string, status int, retryAt time.Time, limited bool) *Error {
	text := fmt.Sprintf("%s answers %d %s", host, status, strings.ToLower(http.StatusText(status)))
	e := &Error{Reason: Status, RetryAt: retryAt, Err: errors.New(text)}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && limited:
		e.Reason = RateLimited
	case status == http.StatusNotFound:
		e.Reason = NotFound
	case status == http.StatusGone:
		e.Reason = Gone
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Reason = Unauthorized
	case status >= http.StatusInternalServerError:
		e.Reason = ServerError
	}
	return e
}
