package dnsprobe

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
)

// server is a connection to a name server that answers each question with the
// same message, under the question's own number.
type server struct {
	net.Conn // nil: nothing else is called
	answer   []byte
	rest     bytes.Reader
}

func (s *server) Write(question []byte) (int, error) {
	wire := binary.BigEndian.AppendUint16(nil, uint16(len(s.answer)))
	wire = append(wire, s.answer...)
	if len(wire) >= 4 && len(question) >= 4 {
		copy(wire[2:4], question[2:4])
	}
	s.rest.Reset(wire)
	return len(question), nil
}

func (s *server) Read(b []byte) (int, error)       { return s.rest.Read(b) }
func (s *server) Close() error                     { return nil }
func (s *server) SetDeadline(time.Time) error      { return nil }
func (s *server) SetReadDeadline(time.Time) error  { return nil }
func (s *server) SetWriteDeadline(time.Time) error { return nil }

// FuzzAnswer has servers that answer anything: the look ends well or with a
// reason, and what it tells is fit to be shown.
func FuzzAnswer(f *testing.F) {
	question := &dns.Msg{MsgHdr: dns.MsgHdr{Response: true}, Question: []dns.Question{{Name: "ville.example.", Qtype: dns.TypeSOA, Qclass: dns.ClassINET}}}
	for _, text := range []string{"", "ville.example. 60 IN SOA ns1 root 7 1 1 1 1", `ville.example. 60 IN TXT "\000\255" "x"`, "ville.example. 60 IN TYPE65280 \\# 1 00"} {
		m := question.Copy()
		if text != "" {
			rr, err := dns.NewRR(text)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer, m.Extra = append(m.Answer, rr), append(m.Extra, rr)
		}
		packed, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Add(make([]byte, 12))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if len(answer) > dns.MaxMsgSize {
			return
		}
		p, err := New(Options{
			Host: "192.0.2.1", Port: 53, Transport: TCP, Name: "ville.example", Type: "SOA", Class: "IN", Rcodes: []string{"NOERROR"},
			Answer: Records{FailIfMatches: []string{"^never$"}, FailIfNoneMatches: []string{"SOA"}}, Additional: Records{FailIfNotMatches: []string{"."}},
			Dial: dial.Options{Dial: func(context.Context, string, string) (net.Conn, error) { return &server{answer: answer}, nil }},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := p.Probe(t.Context())
		if r.Unmeasured != nil || r.Success != (r.Reason == "") {
			t.Errorf("neither well nor with a reason: %+v", r)
		}
		for _, s := range append(r.Steps, probe.Step{Text: r.Explain()}) {
			if !utf8.ValidString(s.Text) || len(s.Text) > 1000 {
				t.Errorf("not fit to be shown: %q", s.Text)
			}
		}
	})
}
