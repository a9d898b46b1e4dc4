package smtpprobe

import (
	"strings"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/lazy"
	"tocsin/probes/probe"
	"tocsin/probes/smtp"
)

// Our own; blackbox_exporter knows no SMTP. The values of the labels are
// closed lists: phase and command are below, and status is an enhanced status
// code as RFC 3463 has them, or "other".
var (
	duration = &frame.Family{
		Name: "probe_smtp_duration_seconds", Labels: []string{"phase"},
		Help: "Duration of the conversation by phase (resolve, connect, greeting, hello, tls, login, mail, relay); what was not reached is 0.",
	}
	replyCode = &frame.Family{
		Name: "probe_smtp_reply_code", Labels: []string{"command"},
		Help: "Code of the server's answer to each command that was said (greeting, ehlo, starttls, login, mail, rcpt, relay).",
	}
	replyStatus = &frame.Family{
		Name: "probe_smtp_reply_status_info", Labels: []string{"command", "status"},
		Help: "Enhanced status code (RFC 3463) of the answer to each command, as 5.1.1, where it has one.",
	}
	startTLS = &frame.Family{
		Name: "probe_smtp_starttls_offered",
		Help: "Whether the server offers STARTTLS where nothing is encrypted yet; absent with smtps.",
	}
	plaintextAuth = &frame.Family{
		Name: "probe_smtp_plaintext_auth_offered",
		Help: "Whether the server lets a password be sent before TLS (AUTH PLAIN, LOGIN or a token); absent with smtps.",
	}
	sizeLimit = &frame.Family{
		Name: "probe_smtp_message_size_limit_bytes",
		Help: "The largest message that the server says it takes; absent where it names none.",
	}
	accepted = &frame.Family{
		Name: "probe_smtp_recipient_accepted",
		Help: "Whether the server would take a message from mail.from for mail.to; absent when it was not asked.",
	}
	greylisted = &frame.Family{
		Name: "probe_smtp_greylisted",
		Help: "Whether the server wants the message again, later, because it does not know the sender yet; absent when it was not asked.",
	}
	openRelay = &frame.Family{
		Name: "probe_smtp_open_relay",
		Help: "Whether the server would take a message for relay_to, who is none of its own; absent when it was not asked.",
	}
)

// The commands, as the label has them.
const (
	cmdGreeting = "greeting"
	cmdHello    = "ehlo"
	cmdStartTLS = "starttls"
	cmdLogin    = "login"
	cmdMail     = "mail"
	cmdRcpt     = "rcpt"
	cmdRelay    = "relay"
)

// The phases, as the label has them.
const (
	phaseGreeting = "greeting"
	phaseHello    = "hello"
	phaseLogin    = "login"
	phaseMail     = "mail"
	phaseRelay    = "relay"
)

// Families lists what an SMTP probe sends of its own.
func Families() []*frame.Family {
	return []*frame.Family{duration, replyCode, replyStatus, startTLS, plaintextAuth, sizeLimit, accepted, greylisted, openRelay}
}

// sendDurations sends what each phase took.
func sendDurations(r *probe.Result, phases map[string]time.Duration) {
	h := &r.Hops[0]
	r.Send(duration, h.Phases[probe.PhaseResolve].Seconds(), "resolve")
	r.Send(duration, h.Phases[probe.PhaseConnect].Seconds(), "connect")
	r.Send(duration, h.Phases[probe.PhaseTLS].Seconds(), "tls")
	for _, phase := range []string{phaseGreeting, phaseHello, phaseLogin, phaseMail, phaseRelay} {
		r.Send(duration, phases[phase].Seconds(), phase)
		h.Phases[probe.PhaseProcessing] += phases[phase]
	}
}

// known matches the codes that could be IANA's: a server cannot fill a label.
var known = lazy.Regexp(`^[245]\.[0-7]\.[0-9]{1,2}$`)

func sendReply(r *probe.Result, command string, reply *smtp.Reply) {
	r.Send(replyCode, float64(reply.Code), command)
	switch {
	case reply.Status == "":
	case known().MatchString(reply.Status):
		r.Send(replyStatus, 1, command, reply.Status)
	default:
		r.Send(replyStatus, 1, command, "other")
	}
}

// plaintext tells which of the ways to log in that a server offers give the
// password, or a token in its place, to whoever listens.
func plaintext(mechanisms []string) string {
	var bare []string
	for _, m := range mechanisms {
		switch m {
		case "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER":
			bare = append(bare, m)
		}
	}
	return strings.Join(bare, " ")
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
