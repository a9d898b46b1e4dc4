package probes

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/secret"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/protocol"
	"tocsin/probes/tlscheck"
)

// imapServer speaks TLS and as much IMAP as a script of prefixes and answers
// has; what it does not know is OK.
func imapServer(t *testing.T, cert tls.Certificate, greeting string, answers map[string]string, said func(string)) string {
	t.Helper()
	return probetest.TLS(t, cert, func(conn net.Conn) {
		_, _ = io.WriteString(conn, greeting)
		in := bufio.NewScanner(conn)
		for in.Scan() {
			tag, command, _ := strings.Cut(in.Text(), " ")
			text := ""
			longest := 0
			for prefix, answer := range answers {
				if strings.HasPrefix(command, prefix) && len(prefix) > longest {
					text, longest = answer, len(prefix)
				}
			}
			if said != nil {
				said(command)
			}
			if text == "hang" {
				probetest.Hang(conn)
				return
			}
			if text == "for ever" {
				for {
					if _, err := io.WriteString(conn, "* 1 EXISTS\r\n"); err != nil {
						return
					}
				}
			}
			if !strings.HasPrefix(text, "TAG ") && text != "" {
				_, _ = io.WriteString(conn, text)
				text = ""
			}
			if text = strings.TrimPrefix(text, "TAG "); text == "" {
				text = "OK done\r\n"
			}
			if _, err := io.WriteString(conn, tag+" "+text); err != nil {
				return
			}
		}
	})
}

// submissionServer takes every message, over TLS.
func submissionServer(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	return probetest.TLS(t, cert, func(conn net.Conn) {
		fmt.Fprint(conn, "220 mail\r\n")
		in := bufio.NewScanner(conn)
		data := false
		for in.Scan() {
			switch line := in.Text(); {
			case data && line != ".":
			case data:
				data = false
				fmt.Fprint(conn, "250 2.0.0 queued\r\n")
			case strings.HasPrefix(line, "EHLO"):
				fmt.Fprint(conn, "250-mail\r\n250 AUTH PLAIN\r\n")
			case strings.HasPrefix(line, "AUTH"):
				fmt.Fprint(conn, "235 2.7.0 in\r\n")
			case line == "DATA":
				data = true
				fmt.Fprint(conn, "354 go\r\n")
			default:
				fmt.Fprint(conn, "250 2.0.0 ok\r\n")
			}
		}
	})
}

