package probetest

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/miekg/dns"
)

// DNS answers questions over UDP and TCP on one port of this machine, and
// returns its address.
func DNS(t testing.TB, answer dns.HandlerFunc) string {
	t.Helper()
	var listener net.Listener
	var packets net.PacketConn
	for try := 0; ; try++ { // until a port is free for both
		var err error
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if packets, err = net.ListenPacket("udp", listener.Addr().String()); err == nil {
			break
		}
		_ = listener.Close()
		if try == 20 {
			t.Fatal(err)
		}
	}
	ServeDNS(t, &dns.Server{Listener: listener, Handler: answer})
	ServeDNS(t, &dns.Server{PacketConn: packets, Handler: answer})
	return listener.Addr().String()
}

// DNSOverTLS answers questions over TLS.
func DNSOverTLS(t testing.TB, cert tls.Certificate, answer dns.HandlerFunc) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	ServeDNS(t, &dns.Server{Listener: l, Net: "tcp-tls", Handler: answer})
	return l.Addr().String()
}

// ServeDNS runs a server until the test ends.
func ServeDNS(t testing.TB, s *dns.Server) {
	t.Helper()
	ready, done := make(chan struct{}), make(chan struct{})
	s.NotifyStartedFunc = func() { close(ready) }
	go func() { // ends with Shutdown
		defer close(done)
		_ = s.ActivateAndServe()
	}()
	<-ready
	t.Cleanup(func() {
		_ = s.Shutdown()
		<-done
	})
}

// Zone answers from records in the form of a zone file; what it has not is
// NXDOMAIN.
func Zone(t testing.TB, records ...string) dns.HandlerFunc {
	t.Helper()
	var zone []dns.RR
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		zone = append(zone, rr)
	}
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := (&dns.Msg{}).SetReply(q)
		m.Rcode = dns.RcodeNameError
		for _, rr := range zone {
			h := rr.Header()
			if h.Name != q.Question[0].Name {
				continue
			}
			m.Rcode = dns.RcodeSuccess
			if h.Rrtype == q.Question[0].Qtype || q.Question[0].Qtype == dns.TypeANY {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	}
}
