package mailtrip

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"tocsin/probes/probe"
)

// imapServer is a connection to a server that says the next of its lines, or of
// its groups of lines, after each command, and goes when it has no more.
type imapServer struct {
	mu     sync.Mutex // guards what follows
	more   *sync.Cond
	say    [][]byte
	buffer bytes.Buffer
	closed bool
}

func newIMAPServer(text []byte) *imapServer {
	s := &imapServer{say: bytes.Split(text, []byte{0})}
	s.more = sync.NewCond(&s.mu)
	s.next()
	return s
}

func (s *imapServer) next() {
	if len(s.say) == 0 {
		s.closed = true
	} else {
		s.buffer.Write(s.say[0])
		s.say = s.say[1:]
	}
	s.more.Broadcast()
}

func (s *imapServer) Read(b []byte) (int, error) {
	silent := time.AfterFunc(50*time.Millisecond, func() { _ = s.Close() }) // who waits for a command, and gets none, has said all
	defer silent.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.buffer.Len() == 0 && !s.closed {
		s.more.Wait()
	}
	if s.buffer.Len() == 0 {
		return 0, io.EOF
	}
	return s.buffer.Read(b)
}

func (s *imapServer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	if bytes.HasSuffix(b, []byte("\n")) {
		s.next()
	}
	return len(b), nil
}

func (s *imapServer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.more.Broadcast()
	return nil
}

func (*imapServer) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*imapServer) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*imapServer) SetDeadline(time.Time) error      { return nil }
func (*imapServer) SetReadDeadline(time.Time) error  { return nil }
func (*imapServer) SetWriteDeadline(time.Time) error { return nil }

// FuzzMailbox has a mailbox's server say anything: each step ends, in time and
// with a reason or well, and no message is touched that bears no mark.
func FuzzMailbox(f *testing.F) {
	const mark = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	good := "* OK [CAPABILITY IMAP4rev1 UIDPLUS] hello\r\n\x00T1 OK logged in\r\n\x00* CAPABILITY IMAP4rev1 UIDPLUS\r\nT2 OK\r\n\x00" +
		"* 2 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\nT3 OK [READ-WRITE] open\r\n\x00T4 OK\r\n\x00* SEARCH 5\r\nT5 OK\r\n\x00" +
		"* 1 FETCH (UID 5 INTERNALDATE \"27-Nov-2026 12:00:00 +0000\" BODY[HEADER.FIELDS (X-Tocsin-Mailtrip)] {49}\r\n" +
		"X-Tocsin-Mailtrip: " + mark + "\r\n\r\n)\r\nT6 OK\r\n\x00T7 OK\r\n\x00* 1 EXPUNGE\r\nT8 OK\r\n\x00* BYE\r\nT9 OK\r\n"
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "UIDPLUS", "ESEARCH", 1)))
	f.Add([]byte("* PREAUTH\r\n\x00* SEARCH 1:4294967295\r\nT1 OK\r\n"))
	f.Add([]byte("* OK\r\n\x00* 1 FETCH (BODY[] {4294967295}\r\n"))
	f.Add([]byte("* OK\r\n\x00T1 NO [ALERT] " + strings.Repeat("(", 1000) + "\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		server := newIMAPServer(text)
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		defer server.Close()
		check := func(err error) bool {
			if ctx.Err() != nil {
				t.Error("it takes for ever")
			}
			if err != nil && probe.FailureOf(err).Reason == probe.Other {
				t.Errorf("%v has no reason", err)
			}
			return err == nil
		}
		box, err := openMailbox(ctx, server, false)
		if !check(err) {
			return
		}
		defer box.close()
		if !check(box.login(ctx, "moni", "secret")) || !check(box.open(ctx, "INBOX")) {
			return
		}
		all, err := box.search(ctx, mark)
		if !check(err) {
			return
		}
		var uids []imap.UID
		for _, m := range all {
			if m.mark != mark || len(all) > maxFound {
				t.Fatalf("%d messages are taken for ours, one of them %+v", len(all), m)
			}
			uids = append(uids, m.uid)
		}
		if len(uids) > 0 {
			_, err = box.remove(ctx, uids)
			check(err)
		}
	})
}