// TestMailTrip_hostile has mailboxes that hang, lie and flood. None of them may
// have a message deleted that bears no mark of ours.
func TestMailTrip_hostile(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	cert, ca := root.Leaf(t, probetest.Spec{}), probetest.WritePEM(t, root)
	const ready = "* OK [CAPABILITY IMAP4rev1] ready\r\n"
	for _, c := range []struct {
		name     string
		greeting string
		answers  map[string]string
		reason   probe.Reason
		step     string
		says     string
	}{
		{"silence", "", nil, probe.Timeout, "mailbox", "waiting for the greeting"},
		{"good-bye", "* BYE too many\r\n", nil, "", "mailbox", ""},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n", nil, probe.Protocol, "mailbox", "waiting for the greeting"},
		{"hangs at the login", ready, map[string]string{"LOGIN": "hang"}, probe.Timeout, "mailbox", "logging in"},
		{"refuses", ready, map[string]string{"LOGIN": "TAG NO [AUTHENTICATIONFAILED] no\r\n"}, probe.LoginRefused, "mailbox", "NO [AUTHENTICATIONFAILED] no"},
		{"a literal of a terabyte", ready, map[string]string{"SELECT": "* LIST () \"/\" {1099511627776}\r\n"}, "", "clean", ""},
		{"for ever", ready, map[string]string{"NOOP": "for ever"}, probe.TooLarge, "clean", "said more than"},
		{"finds four billion", ready, map[string]string{"UID SEARCH": "* ESEARCH (TAG \"\") UID ALL 1:4294967295\r\n"}, probe.Undelivered, "delivery", "not in INBOX"},
		{"finds what bears no mark", ready, map[string]string{
			"UID SEARCH": "* SEARCH 1 2\r\n", "UID FETCH": "* 1 FETCH (UID 1 INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" BODY[HEADER.FIELDS (\"X-Tocsin-Mailtrip\")] {2}\r\n\r\n)\r\n",
			"UID STORE": "for ever",
		}, probe.Undelivered, "delivery", "not in INBOX"},
		{"answers what was not asked for", ready, map[string]string{
			"UID SEARCH": "* SEARCH 2\r\n", "UID FETCH": "* 1 FETCH (UID 1 INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" BODY[HEADER.FIELDS (\"X-Tocsin-Mailtrip\")] {49}\r\nX-Tocsin-Mailtrip: ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n\r\n)\r\n",
			"UID STORE": "for ever",
		}, probe.Undelivered, "delivery", "not in INBOX"},
		{"hangs at deleting", ready, map[string]string{
			"UID SEARCH": "* SEARCH 1\r\n", "UID FETCH": "* 1 FETCH (UID 1 INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" BODY[HEADER.FIELDS (\"X-Tocsin-Mailtrip\")] {49}\r\nX-Tocsin-Mailtrip: ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n\r\n)\r\n",
			"UID STORE": "hang",
		}, probe.Timeout, "clean", "deleting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{
				Target: "mailtrip://" + submissionServer(t, cert), Timeout: model.Duration(2 * time.Second), TLS: tlscheck.Config{CAFile: ca},
				Login: protocol.Login{Username: "sonde@asso.example", Password: secret.New("very secret")},
			}
			cfg.MailTrip.IMAP = "imaps://" + imapServer(t, cert, c.greeting, c.answers, nil)
			r, page := look(t, cfg, Options{})
			if c.reason != "" {
				wantReason(t, r, page, c.reason, "processing")
			} else if r.Success || r.Reason == "" {
				t.Errorf("it is well: %+v", r)
			}
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			page.wants(t, fmt.Sprintf("probe_mailtrip_failed_step_info{step=%q}", c.step), 1)
		})
	}
}

// TestMailTrip_withoutUIDPLUS has servers that can only take away all that is
// marked as deleted: it is done where nothing else is.
func TestMailTrip_withoutUIDPLUS(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	cert, ca := root.Leaf(t, probetest.Spec{}), probetest.WritePEM(t, root)
	for deleted, want := range map[string]bool{"* SEARCH 1\r\n": true, "* SEARCH 1 7\r\n": false} {
		t.Run(fmt.Sprintf("%q", deleted), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var commands []string
			box := imapServer(t, cert, "* OK [CAPABILITY IMAP4rev1] ready\r\n", map[string]string{
				"CAPABILITY": "* CAPABILITY IMAP4rev1\r\n",
				"UID SEARCH": "* SEARCH 1\r\n", "UID SEARCH DELETED": deleted,
				"UID FETCH": "* 1 FETCH (UID 1 INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" BODY[HEADER.FIELDS (\"X-Tocsin-Mailtrip\")] {49}\r\nX-Tocsin-Mailtrip: ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n\r\n)\r\n",
			}, func(command string) {
				mu.Lock()
				defer mu.Unlock()
				commands = append(commands, command)
			})
			cfg := Config{
				Target: "mailtrip://" + submissionServer(t, cert), Timeout: model.Duration(2 * time.Second), TLS: tlscheck.Config{CAFile: ca},
				Login: protocol.Login{Username: "sonde@asso.example", Password: secret.New("very secret")},
			}
			cfg.MailTrip.IMAP = "imaps://" + box
			r, page := look(t, cfg, Options{})
			wantReason(t, r, page, probe.Undelivered, "processing")
			page.wants(t, "probe_mailtrip_leftovers", 1)
			mu.Lock()
			defer mu.Unlock()
			if got := slices.Contains(commands, "EXPUNGE"); got != want {
				t.Errorf("EXPUNGE was said: %v; all: %q", got, commands)
			}
		})
	}
}

// TestMailTrip_calledOff ends looks from outside: nothing is known then.
func TestMailTrip_calledOff(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	cert := root.Leaf(t, probetest.Spec{})
	p, err := NewProber(Config{
		Target: "mailtrip://" + submissionServer(t, cert), TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)},
		Login: protocol.Login{Username: "sonde@asso.example", Password: secret.New("very secret")},
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := p.Probe(ctx); r.Unmeasured == nil {
		t.Errorf("it is measured: %+v", r)
	}
}
