package probes

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/secret"
	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/protocol"
	"tocsin/probes/smtpprobe"
	"tocsin/probes/tlscheck"
)

// TestSMTP_postfix asks a real Postfix at its four ports.
func TestSMTP_postfix(t *testing.T) {
	t.Parallel()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{}))
	mail := testenv.MailServers(t, cert, key)
	ca := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	login := protocol.Login{Username: testenv.MailUser, Password: secret.New(testenv.MailPassword)}
	to := func(to string) smtpprobe.Config {
		return smtpprobe.Config{Mail: smtpprobe.Mail{From: "ailleurs@example.net", To: to}}
	}
	for _, c := range []struct {
		name   string
		cfg    Config
		reason probe.Reason
		phase  string
		says   string
		series map[string]float64
	}{
		{"greeting alone", Config{Target: "smtp://%d", Name: "SMTP"}, "", "", "", map[string]float64{
			"probe_smtp_starttls_offered": 1, "probe_smtp_plaintext_auth_offered": 0, `probe_smtp_reply_code{command="greeting"}`: 220,
			`probe_smtp_reply_code{command="ehlo"}`: 250, "probe_smtp_message_size_limit_bytes": 10240000,
		}},
		{"starttls", Config{Name: "SMTP", StartTLS: true}, "", "", "", map[string]float64{
			`probe_smtp_reply_code{command="starttls"}`: 220, `probe_tls_version_info{version="TLS 1.3"}`: 1,
		}},
		{"a recipient", Config{Name: "SMTP", StartTLS: true, SMTP: to(testenv.MailUser)}, "", "", "", map[string]float64{
			"probe_smtp_recipient_accepted": 1, "probe_smtp_greylisted": 0,
			`probe_smtp_reply_code{command="rcpt"}`: 250, `probe_smtp_reply_status_info{command="rcpt",status="2.1.5"}`: 1,
		}},
		{"nobody", Config{Name: "SMTP", StartTLS: true, SMTP: to("personne@asso.example")}, probe.MailRefused, "processing", "550 5.1.1", map[string]float64{
			"probe_smtp_recipient_accepted": 0, `probe_smtp_reply_code{command="rcpt"}`: 550, `probe_smtp_reply_status_info{command="rcpt",status="5.1.1"}`: 1,
		}},
		{"no room", Config{Name: "SMTP", SMTP: to(testenv.MailFull)}, probe.MailRefused, "processing", "at the moment: 452 4.2.2", map[string]float64{
			"probe_smtp_recipient_accepted": 0, "probe_smtp_greylisted": 0,
		}},
		{"greylisting", Config{Name: "SMTP", SMTP: to(testenv.MailGrey)}, probe.Greylisted, "processing", "450 4.2.0", map[string]float64{"probe_smtp_greylisted": 1}},
		{"greylisting is well", Config{Name: "SMTP", SMTP: smtpprobe.Config{
			Mail: smtpprobe.Mail{From: smtpprobe.NullSender, To: testenv.MailGrey}, Greylisting: smtpprobe.Accepted,
		}}, "", "", "", map[string]float64{"probe_smtp_greylisted": 1, "probe_smtp_recipient_accepted": 0}},
		{"relays for nobody", Config{Name: "SMTP", SMTP: smtpprobe.Config{
			Mail: smtpprobe.Mail{From: testenv.MailUser, To: testenv.MailUser}, RelayTo: "nobody@example.net",
		}}, "", "", "", map[string]float64{"probe_smtp_open_relay": 0, `probe_smtp_reply_code{command="relay"}`: 554}},
		{"relays", Config{Name: "Careless", SMTP: smtpprobe.Config{
			Mail: smtpprobe.Mail{From: testenv.MailUser, To: testenv.MailUser}, RelayTo: "nobody@example.net",
		}}, probe.OpenRelay, "processing", "nobody@example.net", map[string]float64{"probe_smtp_open_relay": 1}},
		{"a password without TLS is told", Config{Name: "Careless"}, "", "", "", map[string]float64{"probe_smtp_plaintext_auth_offered": 1}},
		{"a password without TLS", Config{Name: "Careless", SMTP: smtpprobe.Config{PlaintextAuth: smtpprobe.Refused}}, probe.PlaintextAuth, "processing", "AUTH PLAIN LOGIN", map[string]float64{
			"probe_smtp_plaintext_auth_offered": 1,
		}},
		{"submission", Config{Name: "Submission", StartTLS: true, Login: login, SMTP: smtpprobe.Config{
			PlaintextAuth: smtpprobe.Refused, Mail: smtpprobe.Mail{From: testenv.MailUser, To: "quelqu-un@example.net"},
		}}, "", "", "", map[string]float64{`probe_smtp_reply_code{command="login"}`: 235, "probe_smtp_recipient_accepted": 1}},
		{"submission without a login", Config{Name: "Submission", StartTLS: true, SMTP: to("quelqu-un@example.net")}, probe.MailRefused, "processing", "554 5.7.1", nil},
		{"submission without TLS", Config{Name: "Submission", SMTP: to(testenv.MailUser)}, probe.MailRefused, "processing", "530 5.7.0", nil},
		{"smtps", Config{Name: "SMTPS", Login: login}, "", "", "", map[string]float64{`probe_smtp_reply_code{command="login"}`: 235}},
		{"another password", Config{Name: "SMTPS", Login: protocol.Login{Username: testenv.MailUser, Password: secret.New("not this one")}}, probe.LoginRefused, "processing", "535 5.7.8", map[string]float64{
			`probe_smtp_reply_code{command="login"}`: 535,
		}},
		{"TLS where there is none at once", Config{Name: "SMTP", Target: "smtps"}, probe.Protocol, "tls", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := c.cfg
			port := map[string]int{"SMTP": mail.SMTP, "Submission": mail.Submission, "SMTPS": mail.SMTPS, "Careless": mail.Careless}[cfg.Name]
			scheme := "smtp"
			if cfg.Name == "SMTPS" || cfg.Target == "smtps" {
				scheme = "smtps"
			}
			cfg.Target, cfg.Name, cfg.TLS = fmt.Sprintf("%s://localhost:%d", scheme, port), "", ca
			cfg.Timeout = patience("")
			r, page := look(t, cfg, Options{Lookup: localhost})
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			for series, value := range c.series {
				page.wants(t, series, value)
			}
			fault := ""
			if c.series["probe_smtp_plaintext_auth_offered"] == 1 && c.reason == "" {
				fault = "the server lets passwords be sent without TLS (AUTH PLAIN LOGIN)"
			}
			if c.reason == "" {
				wantFault(t, &r, fault)
			}
			for _, s := range r.Steps {
				if strings.Contains(s.Text, testenv.MailPassword) || strings.Contains(s.Text, "AGNvcnJl") {
					t.Errorf("a step shows the password: %s", s.Text)
				}
			}
		})
	}
}
