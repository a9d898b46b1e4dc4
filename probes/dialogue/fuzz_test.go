package dialogue

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tocsin/internal/secret"
	"tocsin/probes/probe"
)

// answers is a connection to a server that says all that it has to say, and
// goes.
type answers struct {
	net.Conn // nil: nothing else is called
	io.Reader
}

func (a answers) Read(b []byte) (int, error)       { return a.Reader.Read(b) }
func (a answers) Write(b []byte) (int, error)      { return len(b), nil }
func (a answers) SetDeadline(time.Time) error      { return nil }
func (a answers) SetReadDeadline(time.Time) error  { return nil }
func (a answers) SetWriteDeadline(time.Time) error { return nil }

// hear talks with a server that says text, and returns the look's texts and
// labels.
func hear(ctx context.Context, t *testing.T, text string, steps ...Step) (probe.Result, string) {
	t.Helper()
	d, err := New(steps)
	if err != nil {
		t.Fatal(err)
	}
	r := probe.Begin(ctx, "tcp://a.example:1")
	r.Hops = []probe.Hop{{Phases: map[probe.Phase]time.Duration{}}}
	err = d.Talk(ctx, &r, answers{Reader: strings.NewReader(text)}, func(net.Conn) (*tls.Conn, error) { return nil, errors.New("no TLS here") })
	r.End(err, nil)
	told := r.Explain() + "\n"
	for _, s := range r.Steps {
		told += s.Text + "\n"
	}
	for _, s := range r.Samples {
		told += strings.Join(s.Labels, " ") + "\n"
	}
	return r, told
}

// FuzzTalk has servers that say anything: the talk ends, what it tells is fit
// to be shown, and what was sent is not in it.
func FuzzTalk(f *testing.F) {
	f.Add("220 mail.example ESMTP\r\n250-AUTH\r\n+OK\x00\x01", "^220 ([^ ]+)")
	f.Add("-ERR unknown command 'AUTH', with args beginning with: 'mark3r-pw'\r\n", "^(-ERR .*)$")
	f.Add("login: ", "login: $")
	f.Add("\n\n\r\r\n\x00\xff", "()()")
	f.Add(strings.Repeat("x", 70_000), "^x+$")
	f.Fuzz(func(t *testing.T, text, expect string) {
		steps := []Step{
			{Expect: expect, Labels: []Label{{Name: "said", Value: "${0}"}}, Send: secret.New("AUTH mark3r-pw ${1}")},
			{ExpectBytes: "\x00\x01"},
			{Expect: "^[A-Z]+$", StartTLS: true},
		}
		if _, err := New(steps); err != nil || strings.Contains("mark3r-pw", strings.ToLower(expect)) {
			return // the site file was refused, or shows it itself
		}
		_, told := hear(t.Context(), t, text, steps...)
		if !utf8.ValidString(told) {
			t.Errorf("not fit to be shown: %q", told)
		}
		if strings.Contains(strings.ReplaceAll(told, expect, ""), "mark3r-pw") {
			t.Errorf("what was sent is shown: %q", told)
		}
	})
}
