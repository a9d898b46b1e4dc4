package probe

import "errors"

// A Reason says why a probe failed. The list is closed: it is the value of the
// label reason of probe_failure_info. It says what is wrong, not where: the
// Phase says that, so a timeout has one reason and five places.
type Reason string

// Why a probe failed.
const (
	DNS            Reason = "dns"
	BlockedAddress Reason = "blocked_address"
	Refused        Reason = "refused"
	Unreachable    Reason = "unreachable"
	Reset          Reason = "reset"
	Timeout        Reason = "timeout"

	TLSExpired           Reason = "tls_expired"
	TLSNotYetValid       Reason = "tls_not_yet_valid"
	TLSWrongHost         Reason = "tls_wrong_host"
	TLSSelfSigned        Reason = "tls_self_signed"
	TLSUnknownAuthority  Reason = "tls_unknown_authority"
	TLSIncompleteChain   Reason = "tls_incomplete_chain"
	TLSRevoked           Reason = "tls_revoked"
	TLSWeak              Reason = "tls_weak"
	TLSInvalid           Reason = "tls_invalid"
	TLSClientCertificate Reason = "tls_client_certificate"
	TLSVersion           Reason = "tls_version"
	TLSHandshake         Reason = "tls_handshake"
	NoStartTLS           Reason = "no_starttls"

	Protocol     Reason = "protocol"
	Truncated    Reason = "truncated"
	TooLarge     Reason = "too_large"
	RedirectLoop Reason = "redirect_loop"
	Redirect     Reason = "redirect"
	Status       Reason = "status"
	Header       Reason = "header"
	Encryption   Reason = "encryption"
	Body         Reason = "body"
	NoUpgrade    Reason = "no_upgrade"

	LoginRefused  Reason = "login_refused"
	PlaintextAuth Reason = "plaintext_auth"
	HostKey       Reason = "host_key"
	PortOpen      Reason = "port_open"

	MailRefused Reason = "mail_refused"
	Greylisted  Reason = "greylisted"
	OpenRelay   Reason = "open_relay"
	Undelivered Reason = "undelivered"
	MailDNS     Reason = "mail_dns"

	DNSSEC         Reason = "dnssec"
	Registration   Reason = "registration"
	Listed         Reason = "listed"
	Unsynchronised Reason = "unsynchronised"

	Other Reason = "error"
)

// Reasons lists all reasons, from the network up to the answer's content.
func Reasons() []Reason {
	return []Reason{
		DNS, BlockedAddress, Refused, Unreachable, Reset, Timeout,
		TLSExpired, TLSNotYetValid, TLSWrongHost, TLSSelfSigned, TLSUnknownAuthority, TLSIncompleteChain,
		TLSRevoked, TLSWeak, TLSInvalid, TLSClientCertificate, TLSVersion, TLSHandshake, NoStartTLS,
		Protocol, Truncated, TooLarge, RedirectLoop, Redirect, Status, Header, Encryption, Body, NoUpgrade,
		LoginRefused, PlaintextAuth, HostKey, PortOpen, MailRefused, Greylisted, OpenRelay, Undelivered, MailDNS,
		DNSSEC, Registration, Listed, Unsynchronised, Other,
	}
}

// Meaning explains the reason in one line, for the reference pages and the
// account on the command line.
func (r Reason) Meaning() string {
	switch r {
	case DNS:
		return "the name does not resolve, or has no address of the family asked for"
	case BlockedAddress:
		return "the name leads to an address that this probe may not speak to"
	case Refused:
		return "nothing listens on the port"
	case Unreachable:
		return "no way to the address: network or host unreachable"
	case Reset:
		return "the connection was closed before an answer came"
	case Timeout:
		return "it took longer than the probe's timeout; the phase says where"
	case TLSExpired:
		return "the certificate, or one that it depends on, has expired"
	case TLSNotYetValid:
		return "the certificate, or one that it depends on, is not valid yet"
	case TLSWrongHost:
		return "the certificate is for other names"
	case TLSSelfSigned:
		return "the certificate is signed by itself, and not trusted"
	case TLSUnknownAuthority:
		return "the certificate's authority is not trusted"
	case TLSIncompleteChain:
		return "an intermediate certificate is missing from what the server sends"
	case TLSRevoked:
		return "the certificate's authority has revoked it, as the OCSP answer that the server staples says"
	case TLSWeak:
		return "the certificate is signed by a broken algorithm (SHA-1, MD5)"
	case TLSInvalid:
		return "the certificate may not be used for this (usage, constraints, path length)"
	case TLSClientCertificate:
		return "the server wants a client certificate"
	case TLSVersion:
		return "the server takes no TLS version that the probe offers (1.2 and later, where its keys say nothing else)"
	case TLSHandshake:
		return "TLS could not be negotiated"
	case NoStartTLS:
		return "the server does not turn to TLS on a connection that begins without"
	case Protocol:
		return "the server speaks another protocol, or breaks this one"
	case Truncated:
		return "the answer ended before its announced length"
	case TooLarge:
		return "the answer is larger than the probe reads"
	case RedirectLoop:
		return "redirects lead in a circle"
	case Redirect:
		return "redirects do not lead where they should: one cannot be followed, there are too many, or they end at another page"
	case Status:
		return "the status is not one of those expected"
	case Header:
		return "a header of the answer is not as expected"
	case Encryption:
		return "the answer came without TLS and must have it, or the other way round"
	case Body:
		return "the content is not as expected"
	case NoUpgrade:
		return "the server answers in HTTP and does not turn to WebSocket: mostly a proxy that does not pass the header Upgrade on"
	case LoginRefused:
		return "the server does not let the probe log in"
	case PlaintextAuth:
		return "the server lets passwords be sent without TLS"
	case HostKey:
		return "the server's host key is none of those expected"
	case PortOpen:
		return "the port answers from here, and must not"
	case MailRefused:
		return "the mail server refuses the sender, the recipient or the message"
	case Greylisted:
		return "the mail server does not know the sender yet and wants the message again, later"
	case OpenRelay:
		return "the mail server takes mail from a stranger for a stranger"
	case Undelivered:
		return "the message was taken and has not come into the mailbox in time"
	case MailDNS:
		return "a record that other mail servers judge the domain by is missing or wrong"
	case DNSSEC:
		return "the zone's DNSSEC signatures do not hold: resolvers that check them refuse its names"
	case Registration:
		return "the domain's registration is on hold, has ended, or never was"
	case Listed:
		return "the address is on a blocklist"
	case Unsynchronised:
		return "the time server says that its own clock follows nothing"
	default:
		return "anything else: the text says what"
	}
}

// IsTLS tells whether the reason is about a certificate or the TLS handshake.
func (r Reason) IsTLS() bool { return len(r) > 4 && r[:4] == "tls_" }

// A Failure is an error that knows its reason and where it occurred. Its text
// may hold what a server sent: it is cleaned before it leaves a prober.
type Failure struct {
	Reason Reason
	Phase  Phase
	Err    error
}

// Fail makes a Failure.
func Fail(r Reason, p Phase, err error) error { return &Failure{Reason: r, Phase: p, Err: err} }

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Unmeasured marks an error that is our own: it says nothing of the service.
type Unmeasured struct{ Err error }

func (u *Unmeasured) Error() string { return "not measured: " + u.Err.Error() }
func (u *Unmeasured) Unwrap() error { return u.Err }

// FailureOf returns err as a Failure; what has no reason becomes Other.
func FailureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Reason: Other, Err: err}
}
