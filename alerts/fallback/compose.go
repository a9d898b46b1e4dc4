package fallback

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"

	"tocsin/alerts"
)

// showAlerts is how many alerts a mail tells in full.
const showAlerts = 20

// compose writes the mail. All mails of a group are one conversation.
func (m *Mail) compose(n alerts.Notification) ([]byte, error) {
	from, err := mail.ParseAddress(m.cfg.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	var to []string
	for _, t := range m.cfg.To {
		a, err := mail.ParseAddress(t)
		if err != nil {
			return nil, fmt.Errorf("to: %w", err)
		}
		to = append(to, a.String())
	}
	thread := "<" + hash(n.Group) + "@tocsin>"
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", from.String())
	header("To", strings.Join(to, ",\r\n "))
	header("Subject", mime.QEncoding.Encode("utf-8", m.words.Headline(n, 150)))
	header("Date", n.At.Format(time.RFC1123Z))
	header("Message-ID", "<"+hash(n.Group+n.State()+n.At.UTC().Format(time.RFC3339Nano))+"@tocsin>")
	header("In-Reply-To", thread)
	header("References", thread)
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, err = w.Write([]byte(strings.ReplaceAll(m.words.Plain(n, showAlerts), "\n", "\r\n")))
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
