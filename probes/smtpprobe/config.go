package smtpprobe

import (
	"cmp"
	"net/mail"
	"strings"
	"time"

	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// What may be written for plaintext_auth and greylisting.
const (
	Told     = "told"
	Refused  = "refused"
	Accepted = "accepted"
)

// NullSender is how the sender of bounces is written.
const NullSender = "<>"

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{
			{Name: "smtp", Example: "smtp://mail.ville.example", Form: protocol.HostPort, Port: 25, TLS: true, StartTLS: true, Login: true, LoginEvery: time.Minute},
			{Name: "smtps", Example: "smtps://mail.ville.example", Form: protocol.HostPort, Port: 465, TLS: true, Login: true, LoginEvery: time.Minute},
		},
		Families: Families,
	}
}

// Config is the section smtp of an entry of the site file.
type Config struct {
	// Hello is the name that the probe says EHLO with; left out, it is the
	// address that the connection comes from, as [192.0.2.7].
	Hello string `yaml:"hello,omitempty"`
	// Mail is a message that the server is asked to take. It is not sent: the
	// conversation ends before DATA.
	Mail Mail `yaml:"mail,omitempty"`
	// PlaintextAuth is told (a metric and a rule tell when passwords may be
	// sent without TLS) or refused (the probe fails for it, too).
	PlaintextAuth string `yaml:"plaintext_auth,omitempty"`
	// Greylisting is refused (a server that wants the message again, later,
	// fails) or accepted (it does not; a metric tells).
	Greylisting string `yaml:"greylisting,omitempty"`
	// RelayTo is an address of somebody else's domain, as
	// nobody@example.net. The server must refuse to take mail for it.
	RelayTo string `yaml:"relay_to,omitempty"`
}

// Mail is who writes to whom.
type Mail struct {
	// From is the sender; <> is that of bounces.
	From string `yaml:"from,omitempty"`
	// To is the recipient, who must be one of the server's own.
	To string `yaml:"to,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {
	c.PlaintextAuth = cmp.Or(c.PlaintextAuth, Told)
	c.Greylisting = cmp.Or(c.Greylisting, Refused)
}

// hello is a name that can be said to a server.
var hello = lazy.Regexp(`^[A-Za-z0-9._:\[\]-]{1,255}$`)

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	if c.Hello != "" && !hello().MatchString(c.Hello) {
		p.At("hello").Addf("is no name of a host; write one as tocsin.ville.example")
	}
	if c.PlaintextAuth != Told && c.PlaintextAuth != Refused {
		p.At("plaintext_auth").Addf("must be told or refused")
	}
	if c.PlaintextAuth == Refused && e.Scheme.Name == "smtps" {
		p.At("plaintext_auth").Addf("means nothing with smtps://, where all is said over TLS; take it out")
	}
	if c.Greylisting != Refused && c.Greylisting != Accepted {
		p.At("greylisting").Addf("must be refused or accepted")
	}
	c.validateMail(p, e)
	if !e.Login.IsZero() && e.Scheme.Name == "smtp" && !e.StartTLS {
		p.Addf("is asked with a login, whose password would be sent without TLS; write starttls: true beside target")
	}
	if e.Login.Username != "" && e.Login.Secret().IsZero() {
		p.Addf("is asked with a login, and username has no password; write password_file beside it")
	}
}

// validateMail looks at who writes to whom.
func (c *Config) validateMail(p problem.List, e *protocol.Entry) {
	if (c.Mail == Mail{}) {
		if c.RelayTo != "" {
			p.At("mail").Addf("is missing; relay_to is asked for with its sender, so write mail: {from: ..., to: ...}")
		}
		return
	}
	if c.Mail.From != NullSender {
		ValidateAddress(p.At("mail").At("from"), c.Mail.From)
	}
	ValidateAddress(p.At("mail").At("to"), c.Mail.To)
	if c.RelayTo == "" {
		return
	}
	ValidateAddress(p.At("relay_to"), c.RelayTo)
	if _, domain, _ := strings.Cut(c.Mail.To, "@"); strings.HasSuffix(strings.ToLower(c.RelayTo), "@"+strings.ToLower(domain)) {
		p.At("relay_to").Addf("is in the domain of mail.to, whose mail the server must take; write an address of a domain that is not its own, as nobody@example.net")
	}
	if !e.Login.IsZero() {
		p.At("relay_to").Addf("cannot go with username: who has logged in may send to everybody; make a probe of its own for it, without username")
	}
}

// ValidateAddress refuses what is no plain mail address.
func ValidateAddress(p problem.List, address string) {
	if address == "" {
		p.Addf("is missing; write a mail address, as sonde@ville.example")
		return
	}
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || len(address) > 254 || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '<' || r == '>' }) {
		p.Addf("is no mail address; write it alone, as sonde@ville.example")
	}
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	told := "greeted with EHLO"
	if !e.Login.IsZero() {
		told += ", logged in to as " + e.Login.Username
	}
	if c.Mail.To != "" {
		told += ", asked whether it would take mail for " + c.Mail.To
	}
	if c.RelayTo != "" {
		told += " and for " + c.RelayTo
	}
	return told
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	return New(Options{
		Target: e.Shown(), Host: e.Host(), Port: e.Port(), Dial: e.Dial, TLS: secure,
		UseTLS: e.Scheme.Name == "smtps", StartTLS: e.StartTLS, Username: e.Login.Username, Password: e.Login.Secret(), Config: *c,
	}), nil
}

// Travels implements protocol.Traveller: the conversation ends before
// there is a message, wherever it is held. Whether strangers may relay is asked
// best from where strangers are.
func (c *Config) Travels(_ *protocol.Entry) []string {
	return []string{"hello", "mail", "plaintext_auth", "greylisting", "relay_to"}
}
