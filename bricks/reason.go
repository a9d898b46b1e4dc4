package bricks

// A Reason says why a brick is down, or why a request failed. The list is
// closed: it is the value of the label reason.
type Reason string

// Why a brick is down, or a request failed.
const (
	DNS         Reason = "dns"          // its name does not resolve
	Refused     Reason = "refused"      // the connection is refused
	Unreachable Reason = "unreachable"  // no way leads there
	Reset       Reason = "reset"        // the connection was cut before the answer's end
	Timeout     Reason = "timeout"      // no answer in time
	TLS         Reason = "tls"          // TLS cannot be agreed on, or the certificate does not hold
	Denied      Reason = "denied"       // it wants other credentials, or more rights
	Status      Reason = "status"       // the status code is not one that is accepted
	ContentType Reason = "content_type" // the answer is of another type
	TooLarge    Reason = "too_large"    // the answer is larger than it may be
	Unparsable  Reason = "unparsable"   // the answer is not what the protocol says
	Unexpected  Reason = "unexpected"   // the answer has another shape than the kind knows
	Unhealthy   Reason = "unhealthy"    // it says itself that it is not well
	Credentials Reason = "credentials"  // the file with the password cannot be read
	Failed      Reason = "error"        // anything else
)

// Reasons lists all reasons.
func Reasons() []Reason {
	return []Reason{
		DNS, Refused, Unreachable, Reset, Timeout, TLS, Denied, Status, ContentType, TooLarge, Unparsable,
		Unexpected, Unhealthy, Credentials, Failed,
	}
}

// A MissingReason says why a metric could not be had. The list is closed: it
// is the value of the label reason of brick_metric_missing.
type MissingReason string

// Why a metric could not be had.
const (
	Missing   MissingReason = "missing"   // the value, or that of a label, is not there
	WrongType MissingReason = "type"      // it is no number, or not of the expected shape
	Negative  MissingReason = "negative"  // a counter below zero
	Range     MissingReason = "range"     // not finite, or outside of what the kind allows
	Rows      MissingReason = "rows"      // more rows than it may have; the first are there
	Duplicate MissingReason = "duplicate" // two rows have the same labels; the first is there
)
