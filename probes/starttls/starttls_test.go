package starttls

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// script is a server that waits for each part of what is said to it and
// answers with the next; the first answer comes unasked.
func script(parts ...string) func(net.Conn) {
	return func(conn net.Conn) {
		for i, part := range parts {
			if i%2 == 0 {
				if _, err := io.WriteString(conn, part); err != nil {
					return
				}
				continue
			}
			said := make([]byte, 0, 256)
			for !strings.Contains(string(said), part) {
				b := make([]byte, 256)
				n, err := conn.Read(b)
				if err != nil {
					return
				}
				said = append(said, b[:n]...)
			}
		}
	}
}

const (
	ldapYes = "\x30\x24\x02\x01\x01\x78\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20037"
	ldapNo  = "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"
)

// mysqlHello is how MySQL greets, with or without TLS.
func mysqlHello(capabilities string) string {
	return "\x15\x00\x00\x00" + "\x0a8.0\x00" + "\x01\x00\x00\x00" + "saltsalt" + "\x00" + capabilities + "\x00"
}

func TestAsk_answers(t *testing.T) {
	for _, c := range []struct {
		protocol string
		talk     func(net.Conn)
		reason   probe.Reason // empty: TLS may begin
		says     string
	}{
		{"smtp", script("220-a\r\n220 b ESMTP\r\n", "EHLO ", "250-b\r\n250-STARTTLS\r\n250 HELP\r\n", "STARTTLS\r\n", "220 go\r\n"), "", ""},
		{"smtp", script("220 b ESMTP\r\n", "EHLO ", "250-b\r\n250 HELP\r\n"), probe.NoStartTLS, `offers no STARTTLS; its last word is "250 HELP"`},
		{"smtp", script("220 b ESMTP\r\n", "EHLO ", "250 STARTTLS\r\n", "STARTTLS\r\n", "454 not now\r\n"), probe.NoStartTLS, `"454 not now"`},
		{"smtp", script("554 go away\r\n"), probe.Protocol, `"554 go away", not with 220`},
		{"smtp", script("220 b\r\n", "EHLO ", "250 STARTTLS\r\n", "STARTTLS\r\n", "220 go\r\n250 injected\r\n"), probe.Protocol, "sent more before TLS"},
		{"imap", script("* OK hello\r\n", "a1 STARTTLS\r\n", "* note\r\na1 OK begin\r\n"), "", ""},
		{"imap", script("* OK hello\r\n", "a1 STARTTLS\r\n", "a1 BAD what\r\n"), probe.NoStartTLS, `"a1 BAD what"`},
		{"imap", script("* BYE\r\n"), probe.Protocol, "* BYE"},
		{"pop3", script("+OK hello\r\n", "STLS\r\n", "+OK begin\r\n"), "", ""},
		{"pop3", script("+OK hello\r\n", "STLS\r\n", "-ERR no\r\n"), probe.NoStartTLS, "-ERR no"},
		{"nntp", script("200 hello\r\n", "STARTTLS\r\n", "382 begin\r\n"), "", ""},
		{"ftp", script("220-hello\r\n220 there\r\n", "AUTH TLS\r\n", "234 begin\r\n"), "", ""},
		// As ProFTPD 1.3.8 sends the file of DisplayConnect.
		{"ftp", script("220-Welcome\r\n       to our files\r\n ab\r\n 250 MB each\r\n \r\n220 there\r\n", "AUTH TLS\r\n", "234 begin\r\n"), "", ""},
		{"ftp", script("421-busy\r\n\r\n421\r\n"), probe.Protocol, `"421"`},
		{"ftp", script("SSH-2.0-OpenSSH\r\n"), probe.Protocol, "SSH-2.0-OpenSSH"},
		{"ftp", script("220 hello\r\n", "AUTH TLS\r\n", "530 log in first\r\n"), probe.NoStartTLS, "530 log in first"},
		{"sieve", script("\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n", "STARTTLS\r\n", "OK \"begin\"\r\n"), "", ""},
		{"sieve", script("\"SASL\" \"PLAIN\"\r\nOK\r\n"), probe.NoStartTLS, "offers no STARTTLS"},
		{"xmpp", script("", "to='127.0.0.1'", "<?xml version='1.0'?><stream:stream><stream:features><starttls xmlns='x'/></stream:features>", "<starttls ", "<proceed xmlns='x'/>"), "", ""},
		{"xmpp-server", script("", "jabber:server", "<stream:stream><stream:features/>"), probe.NoStartTLS, "offers no STARTTLS"},
		{"xmpp", script("", "<stream", "<stream:stream><stream:features><starttls/></stream:features>", "<starttls ", "<failure/>"), probe.NoStartTLS, "<failure>"},
		{"xmpp", script("", "<stream", "\n<stream:stream xmlns:stream='s'><stream:features xmlns='x'><x:starttls xmlns:x='y'><x:required/></x:starttls><sm/></stream:features>", "<starttls ", "<proceed xmlns='x'></proceed>"), "", ""},
		{"xmpp", script("", "<stream", "<stream:stream><stream:features><starttls/></stream:features>", "<starttls ", "<proceed/><message/>"), probe.Protocol, "sent more before TLS"},
		{"xmpp", script("", "<stream", "<stream:stream><stream:features xmlns:stream='s'/>"), probe.NoStartTLS, "its features are: none"},
		{"xmpp", script("", "<stream", "<stream:stream><stream:error><host-unknown/><text>Not here</text></stream:error></stream:stream>"), probe.NoStartTLS, `write the domain that it serves in server_name (it says "host-unknown: Not here")`},
		{"xmpp", script("", "<stream", "<stream:stream><stream:error><policy-violation/></stream:error></stream:stream>"), probe.NoStartTLS, "policy-violation"},
		{"xmpp", script("", "<stream", "<stream:stream></stream:stream>"), probe.Protocol, "ends the stream"},
		{"xmpp", script("", "<stream", "<stream:stream><message/>"), probe.Protocol, "<message>"},
		{"xmpp", script("", "<stream", "<html><body>"), probe.Protocol, "<html>"},
		{"xmpp", script("", "<stream", "HTTP/1.1 400 Bad Request\r\n"), probe.Protocol, "as XMPP does"},
		{"xmpp", script("", "<stream", "<stream:stream><stream:features><starttls></stream:features>"), probe.Protocol, "syntax error"},
		{"xmpp", script("", "<stream", "<stream:stream><stream:feat"), probe.Reset, ""},
		{"xmpp", script("", "<stream", "<stream:stream><stream:features>"+strings.Repeat("<a/>", 20<<10)), probe.Protocol, "more than 65536 bytes"},
		{"ldap", script("", "1.3.6.1.4.1.1466.20037", ldapYes), "", ""},
		{"ldap", script("", "1.3.6.1.4.1.1466.20037", ldapNo), probe.NoStartTLS, "the result code 2"},
		{"ldap", script("HTTP/1.1 400 Bad Request\r\n"), probe.Protocol, "as LDAP does"},
		{"ldap", script("\x30\x84\x7f\xff\xff\xff"), probe.Protocol, "too long"},
		{"postgres", script("", "\x04\xd2\x16\x2f", "S"), "", ""},
		{"postgres", script("", "\x04\xd2\x16\x2f", "N"), probe.NoStartTLS, "ssl is off"},
		{"postgres", script("", "\x04\xd2\x16\x2f", "E..."), probe.Protocol, "not as PostgreSQL does"},
		{"mysql", script(mysqlHello("\x00\x08"), "\x20\x00\x00\x01"), "", ""},
		{"mysql", script(mysqlHello("\x00\x00")), probe.NoStartTLS, "have_ssl"},
		{"mysql", script("\x17\x00\x00\x00\xff\x15\x04Host is not allowed."), probe.Protocol, "Host is not allowed"},
		{"mysql", script("HTTP/1.1 400 Bad Request\r\n"), probe.Protocol, "as MySQL does"},
		{"imap", func(net.Conn) {}, probe.Reset, "closed the connection"},
		{"imap", script(strings.Repeat("x", 9<<10)), probe.Protocol, "longer than"},
		{"imap", script("* OK\r\n", "a1 STARTTLS\r\n", strings.Repeat("* no\r\n", 200)), probe.Protocol, "more than 100 lines"},
		{"imap", probetest.Hang, probe.Timeout, "asking for TLS"},
	} {
		t.Run(c.protocol, func(t *testing.T) {
			t.Parallel()
			err := ask(t, probetest.TCP(t, c.talk), c.protocol)
			wants(t, err, c.reason, c.says)
		})
	}
}

