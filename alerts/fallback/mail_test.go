package fallback

import (
	"context"
	"fmt"
	"mime"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/alerts"
	"tocsin/internal/secret"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func notification(group string, why alerts.Reason, after time.Duration, ended bool) alerts.Notification {
	a := alerts.Alert{
		Labels:      map[string]string{"alertname": "HostDiskFull", "severity": "critical", "group": group},
		Annotations: map[string]string{"summary": "db1: disk full on /srv (96 %)", "summary_fr": "db1 : disque plein sur /srv"},
		StartsAt:    noon,
	}
	if ended {
		a.EndsAt = noon.Add(after)
	}
	return alerts.Notification{Group: group, Reason: why, At: noon.Add(after), Alerts: []alerts.Alert{a}}
}

func decoded(t *testing.T, s string) string {
	t.Helper()
	d, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustMail(t *testing.T, cfg SMTP, w alerts.Wording) *Mail {
	t.Helper()
	m, err := NewMail(cfg, w)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMail_isTaken(t *testing.T) {
	for name, change := range map[string]func(*smtpd){
		"starttls":            func(*smtpd) {},
		"starttls with login": func(s *smtpd) { s.user = "tocsin:pa55word" },
		"plain on loopback":   func(s *smtpd) { s.plain = true },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSMTPD(t, change)
			cfg := s.config()
			if s.user != "" {
				cfg.Username, cfg.Password = "tocsin", secret.New("pa55word")
			}
			m := mustMail(t, cfg, alerts.Wording{Language: "fr"})
			for _, n := range []alerts.Notification{
				notification("g", alerts.First, time.Minute, false),
				notification("g", alerts.First, 2*time.Minute, false), // said already
				notification("g", alerts.AllSettled, time.Hour, true),
			} {
				if retry, err := m.Say(t.Context(), n); err != nil {
					t.Fatal(retry, err)
				}
			}
			mails := s.taken()
			if len(mails) != 2 {
				t.Fatalf("%d mails, want 2", len(mails))
			}
			if mails[0].from != "MAIL FROM:<tocsin@ville.example> BODY=8BITMIME" || len(mails[0].to) != 2 ||
				mails[0].to[1] != "RCPT TO:<equipe@ville.example>" || mails[0].tls == s.plain {
				t.Errorf("got %+v", mails[0])
			}
			subject, body, header := mails[0].read(t)
			if subject != "🔴 db1 : disque plein sur /srv" || !strings.Contains(body, "depuis 12:00 (1 min)") {
				t.Errorf("subject %q, body:\n%s", subject, body)
			}
			second, _, later := mails[1].read(t)
			if second != "🟢 Résolu : db1 : disque plein sur /srv" || later.Get("References") != header.Get("References") ||
				later.Get("Message-Id") == header.Get("Message-Id") {
				t.Errorf("subject %q, header %v", second, later)
			}
			if d, err := header.Date(); err != nil || !d.Equal(noon.Add(time.Minute)) {
				t.Errorf("date %v, %v", d, err)
			}
			if a, err := header.AddressList("To"); err != nil || len(a) != 2 || a[1].Name != "Équipe" {
				t.Errorf("to %v, %v", a, err)
			}
		})
	}
}

func TestMail_implicitTLS(t *testing.T) {
	s := newSMTPD(t, func(s *smtpd) { s.implicit = true })
	cfg := s.config()
	cfg.Port, cfg.StartTLS = portTLS, nil
	m := mustMail(t, cfg, alerts.Wording{})
	m.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", s.port))
	}
	if retry, err := m.Say(t.Context(), notification("g", alerts.First, 0, false)); err != nil {
		t.Fatal(retry, err)
	}
	if mails := s.taken(); len(mails) != 1 || !mails[0].tls {
		t.Errorf("got %+v", mails)
	}
}

func TestMail_labelsWriteNoHeaders(t *testing.T) {
	s := newSMTPD(t, nil)
	m := mustMail(t, s.config(), alerts.Wording{})
	n := notification("g\r\nBcc: evil@example.org", alerts.First, 0, false)
	n.Alerts[0].Annotations = map[string]string{
		"summary":     "x\r\nBcc: evil@example.org\r\n\r\nbody",
		"description": "\r\n.\r\nMAIL FROM:<evil@example.org>\r\n" + strings.Repeat("long ", 400),
	}
	if _, err := m.Say(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	mails := s.taken()
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	subject, body, header := mails[0].read(t)
	if header.Get("Bcc") != "" || !strings.HasPrefix(subject, "🔴 x Bcc:") || !strings.Contains(body, "MAIL FROM:<evil") {
		t.Errorf("got %q %v\n%s", subject, header, body)
	}
}

func TestMail_answers(t *testing.T) {
	const password = "pa55word-s3cret"
	for name, c := range map[string]struct {
		change func(*smtpd)
		config func(*SMTP)
		retry  bool
		cause  alerts.Cause
		words  string
	}{
		"no STARTTLS":    {func(s *smtpd) { s.noStartTLS = true }, nil, false, alerts.CauseConfig, "no STARTTLS"},
		"wrong password": {func(s *smtpd) { s.user = "tocsin:other" }, nil, false, alerts.CauseAuth, "535"},
		"no login":       {nil, nil, false, alerts.CauseConfig, "no login that is safe"},
		"refused":        {func(s *smtpd) { s.user = "tocsin:" + password; s.answers["RCPT"] = "550 no " + password }, nil, false, alerts.CauseRefused, "550"},
		"later":          {func(s *smtpd) { s.user = "tocsin:" + password; s.answers["MAIL"] = "451 later " + password }, nil, true, alerts.CauseServer, "451"},
		"greeting hangs": {func(s *smtpd) { s.hang = "EHLO" }, nil, true, alerts.CauseTimeout, "in time"},
		"data hangs":     {func(s *smtpd) { s.user = "tocsin:" + password; s.hang = "DATA" }, nil, true, alerts.CauseTimeout, "in time"},
		"unknown authority": {
			nil, func(c *SMTP) { c.CAFile = "" }, true, alerts.CauseUnreachable,
			"certificate can't be verified",
		},
		"nobody listens": {nil, func(c *SMTP) { c.Port = 1 }, true, alerts.CauseUnreachable, "can't be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSMTPD(t, c.change)
			cfg := s.config()
			cfg.Username, cfg.Password = "tocsin", secret.New(password)
			cfg.Timeout = model.Duration(300 * time.Millisecond)
			if c.cause != alerts.CauseTimeout {
				cfg.Timeout = model.Duration(5 * time.Second)
			}
			if c.config != nil {
				c.config(&cfg)
			}
			m := mustMail(t, cfg, alerts.Wording{})
			retry, err := m.Say(t.Context(), notification("g", alerts.First, 0, false))
			if err == nil || retry != c.retry || alerts.CauseOf(err) != c.cause || !strings.Contains(err.Error(), c.words) {
				t.Errorf("retry %t, cause %s, %v", retry, alerts.CauseOf(err), err)
			}
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("the error has the password: %v", err)
			}
			if len(s.taken()) > 0 {
				t.Error("a mail was taken")
			}
		})
	}
}
