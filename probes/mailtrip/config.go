package mailtrip

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
	"tocsin/probes/smtpprobe"
)

// Protocol is what this package speaks. The scheme is called after what
// travels, and the target is where the message is given in.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{{
			Name: "mailtrip", Example: "mailtrip://mail.ville.example", Form: protocol.HostPort, Port: submissionsPort,
			TLS: true, StartTLS: true, Login: true, Once: true, Every: 5 * time.Minute, Timeout: 2 * time.Minute,
		}},
		Families: Families,
	}
}

// The usual ports.
const (
	submissionsPort = 465 // TLS at once
	submissionPort  = 587 // STARTTLS
	imapsPort       = 993
	imapPort        = 143
)

// Config is the section mailtrip of an entry of the site file.
type Config struct {
	// From is the sender; username beside target if left out.
	From string `yaml:"from,omitempty"`
	// To is whose mailbox the message comes into; from if left out.
	To string `yaml:"to,omitempty"`
	// IMAP is where that mailbox is read: imaps://HOST, or imap://HOST, where
	// STARTTLS is asked for; the target's host with imaps:// if left out.
	IMAP string `yaml:"imap,omitempty"`
	// Login is who reads the mailbox; who sends, if left out.
	Login protocol.Login `yaml:",inline"`
	// Folder is where the message comes to.
	Folder string `yaml:"folder,omitempty"`
	// Junk is the folder that what is taken for spam comes to, as Junk; the
	// message is looked for there, too. Left out, it is not.
	Junk string `yaml:"junk,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {
	c.Folder = cmp.Or(c.Folder, "INBOX")
}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, e *protocol.Entry) {
	if e.Login.Username == "" || e.Login.Secret().IsZero() {
		p.Addf("has nobody who sends; write username and password_file beside target")
	}
	c.Login.Validate(p)
	if c.Login.Username != "" && c.Login.Secret().IsZero() {
		p.At("username").Addf("has no password; write password_file beside it")
	}
	from := cmp.Or(c.From, e.Login.Username)
	if from != "" {
		smtpprobe.ValidateAddress(p.At("from"), from)
	}
	if to := cmp.Or(c.To, from); c.To != "" || to != from {
		smtpprobe.ValidateAddress(p.At("to"), to)
	}
	if _, err := c.mailbox(e.Host()); err != nil {
		p.At("imap").Addf("is no mailbox's server; write it as imaps://mail.ville.example or, with STARTTLS, imap://mail.ville.example")
	}
	validateFolder(p.At("folder"), c.Folder)
	validateFolder(p.At("junk"), c.Junk)
	if c.Junk != "" && strings.EqualFold(c.Junk, c.Folder) {
		p.At("junk").Addf("is the same as folder; take it out")
	}
}

func validateFolder(p problem.List, folder string) {
	if strings.ContainsFunc(folder, func(r rune) bool { return r < ' ' || r == '*' || r == '%' }) || len(folder) > 200 {
		p.Addf("is no name of a folder; write it as INBOX/Tocsin")
	}
}

// server is where something is, and how TLS begins there.
type server struct {
	host     string
	port     uint16
	startTLS bool
}

// mailbox reads the key imap.
func (c *Config) mailbox(host string) (server, error) {
	if c.IMAP == "" {
		return server{host: host, port: imapsPort}, nil
	}
	u, err := url.Parse(c.IMAP)
	if err != nil {
		return server{}, err
	}
	s := server{host: u.Hostname(), port: imapsPort}
	switch {
	case u.Scheme == "imap":
		s.port, s.startTLS = imapPort, true
	case u.Scheme != "imaps":
		return server{}, errNoServer
	}
	if s.host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return server{}, errNoServer
	}
	if u.Port() != "" {
		s.port, err = dial.SplitPort(u.Port())
	}
	return s, err
}

// Told implements protocol.Section.
func (c *Config) Told(e *protocol.Entry) string {
	from := cmp.Or(c.From, e.Login.Username)
	box, _ := c.mailbox(e.Host())
	return "a small message is sent from " + from + " to " + cmp.Or(c.To, from) + ", and fetched and deleted on " + box.host
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	box, err := c.mailbox(e.Host())
	if err != nil {
		return nil, err
	}
	o := Options{
		Submission: server{host: e.Host(), port: e.Port(), startTLS: e.StartTLS}, Mailbox: box,
		Dial: e.Dial, TLS: secure, Folder: c.Folder, Junk: c.Junk,
		Sender: Account{e.Login.Username, e.Login.Secret()}, Reader: Account{c.Login.Username, c.Login.Secret()},
	}
	if e.StartTLS && e.URL.Port() == "" {
		o.Submission.port = submissionPort
	}
	if c.Login.IsZero() {
		o.Reader = o.Sender
	}
	o.From = cmp.Or(c.From, o.Sender.Username)
	o.To = cmp.Or(c.To, o.From)
	return New(o), nil
}

// An Account is who logs in.
type Account struct {
	Username string
	Password secret.Source
}

// Stays implements protocol.Settled.
func (c *Config) Stays() string { return "it logs in, and sends a mail" }
