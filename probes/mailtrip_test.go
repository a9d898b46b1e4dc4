package probes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/secret"
	"tocsin/internal/testenv"
	"tocsin/probes/mailtrip"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/protocol"
	"tocsin/probes/tlscheck"
)

// TestMailTrip_postfixAndDovecot sends real messages on the way that people's
// take.
func TestMailTrip_postfixAndDovecot(t *testing.T) {
	t.Parallel()
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{}))
	mail := testenv.MailServers(t, cert, key)
	ca := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	login := protocol.Login{Username: testenv.MailUser, Password: secret.New(testenv.MailPassword)}
	other := protocol.Login{Username: testenv.MailOther, Password: secret.New(testenv.MailPassword)}
	smtps, imaps := fmt.Sprintf("mailtrip://localhost:%d", mail.SMTPS), fmt.Sprintf("imaps://localhost:%d", mail.IMAPS)
	trip := func(t *testing.T, cfg Config) (Result, page) {
		t.Helper()
		cfg.TLS = ca
		if cfg.Timeout == 0 {
			cfg.Timeout = model.Duration(19 * time.Second)
		}
		if cfg.Login.IsZero() {
			cfg.Login = login
		}
		r, page := look(t, cfg, Options{Lookup: localhost})
		for _, s := range r.Steps {
			if strings.Contains(s.Text, testenv.MailPassword) {
				t.Errorf("a step shows the password: %s", s.Text)
			}
		}
		if strings.Contains(r.Explain(), testenv.MailPassword) {
			t.Errorf("the explanation shows the password: %s", r.Explain())
		}
		return r, page
	}
	left := func(t *testing.T, user string) []string {
		t.Helper()
		var all []string
		for _, sub := range []string{"new", "cur", ".Junk/new", ".Junk/cur"} {
			files, _ := filepath.Glob(filepath.Join(mail.Dir, "boxes", user, sub, "*"))
			all = append(all, files...)
		}
		return all
	}

	t.Run("TLS at once, to oneself", func(t *testing.T) {
		r, page := trip(t, Config{Target: smtps, MailTrip: mailtrip.Config{IMAP: imaps}})
		wantReason(t, r, page, "", "")
		for _, step := range []string{"mailbox", "clean", "send", "delivery", "delete"} {
			if v, ok := page[fmt.Sprintf("probe_mailtrip_duration_seconds{step=%q}", step)]; !ok || v <= 0 || v > 19 {
				t.Errorf("step %s took %v, %v", step, v, ok)
			}
		}
		page.wants(t, "probe_mailtrip_leftovers", 0)
		page.lacks(t, "probe_mailtrip_failed_step_info")
		page.lacks(t, "probe_mailtrip_junk")
		if files := left(t, testenv.MailUser); len(files) > 0 {
			t.Errorf("left in the mailbox: %v", files)
		}
	})
	t.Run("STARTTLS, to another, who has more mail", func(t *testing.T) {
		old := time.Now().Add(-3 * time.Hour)
		box := filepath.Join(mail.Dir, "boxes", testenv.MailOther)
		deliver(t, box, "new", "theirs", "Subject: hello\r\nX-Tocsin-Mailtrip: not a mark\r\n\r\nkeep me\r\n", old)
		deliver(t, box, "new", "ours-old", "Subject: old\r\nX-Tocsin-Mailtrip: ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n\r\n\r\n", old)
		deliver(t, box, ".Junk/new", "ours-junk", "Subject: old\r\nX-Tocsin-Mailtrip: ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n\r\n\r\n", old)
		deliver(t, box, "new", "ours-young", "Subject: young\r\nX-Tocsin-Mailtrip: 234567ABCDEFGHIJKLMNOPQRST\r\n\r\n\r\n", time.Now())
		r, page := trip(t, Config{
			Target: fmt.Sprintf("mailtrip://localhost:%d", mail.Submission), StartTLS: true,
			MailTrip: mailtrip.Config{IMAP: fmt.Sprintf("imap://localhost:%d", mail.IMAP), To: testenv.MailOther, Login: other, Junk: "Junk"},
		})
		wantReason(t, r, page, "", "")
		page.wants(t, "probe_mailtrip_leftovers", 2)
		page.wants(t, "probe_mailtrip_junk", 0)
		files := strings.Join(left(t, testenv.MailOther), " ")
		if len(left(t, testenv.MailOther)) != 2 || !strings.Contains(files, "theirs") || !strings.Contains(files, "ours-young") {
			t.Errorf("left in the mailbox: %v", files)
		}
	})
	t.Run("taken for spam", func(t *testing.T) {
		r, page := trip(t, Config{Target: smtps, MailTrip: mailtrip.Config{IMAP: imaps, Folder: "Junk", Junk: "INBOX"}}) // the wrong way round
		wantReason(t, r, page, "", "")
		page.wants(t, "probe_mailtrip_junk", 1)
		wantFault(t, &r, "the message was taken for spam: it is in INBOX")
	})
	for _, c := range []struct {
		name   string
		cfg    Config
		reason probe.Reason
		phase  string
		step   string
		says   string
	}{
		{"thrown away", Config{Timeout: patience(probe.Undelivered), MailTrip: mailtrip.Config{To: testenv.MailVoid}}, probe.Undelivered, "processing", "delivery", "took the message for void@asso.example"},
		{"nobody", Config{MailTrip: mailtrip.Config{To: "personne@asso.example"}}, probe.MailRefused, "processing", "send", "RCPT TO:<personne@asso.example> with 550 5.1.1"},
		{"another's password", Config{Login: protocol.Login{Username: testenv.MailUser, Password: secret.New("not this one")}, MailTrip: mailtrip.Config{Login: other}}, probe.LoginRefused, "processing", "send", "535 5.7.8"},
		{"another's password of the mailbox", Config{MailTrip: mailtrip.Config{Login: protocol.Login{Username: testenv.MailUser, Password: secret.New("not this one")}}}, probe.LoginRefused, "processing", "mailbox", "AUTHENTICATIONFAILED"},
		{"no such folder", Config{MailTrip: mailtrip.Config{Folder: "Absent"}}, probe.Status, "processing", "clean", "opening the folder Absent"},
		{"no mailbox's server", Config{MailTrip: mailtrip.Config{IMAP: fmt.Sprintf("imaps://localhost:%d", testenv.Port(t))}}, probe.Refused, "connect", "mailbox", "refused"},
		{"a port without TLS", Config{MailTrip: mailtrip.Config{IMAP: fmt.Sprintf("imaps://localhost:%d", mail.IMAP)}}, probe.Protocol, "tls", "mailbox", "TLS"},
		{"STARTTLS where it is too late", Config{Timeout: patience(probe.Timeout), Target: smtps, StartTLS: true}, probe.Timeout, "tls", "send", "asking for TLS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := c.cfg
			if cfg.Target == "" {
				cfg.Target = smtps
			}
			if cfg.MailTrip.IMAP == "" {
				cfg.MailTrip.IMAP = imaps
			}
			r, page := trip(t, cfg)
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			page.wants(t, fmt.Sprintf("probe_mailtrip_failed_step_info{step=%q}", c.step), 1)
		})
	}
}

// deliver puts a message into a Maildir, as if it had come at that time.
func deliver(t *testing.T, box, folder, name, message string, came time.Time) {
	t.Helper()
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(box, filepath.Dir(folder), sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(box, folder, name)
	if err := os.WriteFile(path, []byte(message), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, came, came); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Dir(box))
	if err != nil {
		t.Fatal(err)
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if err := filepath.Walk(box, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, owner, owner)
	}); err != nil {
		t.Fatal(err)
	}
}
