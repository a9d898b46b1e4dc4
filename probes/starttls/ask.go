package starttls

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"time"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
)

// Bounds of a dialogue.
const (
	maxLine  = 8 << 10
	maxLines = 100
	maxWhole = 64 << 10 // of an answer that has no lines
)

// ports are where each protocol usually begins without TLS.
func ports() map[string]uint16 {
	return map[string]uint16{
		"smtp": 25, "submission": 587, "imap": 143, "pop3": 110, "ftp": 21, "ldap": 389, "nntp": 119, "sieve": 4190,
		"xmpp": 5222, "xmpp-server": 5269, "postgres": 5432, "mysql": 3306,
	}
}

// Protocols lists the protocols that can be asked for TLS.
func Protocols() []string { return slices.Sorted(maps.Keys(ports())) }

// Port returns the port where a protocol usually begins without TLS.
func Port(protocol string) uint16 { return ports()[protocol] }

// Ask turns a fresh connection to TLS, in the words of a protocol; name is what
// the server is called: in XMPP the domain that it serves. What the server says
// is bounded, and nothing is read of what comes after. It sets the deadline of ctx on conn. Its error is a
// probe.Failure or probe.Unmeasured.
func Ask(ctx context.Context, conn net.Conn, protocol, name string) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return &probe.Unmeasured{Err: err}
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // whoever reads wakes up
	defer stop()
	t := &talk{conn: conn, in: bufio.NewReaderSize(conn, maxLine), name: name}
	err := t.ask(protocol)
	if err == nil && t.in.Buffered() > 0 {
		err = probe.Fail(probe.Protocol, probe.PhaseTLS, errors.New("the server sent more before TLS than was asked for: somebody may have put it there"))
	}
	return t.explain(ctx, err)
}

// talk is one dialogue.
type talk struct {
	conn net.Conn
	in   *bufio.Reader
	name string
}

func (t *talk) ask(protocol string) error {
	switch protocol {
	case "smtp", "submission":
		return t.smtp()
	case "imap":
		return t.imap()
	case "pop3":
		return t.lines("+OK", "STLS", "+OK")
	case "nntp":
		return t.lines("20", "STARTTLS", "382")
	case "ftp":
		return t.ftp()
	case "sieve":
		return t.sieve()
	case "ldap":
		return t.ldap()
	case "xmpp":
		return t.xmpp("jabber:client")
	case "xmpp-server":
		return t.xmpp("jabber:server")
	case "postgres":
		return t.postgres()
	case "mysql":
		return t.mysql()
	default:
		return &probe.Unmeasured{Err: fmt.Errorf("nobody knows how to ask for TLS in %q", protocol)}
	}
}

// refused says that a server has no TLS here.
func refused(format string, args ...any) error {
	return probe.Fail(probe.NoStartTLS, probe.PhaseTLS, fmt.Errorf(format, args...))
}

// strange says that a server speaks another protocol.
func strange(format string, args ...any) error {
	return probe.Fail(probe.Protocol, probe.PhaseTLS, fmt.Errorf(format, args...))
}

// explain gives an error of the connection its reason.
func (t *talk) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*probe.Failure](err); ok {
		return err
	}
	if _, ok := errors.AsType[*probe.Unmeasured](err); ok {
		return err
	}
	const doing = "asking for TLS"
	if ended := probe.Ended(ctx, probe.PhaseTLS, doing); ended != nil {
		return ended
	}
	switch reason := dial.ReasonOf(err); {
	case reason != probe.Other:
		return probe.Fail(reason, probe.PhaseTLS, fmt.Errorf("%s: %s", doing, dial.Words(err)))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return probe.Fail(probe.Reset, probe.PhaseTLS, fmt.Errorf("the server closed the connection while %s", doing))
	default:
		return probe.Fail(probe.Protocol, probe.PhaseTLS, fmt.Errorf("%s: %w", doing, err))
	}
}

// line reads a line without its end.
func (t *talk) line() (string, error) {
	line, err := t.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", strange("the server said a line longer than %d bytes", maxLine)
	}
	return string(bytes.TrimRight(line, "\r\n")), err
}

func (t *talk) say(text string) error {
	_, err := io.WriteString(t.conn, text+"\r\n")
	return err
}

// until reads lines up to the first for which last is true, and returns all.
func (t *talk) until(last func(string) bool) ([]string, error) {
	var lines []string
	for range maxLines {
		line, err := t.line()
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
		if last(line) {
			return lines, nil
		}
	}
	return lines, strange("the server said more than %d lines", maxLines)
}
