package smtp

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readText(text string) (*Reply, error) {
	return read(bufio.NewReaderSize(strings.NewReader(text), maxLine))
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		text string
		want *Reply
	}{
		{"220 mail.asso.example ESMTP Postfix (Debian/GNU)\r\n", &Reply{Code: 220, Lines: []string{"mail.asso.example ESMTP Postfix (Debian/GNU)"}}},
		{"250-mail.asso.example\r\n250-SIZE 10240000\r\n250 SMTPUTF8\r\n", &Reply{Code: 250, Lines: []string{"mail.asso.example", "SIZE 10240000", "SMTPUTF8"}}},
		{"250\n", &Reply{Code: 250, Lines: []string{""}}},
		{"550-5.1.1 no such\r\n550 5.1.1 user\r\n", &Reply{Code: 550, Status: "5.1.1", Lines: []string{"no such", "user"}}},
		{"250 2.1.5\r\n", &Reply{Code: 250, Status: "2.1.5", Lines: []string{""}}},
		{"550 2.1.1 a status of another class is text\r\n", &Reply{Code: 550, Lines: []string{"2.1.1 a status of another class is text"}}},
		{"220 5.6.7.8 is no status\r\n", &Reply{Code: 220, Lines: []string{"5.6.7.8 is no status"}}},
	} {
		got, err := readText(c.text)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", c.text, err, diff)
		}
	}
	for _, c := range []struct {
		text string
		want error
	}{
		{"HTTP/1.1 400 Bad Request\r\n", errStrange},
		{"SSH-2.0-OpenSSH_9.2\r\n", errStrange},
		{"+OK Dovecot ready.\r\n", errStrange},
		{"\r\n", errStrange},
		{"25\r\n", errStrange},
		{"2509 x\r\n", errStrange},
		{"199 x\r\n", errStrange},
		{"250-a\r\n251 b\r\n", errStrange},
		{"220 " + strings.Repeat("x", maxLine) + "\r\n", errStrange},
		{strings.Repeat("250-again\r\n", maxLines+1), errStrange},
		{"220 cut", io.EOF},
		{"220-more\r\n", io.EOF},
		{"", io.EOF},
	} {
		if got, err := readText(c.text); !errors.Is(err, c.want) {
			t.Errorf("%.40q: got %+v, %v", c.text, got, err)
		}
	}
}

func TestReply_Greylisted(t *testing.T) {
	for text, want := range map[string]bool{
		"450 4.2.0 <a@b.example>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/": true,
		"451 4.7.1 Greylisting in action, please come back later":                                             true,
		"451 4.7.1 Try again later":                             true,
		"451 Temporary failure, please try again later.":        true,
		"450 4.7.1 Graylisted; retry in 300 seconds":            true,
		"550 5.7.1 Greylisted":                                  false,
		"250 2.1.5 Ok":                                          false,
		"452 4.2.2 Mailbox full, try again later":               false,
		"451 4.3.0 <a@b.example>: Temporary lookup failure":     false,
		"451 4.3.5 Server configuration error, try again later": false,
		"450 4.1.1 <a@b.example>: Recipient address rejected: unverified address: Address lookup failed; try again": false,
		"450 4.7.1 <[127.0.0.1]>: Helo command rejected: Host not found":                                            false,
	} {
		r, err := readText(text + "\r\n")
		if err != nil || r.Greylisted() != want {
			t.Errorf("%s: %v, %v", text, r.Greylisted(), err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("250-mail\r\n250-AUTH=LOGIN PLAIN\r\n250 SIZE 5\r\n")
	f.Add("550 5.1.1 x\r\n")
	f.Add("451-4.7.1\r\n451 4.7.1 try again\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := readText(text)
		if err != nil {
			return
		}
		if r.Code < 200 || r.Code > 599 || len(r.Lines) == 0 || len(r.Lines) > maxLines || strings.Contains(r.String(), "\n") {
			t.Errorf("%q became %+v", text, r)
		}
		if r.Status != "" && r.Status[0] != byte('0'+r.Code/100) {
			t.Errorf("%q has the status %s", text, r.Status)
		}
		if r.Greylisted() && r.Good() {
			t.Errorf("%q is both", text)
		}
	})
}
