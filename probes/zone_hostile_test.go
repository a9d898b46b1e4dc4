package probes

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"tocsin/internal/testenv"
	"tocsin/probes/probetest"
)

// TestZone_hostile has servers that are no authority, lie or talk rubbish,
// beside one that is good.
func TestZone_hostile(t *testing.T) {
	t.Parallel()
	v := parent(t, usualDelegation)
	testenv.Named(t, v.port, association(5, ""))
	soa, err := dns.NewRR("asso.example. 60 IN SOA ns1.asso.example. root.asso.example. 5 1 1 1 1")
	if err != nil {
		t.Fatal(err)
	}
	reply := func(q *dns.Msg, authoritative bool, rr ...dns.RR) *dns.Msg {
		m := (&dns.Msg{}).SetReply(q)
		m.Authoritative, m.Answer = authoritative, rr
		return m
	}
	for _, c := range []struct {
		name, problem string
		answer        dns.HandlerFunc
	}{
		{"from a cache", "lame", func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(reply(q, false, soa)) }},
		{"without the record", "lame", func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(reply(q, true)) }},
		{"of another zone", "lame", func(w dns.ResponseWriter, q *dns.Msg) {
			other := dns.Copy(soa)
			other.Header().Name = "example."
			_ = w.WriteMsg(reply(q, true, other))
		}},
		{"SERVFAIL", "error", func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg((&dns.Msg{}).SetRcode(q, dns.RcodeServerFailure))
		}},
		{"no such zone", "error", func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg((&dns.Msg{}).SetRcode(q, dns.RcodeNameError)) }},
		{"silence", "silent", func(dns.ResponseWriter, *dns.Msg) {}},
		{"cut for ever", "garbled", func(w dns.ResponseWriter, q *dns.Msg) {
			if w.RemoteAddr().Network() == "udp" {
				m := reply(q, true)
				m.Truncated = true
				_ = w.WriteMsg(m)
				return
			}
			_, _ = w.Write([]byte("HTTP/1.1 400 Bad Request"))
		}},
		{"cut over TCP, too", "garbled", func(w dns.ResponseWriter, q *dns.Msg) {
			m := reply(q, true)
			m.Truncated = true
			_ = w.WriteMsg(m)
		}},
		{"another's answer", "silent", func(w dns.ResponseWriter, q *dns.Msg) {
			m := reply(q, true, soa)
			m.Question[0].Name = "other.example."
			_ = w.WriteMsg(m)
		}},
		{"knows no EDNS", "", func(w dns.ResponseWriter, q *dns.Msg) {
			if q.IsEdns0() != nil {
				_ = w.WriteMsg((&dns.Msg{}).SetRcodeFormatError(q))
				return
			}
			_ = w.WriteMsg(reply(q, true, soa))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			serveAt(t, fmt.Sprintf("127.0.0.3:%d", v.port), c.answer)
			r, page := look(t, v.target, Options{})
			wantReason(t, r, page, "", "")
			page.wants(t, labelled("probe_zone_server_authoritative", "ns2.asso.example", "127.0.0.3"), truth(c.problem == ""))
			if c.problem != "" {
				page.wants(t, fmt.Sprintf(`probe_zone_server_problem_info{address="127.0.0.3",problem=%q,server="ns2.asso.example"}`, c.problem), 1)
			}
		})
	}
}

// serveAt answers questions at this address, over UDP and TCP.
func serveAt(t *testing.T, address string, answer dns.HandlerFunc) {
	t.Helper()
	var listener net.Listener
	var packets net.PacketConn
	testenv.Eventually(t, 10*time.Second, "the address is free again", func(context.Context) (err error) {
		if listener, err = net.Listen("tcp", address); err != nil {
			return err
		}
		if packets, err = net.ListenPacket("udp", address); err != nil {
			_ = listener.Close()
		}
		return err
	})
	probetest.ServeDNS(t, &dns.Server{Listener: listener, Handler: answer})
	probetest.ServeDNS(t, &dns.Server{PacketConn: packets, Handler: answer})
}
