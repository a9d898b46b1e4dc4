package sshprobe

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"tocsin/internal/lazy"
)

// A server may say other lines before its version, RFC 4253, section 4.2. So
// many are read, in such a time: few servers do, and it is a line or two.
const (
	maxBefore    = 20
	beforeWait   = 5 * time.Second
	enoughOfLine = 40
)

var errOther = errors.New("the server speaks another protocol")

// code begins an answer of SMTP or FTP.
var code = lazy.Regexp(`^[1-5][0-9]{2}[ -]`)

// spoken names the protocol that a line begins as; empty: none that is known.
func spoken(line []byte) string {
	for _, p := range []struct{ begin, name string }{
		{"HTTP/", "HTTP"},
		{"* OK", "IMAP"},
		{"* BYE", "IMAP"},
		{"+OK", "POP3"},
		{"-ERR", "POP3"},
		{"RFB ", "VNC"},
		{"\x15\x03", "TLS"},
		{"\x16\x03", "TLS"},
		{"\xff", "Telnet"},
	} {
		if bytes.HasPrefix(line, []byte(p.begin)) {
			return p.name
		}
	}
	if code().Match(line) {
		return "SMTP or FTP"
	}
	return ""
}

// before tells what a server has said so far that is no version: whether it
// has said the version, and whether it will not.
func before(said []byte) (version, never bool) {
	for n := 0; ; n++ {
		if bytes.HasPrefix(said, []byte("SSH-")) {
			return true, false
		}
		line, rest, whole := bytes.Cut(said, []byte("\n"))
		switch {
		case n >= maxBefore:
			return false, true
		case bytes.ContainsFunc(line, control) || bytes.HasPrefix(line, []byte("\xff")):
			return false, len(line) > 1 || whole // TLS is known by two bytes
		case (whole || len(line) >= enoughOfLine) && spoken(line) != "":
			return false, true
		case !whole:
			return false, false
		}
		said = rest
	}
}

// control tells a character that is not in lines of text.
func control(r rune) bool { return r < ' ' && r != '\r' && r != '\t' }

// beginsSSH tells whether all that was said may yet become a version.
func beginsSSH(said []byte) bool {
	return strings.HasPrefix("SSH-", string(said[:min(len(said), 4)]))
}
