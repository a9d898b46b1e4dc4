package alerts

import (
	"context"
	"errors"
)

// A Cause is why a voice could not say something. The list is closed: it is
// the value of the label reason of tocsin_notifications_failed_total.
type Cause string

// Why a voice failed.
const (
	CauseConfig      Cause = "config"       // what it needs on this machine can't be read: a token's file
	CauseAuth        Cause = "auth"         // the other side refused the credentials
	CauseForbidden   Cause = "forbidden"    // the credentials may not do this
	CauseNotFound    Cause = "not_found"    // the channel, webhook or address is not there
	CauseRefused     Cause = "refused"      // the message was refused, and would be again
	CauseTooLarge    Cause = "too_large"    // refused as too large although it was shrunk
	CauseRateLimited Cause = "rate_limited" // the other side asks to wait, longer than the caller does
	CauseServer      Cause = "server_error" // the other side has trouble of its own
	CauseBadAnswer   Cause = "bad_answer"   // the answer could not be understood
	CauseTimeout     Cause = "timeout"      // no answer in time
	CauseUnreachable Cause = "unreachable"  // no connection
	CauseOther       Cause = "other"        // anything else
)

// Causes lists all causes, for the reference pages.
func Causes() []Cause {
	return []Cause{
		CauseConfig, CauseAuth, CauseForbidden, CauseNotFound, CauseRefused, CauseTooLarge,
		CauseRateLimited, CauseServer, CauseBadAnswer, CauseTimeout, CauseUnreachable, CauseOther,
	}
}

// A Failure is an error with the cause that it stands for.
type Failure struct {
	Cause Cause
	Err   error
}

// Fail gives err a cause.
func Fail(c Cause, err error) error { return &Failure{Cause: c, Err: err} }

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// CauseOf returns the cause of a voice's error: the one that Fail gave it, or
// else the one that its kind tells.
func CauseOf(err error) Cause {
	var given *Failure
	switch {
	case errors.As(err, &given):
		return given.Cause
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return CauseTimeout
	default:
		return CauseOther
	}
}
