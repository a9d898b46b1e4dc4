package probes

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/secret"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/protocol"
	"tocsin/probes/smtpprobe"
	"tocsin/probes/tlscheck"
)

// script is a mail server that answers the nth command with the nth text, and
// then says no more. An empty text is silence, and "cut" cuts the connection.
func script(greeting string, answers ...string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, greeting)
		in := bufio.NewScanner(conn)
		for _, answer := range answers {
			if !in.Scan() {
				return
			}
			if answer == "cut" {
				return
			}
			_, _ = io.WriteString(conn, answer)
		}
		probetest.Hang(conn)
	}
}

// TestSMTP_hostile has servers that hang, lie and flood at each step.
func TestSMTP_hostile(t *testing.T) {
	const hello, ehlo = "220 mail ESMTP\r\n", "250-mail\r\n250 STARTTLS\r\n"
	asked := smtpprobe.Config{Mail: smtpprobe.Mail{From: "a@example.net", To: "b@asso.example"}}
	for _, c := range []struct {
		name   string
		talk   func(net.Conn)
		cfg    Config
		reason probe.Reason
		phase  string
		says   string
	}{
		{"silence", script(""), Config{}, probe.Timeout, "processing", "waiting for the greeting"},
		{"silence after EHLO", script(hello, ""), Config{}, probe.Timeout, "processing", "the answer to EHLO"},
		{"silence after MAIL", script(hello, ehlo, ""), Config{SMTP: asked}, probe.Timeout, "processing", "MAIL FROM:<a@example.net>"},
		{"silence after RCPT", script(hello, ehlo, "250 ok\r\n", ""), Config{SMTP: asked}, probe.Timeout, "processing", "RCPT TO:<b@asso.example>"},
		{"silence after QUIT is no fault", script(hello, ehlo, ""), Config{}, "", "", ""},
		{"cut at once", func(net.Conn) {}, Config{}, probe.Reset, "processing", "closed the connection while waiting for the greeting"},
		{"cut after EHLO", script(hello, "cut"), Config{}, probe.Reset, "processing", "the answer to EHLO"},
		{"turned away", script("554 5.7.1 you are listed\r\n"), Config{}, probe.Status, "processing", "turns us away: 554 5.7.1 you are listed"},
		{"EHLO refused", script(hello, "502 no\r\n"), Config{}, probe.Status, "processing", "502 no"},
		{"HTTP", script("HTTP/1.1 400 Bad Request\r\n\r\n"), Config{}, probe.Protocol, "processing", "HTTP/1.1 400"},
		{"no STARTTLS", script(hello, "250 mail\r\n"), Config{StartTLS: true}, probe.NoStartTLS, "processing", "offers no STARTTLS"},
		{"STARTTLS offered and refused", script(hello, ehlo, "454 4.7.0 not now\r\n"), Config{StartTLS: true}, probe.NoStartTLS, "processing", "454 4.7.0"},
		{"more before TLS", script(hello, ehlo, "220 go\r\n250 injected\r\n"), Config{StartTLS: true}, probe.Protocol, "tls", "before TLS"},
		{"STARTTLS, then no TLS", script(hello, ehlo, "220 go\r\n"), Config{StartTLS: true}, probe.Timeout, "tls", ""},
		{"a line of a megabyte", func(c net.Conn) { _, _ = io.WriteString(c, "220 "+strings.Repeat("x", 1<<20)) }, Config{}, probe.Protocol, "processing", "longer than"},
		{"lines for ever", func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "220-again\r\n"); err != nil {
					return
				}
			}
		}, Config{}, probe.Protocol, "processing", "more than 100 lines"},
		{"a status of its own", script(hello, ehlo, "250 ok\r\n", "550 5.999.999 no\r\n", "250 ok\r\n"), Config{SMTP: asked}, probe.MailRefused, "processing", "550 5.999.999"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := c.cfg
			cfg.Target, cfg.Timeout = "smtp://"+probetest.TCP(t, c.talk), model.Duration(time.Second)
			r, page := look(t, cfg, Options{})
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			for series := range page {
				if strings.Contains(series, "999") {
					t.Errorf("the server chose a label: %s", series)
				}
			}
		})
	}
}

// TestSMTP_noPasswordForStrangers has a server whose certificate is bad, and
// one that echoes what it is told.
func TestSMTP_noPasswordForStrangers(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	stranger := probetest.SelfSigned(t, probetest.Spec{})
	login := protocol.Login{Username: "sonde", Password: secret.New("very secret")}
	told := make(chan string, 100)
	listen := func(conn net.Conn) {
		fmt.Fprint(conn, "220 mail\r\n")
		in := bufio.NewScanner(conn)
		for in.Scan() {
			told <- in.Text()
			if strings.HasPrefix(in.Text(), "EHLO") {
				fmt.Fprint(conn, "250-mail\r\n250 AUTH LOGIN\r\n")
				continue
			}
			if in.Text() == "AUTH LOGIN" || in.Text() == "c29uZGU=" {
				fmt.Fprint(conn, "334 \r\n")
				continue
			}
			fmt.Fprintf(conn, "535 5.7.8 wrong: %s very secret\r\n", in.Text())
		}
	}
	cfg := Config{Target: "smtps://" + probetest.TLS(t, stranger, listen), Login: login, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}
	r, page := look(t, cfg, Options{})
	wantReason(t, r, page, probe.TLSSelfSigned, "tls")
	if len(told) > 0 {
		t.Errorf("a stranger was told %q", <-told)
	}

	cfg.Target = "smtps://" + probetest.TLS(t, root.Leaf(t, probetest.Spec{}), listen)
	r, page = look(t, cfg, Options{})
	wantReason(t, r, page, probe.LoginRefused, "processing")
	all := r.Explain()
	for _, s := range r.Steps {
		all += s.Text
	}
	if strings.Contains(all, "very secret") || strings.Contains(all, "dmVyeSBzZWNyZXQ") {
		t.Errorf("the password is shown: %s", all)
	}
}
