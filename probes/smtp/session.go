package smtp

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/tlscheck"
)

// maxSession bounds what is read of a server in one session.
const maxSession = 256 << 10

// Bound sets ctx's deadline on conn and wakes whoever waits on it when ctx
// ends. It is for the bare connection: TLS on top of it is bounded with it. The
// function that it returns is to be called when the conversation is over.
func Bound(ctx context.Context, conn net.Conn) (stop func(), err error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, &probe.Unmeasured{Err: err}
		}
	}
	off := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() { off() }, nil
}

// A Session is a conversation with one server. All its errors are a
// probe.Failure or probe.Unmeasured; a server that says no is no error.
type Session struct {
	conn   net.Conn
	left   *io.LimitedReader // what may still be read
	in     *bufio.Reader
	offers map[string][]string // what EHLO's answer has, by keyword in capitals
}

// New begins to speak on a connection. TLS later begins a new Session on it,
// whose server does not greet again.
func New(conn net.Conn) *Session {
	left := &io.LimitedReader{R: conn, N: maxSession}
	return &Session{conn: conn, left: left, in: bufio.NewReaderSize(left, maxLine)}
}

// Greeting waits for what the server says first.
func (s *Session) Greeting(ctx context.Context) (*Reply, error) {
	return s.await(ctx, "waiting for the greeting")
}

// Do sends a command and waits for its answer. The line MUST hold no line end.
// what stands for it in errors: it may hold a password.
func (s *Session) Do(ctx context.Context, what, line string) (*Reply, error) {
	if _, err := io.WriteString(s.conn, line+"\r\n"); err != nil {
		return nil, explain(ctx, "sending "+what, err)
	}
	return s.await(ctx, "waiting for the answer to "+what)
}

// Hello says EHLO under a name and remembers what the server offers.
func (s *Session) Hello(ctx context.Context, name string) (*Reply, error) {
	r, err := s.Do(ctx, "EHLO", "EHLO "+name)
	if err != nil || !r.Good() {
		return r, err
	}
	s.offers = make(map[string][]string, len(r.Lines))
	for _, line := range r.Lines[1:] {
		words := strings.Fields(strings.ToUpper(strings.Replace(line, "AUTH=", "AUTH ", 1)))
		if len(words) > 0 {
			s.offers[words[0]] = append(s.offers[words[0]], words[1:]...)
		}
	}
	return r, nil
}

// Offers tells whether the server offers a keyword, in capitals, and with what
// words behind it, also in capitals. Before Hello it offers nothing.
func (s *Session) Offers(keyword string) ([]string, bool) {
	words, ok := s.offers[keyword]
	return words, ok
}

// SizeLimit returns the largest message that the server says it takes, in
// bytes; false where it names no limit.
func (s *Session) SizeLimit() (float64, bool) {
	words, _ := s.Offers("SIZE")
	if len(words) == 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(words[0], 10, 63)
	return float64(n), err == nil && n > 0
}

// StartTLS asks for TLS. When the answer is good the connection is ready for
// the handshake: nothing was sent before it that TLS would not cover.
func (s *Session) StartTLS(ctx context.Context) (*Reply, error) {
	r, err := s.Do(ctx, "STARTTLS", "STARTTLS")
	if err == nil && r.Good() && s.in.Buffered() > 0 {
		err = probe.Fail(probe.Protocol, probe.PhaseTLS, errors.New("the server sent more before TLS than was asked for: somebody may have put it there"))
	}
	return r, err
}

// Login logs in by PLAIN or LOGIN (RFC 4954), whichever the server offers. It
// MUST be called over TLS only.
func (s *Session) Login(ctx context.Context, username, password string) (*Reply, error) {
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	mechanisms, _ := s.Offers("AUTH")
	for _, m := range mechanisms {
		switch m {
		case "PLAIN":
			return s.Do(ctx, "AUTH PLAIN", "AUTH PLAIN "+encode("\x00"+username+"\x00"+password))
		case "LOGIN":
			r, err := s.Do(ctx, "AUTH LOGIN", "AUTH LOGIN")
			for _, text := range []string{username, password} {
				if err != nil || r.Code != 334 {
					return r, err
				}
				r, err = s.Do(ctx, "AUTH LOGIN", encode(text))
			}
			return r, err
		}
	}
	if len(mechanisms) == 0 {
		return nil, probe.Fail(probe.Protocol, probe.PhaseProcessing, errors.New("the server lets nobody log in here: it offers no AUTH"))
	}
	return nil, probe.Fail(probe.Protocol, probe.PhaseProcessing,
		fmt.Errorf("the server offers AUTH %s, and this version can do PLAIN and LOGIN", strings.Join(mechanisms, " ")))
}

// Secrets lists the forms in which Login sends a password, for the redactor.
func Secrets(username, password string) []string {
	return []string{
		password, base64.StdEncoding.EncodeToString([]byte(password)),
		base64.StdEncoding.EncodeToString([]byte("\x00" + username + "\x00" + password)),
	}
}

// Name returns the name to say EHLO with for who has none: the address that the
// connection comes from. Source: RFC 5321, section 4.1.4.
func Name(conn net.Conn) string {
	if local, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		a := local.Addr().Unmap().WithZone("")
		if a.Is6() {
			return "[IPv6:" + a.String() + "]"
		}
		return "[" + a.String() + "]"
	}
	return "[127.0.0.1]"
}

// Quit says good-bye and does not mind what the server says to it. A server
// that is not told so logs a lost connection.
func (s *Session) Quit(ctx context.Context) {
	_, _ = s.Do(ctx, "QUIT", "QUIT")
}

func (s *Session) await(ctx context.Context, doing string) (*Reply, error) {
	r, err := read(s.in)
	if errors.Is(err, io.EOF) && s.left.N <= 0 {
		return nil, probe.Fail(probe.TooLarge, probe.PhaseProcessing, fmt.Errorf("the server said more than %d bytes", maxSession))
	}
	if err != nil {
		return nil, explain(ctx, doing, err)
	}
	return r, nil
}

// explain gives an error of the conversation its reason.
func explain(ctx context.Context, doing string, err error) error {
	if errors.Is(err, errStrange) {
		return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("%s: %w", doing, err))
	}
	if ended := probe.Ended(ctx, probe.PhaseProcessing, doing); ended != nil {
		return ended
	}
	if reason, text, ok := tlscheck.Alert(err); ok {
		return probe.Fail(reason, probe.PhaseTLS, errors.New(text))
	}
	switch reason := dial.ReasonOf(err); {
	case reason != probe.Other:
		return probe.Fail(reason, probe.PhaseProcessing, fmt.Errorf("%s: %s", doing, dial.Words(err)))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return probe.Fail(probe.Reset, probe.PhaseProcessing, fmt.Errorf("the server closed the connection while %s", doing))
	default:
		return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("%s: %w", doing, err))
	}
}