func ask(t *testing.T, address, protocol string) error {
	t.Helper()
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return Ask(ctx, conn, protocol, "127.0.0.1")
}

func wants(t *testing.T, err error, reason probe.Reason, says string) {
	t.Helper()
	var got probe.Reason
	if err != nil {
		f, ok := errors.AsType[*probe.Failure](err)
		if !ok {
			t.Fatalf("%v is no failure", err)
		}
		got = f.Reason
	}
	if got != reason || err != nil && !strings.Contains(err.Error(), says) {
		t.Errorf("the reason is %q, want %q with %q: %v", got, reason, says, err)
	}
}

// TestAsk_postgres asks a real one, by its socket, where it has no TLS.
func TestAsk_postgres(t *testing.T) {
	socket := filepath.Join(testenv.Postgres(t).Dir, ".s.PGSQL.5432")
	wants(t, ask(t, socket, "postgres"), probe.NoStartTLS, "ssl is off")
	wants(t, ask(t, socket, "ldap"), probe.Reset, "")
}

// TestProtocols proves that each protocol has words.
func TestProtocols(t *testing.T) {
	for _, p := range Protocols() {
		if Port(p) == 0 {
			t.Errorf("%s has no port", p)
		}
		wants(t, ask(t, probetest.TCP(t, func(net.Conn) {}), p), probe.Reset, "")
	}
	err := ask(t, probetest.TCP(t, probetest.Hang), "gopher")
	if _, ok := errors.AsType[*probe.Unmeasured](err); !ok {
		t.Errorf("a protocol that nobody knows: %v", err)
	}
}

// FuzzAsk has servers that say anything: the dialogue ends, with a reason.
func FuzzAsk(f *testing.F) {
	for i, said := range []string{"220 a\r\n250 STARTTLS\r\n220 go\r\n", "* OK\r\na1 OK\r\n", ldapYes, ldapNo, "S", mysqlHello("\x00\x08"), "<stream:stream><stream:features><starttls/></stream:features><proceed/>", "<stream:stream><stream:error><host-unknown/></stream:error></stream:stream>"} {
		f.Add(byte(i), []byte(said))
	}
	protocols := Protocols()
	f.Fuzz(func(t *testing.T, which byte, said []byte) {
		server, client := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, server) }() // ends when either side closes
		go func() {                                        // the same
			_, _ = server.Write(said)
			_ = server.Close()
		}()
		defer client.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := Ask(ctx, client, protocols[int(which)%len(protocols)], "host")
		if _, ok := errors.AsType[*probe.Failure](err); err != nil && !ok {
			t.Errorf("%v has no reason", err)
		}
	})
}
