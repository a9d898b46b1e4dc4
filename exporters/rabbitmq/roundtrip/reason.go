package roundtrip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Reason says why no message came back. The list is closed: it is the value
// of the label reason of tocsin_rabbitmq_round_trip_failure_info.
type Reason string

// Why no message came back.
const (
	Unreachable Reason = "unreachable" // nothing answers at the address
	TLS         Reason = "tls"         // the certificate does not hold, or there is no TLS
	Protocol    Reason = "protocol"    // what answers speaks no AMQP 0-9-1
	Refused     Reason = "refused"     // user, password or virtual host
	Forbidden   Reason = "forbidden"   // the user may not make the queue, publish or consume
	Blocked     Reason = "blocked"     // an alarm: the broker takes no messages
	Lost        Reason = "lost"        // the broker said no to the message, or gave another one back
	Timeout     Reason = "timeout"     // it did not come back in time
	Setup       Reason = "setup"       // the password or the authorities cannot be read here
	Closed      Reason = "closed"      // the broker ended the connection
)

// Reasons lists all reasons, for the reference pages.
func Reasons() []Reason {
	return []Reason{Unreachable, TLS, Protocol, Refused, Forbidden, Blocked, Lost, Timeout, Setup, Closed}
}

// failure is why no message came back, in words for an administrator.
type failure struct {
	reason Reason
	words  string
}

func (f *failure) Error() string { return f.words }

func fail(r Reason, format string, args ...any) *failure {
	return &failure{r, fmt.Sprintf(format, args...)}
}

// reasonOf returns the reason that a failure has already; others have none yet.
func reasonOf(err error) Reason {
	if own, ok := errors.AsType[*failure](err); ok {
		return own.reason
	}
	return ""
}

// judge gives an error of the library or the network its reason and words.
// What the broker itself says is not repeated: it may name anything.
func (d door) judge(err error, vhost, username string) *failure {
	var own *failure
	var said *amqp.Error
	var dns *net.DNSError
	var network *net.OpError
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, os.ErrDeadlineExceeded):
		return fail(Timeout, "no message came back in time")
	case errors.As(err, &dns):
		return fail(Unreachable, "the name %s does not resolve", d.host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(Unreachable, "nothing listens on port %d; see the broker's listeners: rabbitmq-diagnostics listeners", d.port)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fail(Unreachable, "no way leads to %s", d.host)
	}
	if words := encryption(err); words != "" {
		return fail(TLS, "%s", words)
	}
	switch {
	case errors.As(err, &said):
		return d.said(said, vhost, username)
	case errors.As(err, &network) && network.Op == "dial":
		return fail(Unreachable, "no connection to port %d comes about", d.port)
	}
	return fail(Closed, "the connection is cut")
}

// said reads a refusal of the broker, or one that the library makes of it.
func (d door) said(e *amqp.Error, vhost, username string) *failure {
	switch {
	case e.Code == amqp.AccessRefused && strings.Contains(e.Reason, "username or password"), e.Code == amqp.AccessRefused && strings.Contains(e.Reason, "Login was refused"):
		return fail(Refused, "the broker refuses user %s; is the password right? A user guest may come from the broker's own machine only", username)
	case e.Code == amqp.NotAllowed, e.Code == amqp.AccessRefused && strings.Contains(e.Reason, "no access to this vhost"):
		return fail(Refused, "user %s may not enter the virtual host %s, or there is none; give it by: rabbitmqctl set_permissions -p '%[2]s' %[1]s '^tocsin\\.' '^(tocsin\\.|amq\\.default$)' '^tocsin\\.'", username, vhost)
	case e.Code == amqp.AccessRefused:
		return fail(Forbidden, "user %s may not make, fill or read the test queue; give it by: rabbitmqctl set_permissions -p '%[2]s' %[1]s '^tocsin\\.' '^(tocsin\\.|amq\\.default$)' '^tocsin\\.'", username, vhost)
	case e.Code == amqp.FrameError, e.Code == amqp.SyntaxError, e.Code == amqp.CommandInvalid, e.Code == amqp.UnexpectedFrame:
		return fail(Protocol, "what answers on port %d speaks no AMQP 0-9-1, or wants TLS: then write amqps://", d.port)
	case e.Code == amqp.ResourceLocked, e.Code == amqp.PreconditionFailed:
		return fail(Forbidden, "the broker refuses the test queue (code %d); a limit of the virtual host or a policy stands against it", e.Code)
	case e.Code == amqp.ConnectionForced:
		return fail(Closed, "the broker ends the connection (code %d): it stops, or somebody closed it", e.Code)
	}
	return fail(Closed, "the broker ends the connection (code %d)", e.Code)
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
