package frame

import (
	"context"
	"errors"
	"io/fs"
	"net"
)

// A Reason says why a collector failed. The list is closed: it is the value
// of the label reason of tocsin_collector_failure_info.
type Reason string

// Why a collector failed.
const (
	ReasonTimeout      Reason = "timeout"       // it did not finish before its deadline
	ReasonStillRunning Reason = "still_running" // an earlier run has not returned yet
	ReasonPanic        Reason = "panic"         // it panicked; the log has the stack
	ReasonPermission   Reason = "permission"    // the process may not read what it needs
	ReasonUnreachable  Reason = "unreachable"   // the server did not answer
	ReasonRefused      Reason = "refused"       // the server answered, and refused
	ReasonStalled      Reason = "stalled"       // a part of it hangs (a mount); the rest was measured
	ReasonInvalid      Reason = "invalid"       // it sent a duplicate, undeclared or ill-formed series
	ReasonError        Reason = "error"         // anything else: the log and the status page have the text
)

// Reasons lists all reasons, for the reference pages.
func Reasons() []Reason {
	return []Reason{
		ReasonTimeout, ReasonStillRunning, ReasonPanic, ReasonPermission, ReasonUnreachable,
		ReasonRefused, ReasonStalled, ReasonInvalid, ReasonError,
	}
}

// An Error is an error with the reason that it stands for.
type Error struct {
	Reason Reason
	Err    error
}

// Fail gives err a reason.
func Fail(r Reason, err error) error { return &Error{Reason: r, Err: err} }

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ReasonOf returns the reason of an error: the one that Fail gave it, or else
// the one that its kind tells.
func ReasonOf(err error) Reason {
	var given *Error
	var network net.Error
	var file *fs.PathError // its errno would pass for a network error
	switch {
	case errors.As(err, &given):
		return given.Reason
	case errors.Is(err, fs.ErrPermission):
		return ReasonPermission
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ReasonTimeout
	case !errors.As(err, &file) && errors.As(err, &network):
		return ReasonUnreachable
	default:
		return ReasonError
	}
}
