package mailtrip

import (
	"crypto/rand"
	"fmt"
	"net/textproto"
	"strings"
	"time"

	"tocsin/internal/lazy"
)

// markHeader is the header that marks our messages.
const markHeader = "X-Tocsin-Mailtrip"

// isMark matches the marks that newMark makes.
var isMark = lazy.Regexp(`^[A-Z2-7]{26}$`)

// newMark makes a mark that no other message has.
func newMark() string { return rand.Text() }

// message writes a message with a mark, its lines ending as SMTP wants them.
// No line begins with a dot.
func message(from, to, mark string, now time.Time) string {
	_, domain, _ := strings.Cut(from, "@")
	return strings.Join([]string{
		"From: Tocsin <" + from + ">",
		"To: <" + to + ">",
		"Subject: Tocsin: does mail arrive?",
		"Date: " + now.Format(time.RFC1123Z),
		fmt.Sprintf("Message-ID: <tocsin.%s@%s>", mark, domain),
		markHeader + ": " + mark,
		"Auto-Submitted: auto-generated",
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=us-ascii",
		"",
		"This message was sent by Tocsin, the monitoring of this mail server, to see",
		"that mail arrives. It is deleted as soon as it does. If you find it here,",
		"it came too late or Tocsin was stopped in between: just delete it.",
		"",
	}, "\r\n")
}

// markOf reads the mark out of a message's header; empty where there is none
// of ours.
func markOf(header []byte) string {
	for line := range strings.SplitSeq(string(header), "\n") {
		name, value, ok := strings.Cut(line, ":")
		if ok && textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)) == markHeader {
			if value = strings.TrimSpace(value); isMark().MatchString(value) {
				return value
			}
		}
	}
	return ""
}
