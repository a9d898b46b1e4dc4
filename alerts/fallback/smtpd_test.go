package fallback

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// An smtpd is a strict mail server for tests. It takes what RFC 5321 asks for,
// in the order that it asks for, and nothing else.
type smtpd struct {
	host string
	port int
	ca   string // file with its certificate

	noStartTLS bool
	plain      bool              // it takes mail without encryption
	implicit   bool              // encrypted from the start
	user       string            // user and password that it wants
	answers    map[string]string // answers in place of its own, by command
	hang       string            // the command that it never answers

	mu    sync.Mutex // guards what follows
	mails []taken
	faux  []string // what the client did wrong
}

// taken is a mail that the server took.
type taken struct {
	from string
	to   []string
	tls  bool
	auth bool
	raw  string
}

func newSMTPD(t *testing.T, change func(*smtpd)) *smtpd {
	t.Helper()
	cert, file := certificate(t)
	s := &smtpd{host: "127.0.0.1", ca: file, answers: map[string]string{}}
	if change != nil {
		change(s)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				s.serve(conn, config)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
		if len(s.faux) > 0 {
			t.Errorf("the client did wrong: %q", s.faux)
		}
	})
	return s
}

func (s *smtpd) taken() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

func (s *smtpd) wrong(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faux = append(s.faux, fmt.Sprintf(format, args...))
}

func (s *smtpd) serve(conn net.Conn, config *tls.Config) {
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	var m taken
	if s.implicit {
		conn, m.tls = tls.Server(conn, config), true
	}
	r := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 strict.test ESMTP")
	greeted := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if !strings.HasSuffix(line, "\r\n") || len(line) > 512 {
			s.wrong("bad line %q", line)
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(line, " ")
		verb, _, _ = strings.Cut(verb, ":")
		verb = strings.ToUpper(verb)
		if verb == s.hang {
			_, _ = io.Copy(io.Discard, r)
			return
		}
		if a, ok := s.answers[verb]; ok {
			say(a)
			continue
		}
		switch {
		case verb == "EHLO":
			greeted = true
			say("250-strict.test")
			if !m.tls && !s.noStartTLS {
				say("250-STARTTLS")
			}
			if s.user != "" && (m.tls || s.plain) {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case verb == "QUIT":
			say("221 bye")
			return
		case verb == "STARTTLS" && greeted && !m.tls && !s.noStartTLS:
			say("220 go")
			c := tls.Server(conn, config)
			conn, r, m.tls, greeted = c, bufio.NewReader(c), true, false
		case !greeted:
			s.wrong("%s before EHLO", verb)
			say("503 bad sequence")
		case verb == "AUTH" && s.user != "" && (m.tls || s.plain):
			want := base64.StdEncoding.EncodeToString([]byte("\x00" + strings.Replace(s.user, ":", "\x00", 1)))
			if line != "AUTH PLAIN "+want {
				say("535 5.7.8 wrong, you said " + line)
				continue
			}
			m.auth = true
			say("235 welcome")
		case !m.tls && !s.plain, s.user != "" && !m.auth:
			say("530 first STARTTLS, then AUTH")
		case verb == "MAIL" && m.from == "":
			m.from = line
			say("250 ok")
		case verb == "RCPT" && m.from != "":
			m.to = append(m.to, line)
			say("250 ok")
		case verb == "DATA" && len(m.to) > 0:
			say("354 go on")
			var b strings.Builder
			for {
				part, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if part == ".\r\n" {
					break
				}
				if !strings.HasSuffix(part, "\r\n") || len(part) > 1000 {
					s.wrong("bad line in the mail: %q", part)
				}
				b.WriteString(strings.TrimPrefix(part, "."))
			}
			m.raw = b.String()
			s.mu.Lock()
			s.mails = append(s.mails, m)
			s.mu.Unlock()
			say("250 taken")
		default:
			s.wrong("%s out of order", verb)
			say("503 bad sequence")
		}
	}
}

// config is what a site would write for this server.
func (s *smtpd) config() SMTP {
	on := !s.plain
	return SMTP{
		Host: s.host, Port: s.port, StartTLS: &on, CAFile: s.ca,
		From: "Tocsin <tocsin@ville.example>", To: []string{"admin@ville.example", "Équipe <equipe@ville.example>"},
	}
}

// read parses a mail.
func (m taken) read(t *testing.T) (subject, body string, header mail.Header) {
	t.Helper()
	parsed, err := mail.ReadMessage(strings.NewReader(m.raw))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, m.raw)
	}
	b, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, parsed.Header.Get("Subject")), strings.ReplaceAll(string(b), "\r\n", "\n"), parsed.Header
}

// certificate makes one for 127.0.0.1, and a file that holds it.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
