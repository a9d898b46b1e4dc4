package fallback

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/alerts"
)

// A Mail is the voice that says notifications by mail. It implements
// alerts.Voice.
type Mail struct {
	cfg   SMTP
	words alerts.Wording
	name  string         // what this machine calls itself
	roots *x509.CertPool // nil is the system's
	dial  func(ctx context.Context, network, address string) (net.Conn, error)

	mu   sync.Mutex           // guards said
	said map[string]saidState // by group
}

// saidState is what was last mailed of a group.
type saidState struct {
	state string
	at    time.Time
}

// Bounds of what is remembered.
const (
	maxGroups   = 2000
	reminderGap = time.Minute
)

// NewMail returns a voice. The configuration has been validated; it fails
// when ca_file can't be used.
func NewMail(cfg SMTP, words alerts.Wording) (*Mail, error) {
	whole := Config{SMTP: cfg}
	whole.SetDefaults()
	m := &Mail{cfg: whole.SMTP, words: words, said: make(map[string]saidState)}
	m.dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	m.name = "localhost"
	if name, err := os.Hostname(); err == nil && name != "" && !strings.ContainsAny(name, " \r\n") {
		m.name = name
	}
	if cfg.CAFile == "" {
		return m, nil
	}
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("mail: read ca_file: %w", err)
	}
	m.roots = x509.NewCertPool()
	if !m.roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("mail: ca_file: %s holds no certificate in PEM form", cfg.CAFile)
	}
	return m, nil
}

// Name implements alerts.Voice.
func (m *Mail) Name() string { return "mail" }

// Say implements alerts.Voice. What was mailed is known until the process
// ends; afterwards a mail may be repeated.
func (m *Mail) Say(ctx context.Context, n alerts.Notification) (bool, error) {
	if len(n.Alerts) == 0 {
		return false, nil
	}
	now := saidState{n.State(), n.At}
	m.mu.Lock()
	was := m.said[n.Group]
	m.mu.Unlock()
	reminds := n.Reason == alerts.Reminder && now.at.Sub(was.at) >= reminderGap
	if now.state == was.state && !reminds {
		return false, nil
	}
	text, err := m.compose(n)
	if err != nil {
		return false, alerts.Fail(alerts.CauseConfig, fmt.Errorf("mail: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(m.cfg.Timeout))
	defer cancel()
	if err := m.send(ctx, text); err != nil {
		cause, retry, words := meaning(ctx, err)
		return retry, alerts.Fail(cause, fmt.Errorf("mail: %s", words))
	}
	m.note(n.Group, now)
	return false, nil
}

// note remembers what was mailed of a group.
func (m *Mail) note(group string, now saidState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said[group] = now
	if len(m.said) <= maxGroups {
		return
	}
	oldest := group
	for g, s := range m.said {
		if s.at.Before(m.said[oldest].at) {
			oldest = g
		}
	}
	delete(m.said, oldest)
}

// Errors of our own, whose text may be shown.
var (
	errNoTLS = errors.New("the mail server offers no STARTTLS, and without it nothing is sent")
	errAuth  = errors.New("the mail server offers no login that is safe")
)

// send hands a mail to the server. All of it ends with ctx.
func (m *Mail) send(ctx context.Context, text []byte) error {
	raw, err := m.dial(ctx, "tcp", net.JoinHostPort(m.cfg.Host, strconv.Itoa(m.cfg.Port)))
	if err != nil {
		return err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	conn := raw
	config := &tls.Config{ServerName: m.cfg.Host, RootCAs: m.roots, MinVersion: tls.VersionTLS12}
	if m.cfg.Port == portTLS {
		conn = tls.Client(conn, config)
	}
	c, err := smtp.NewClient(conn, m.cfg.Host)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello(m.name); err != nil {
		return err
	}
	if *m.cfg.StartTLS && m.cfg.Port != portTLS {
		if offered, _ := c.Extension("STARTTLS"); !offered {
			return errNoTLS
		}
		if err := c.StartTLS(config); err != nil {
			return err
		}
	}
	if err := m.login(c); err != nil {
		return err
	}
	return m.deliver(c, text)
}

// login gives user and password, which net/smtp does on an encrypted
// connection and on the loopback interface only.
func (m *Mail) login(c *smtp.Client) error {
	if m.cfg.Username == "" {
		return nil
	}
	password, err := m.cfg.password().Read()
	if err != nil {
		return alerts.Fail(alerts.CauseConfig, err)
	}
	if offered, _ := c.Extension("AUTH"); !offered {
		return errAuth
	}
	return c.Auth(smtp.PlainAuth("", m.cfg.Username, password.Reveal(), m.cfg.Host))
}

func (m *Mail) deliver(c *smtp.Client, text []byte) error {
	from, err := mail.ParseAddress(m.cfg.From)
	if err != nil {
		return err
	}
	if err := c.Mail(from.Address); err != nil {
		return err
	}
	for _, t := range m.cfg.To {
		to, err := mail.ParseAddress(t)
		if err != nil {
			return err
		}
		if err := c.Rcpt(to.Address); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	// The mail is taken; how the conversation ends no longer matters.
	_ = c.Quit()
	return nil
}

// meaning says what an error tells, in words of our own: servers repeat in
// theirs what they were sent.
func meaning(ctx context.Context, err error) (cause alerts.Cause, retry bool, words string) {
	var answer *textproto.Error
	var cert *tls.CertificateVerificationError
	var given *alerts.Failure
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &given):
		return given.Cause, false, given.Error()
	case errors.Is(err, errNoTLS), errors.Is(err, errAuth):
		return alerts.CauseConfig, false, err.Error()
	case errors.As(err, &answer) && (answer.Code == 530 || answer.Code == 534 || answer.Code == 535):
		return alerts.CauseAuth, false, fmt.Sprintf("%d: the mail server refused user or password", answer.Code)
	case errors.As(err, &answer) && answer.Code >= 500:
		return alerts.CauseRefused, false, fmt.Sprintf("%d: the mail server refused the mail", answer.Code)
	case errors.As(err, &answer):
		return alerts.CauseServer, true, fmt.Sprintf("%d: the mail server asks to try again later", answer.Code)
	case errors.As(err, &cert):
		return alerts.CauseUnreachable, true, "the mail server's certificate can't be verified " +
			"(for a private authority, name its certificate as ca_file)"
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return alerts.CauseTimeout, true, "the mail server did not answer in time"
	case errors.As(err, &dns):
		return alerts.CauseUnreachable, true, "the mail server's name can't be resolved"
	default:
		return alerts.CauseUnreachable, true, "the mail server can't be reached, or broke off"
	}
}
