package zoneprobe

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"tocsin/probes/probe"
)

// message packs records in the form of a zone file, as a seed.
func message(f *testing.F, section func(*dns.Msg) *[]dns.RR, records ...string) []byte {
	f.Helper()
	m := (&dns.Msg{}).SetQuestion("asso.example.", dns.TypeNS)
	m.Response, m.Authoritative = true, true
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			f.Fatal(err)
		}
		to := section(m)
		*to = append(*to, rr)
	}
	b, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// Whatever servers answer, what is read of it is bounded and makes sense.
func FuzzAnswers(f *testing.F) {
	answer := func(m *dns.Msg) *[]dns.RR { return &m.Answer }
	f.Add(message(f, func(m *dns.Msg) *[]dns.RR { return &m.Ns }, "asso.example. 60 IN NS ns1.asso.example.", "asso.example. 60 IN DS 12345 13 2 00"))
	f.Add(message(f, func(m *dns.Msg) *[]dns.RR { return &m.Extra }, "ns1.asso.example. 60 IN A 192.0.2.1", "ns1.asso.example. 60 IN AAAA 2001:db8::1"))
	f.Add(message(f, answer, "asso.example. 60 IN SOA ns1 root 1 2 3 4 5",
		"asso.example. 60 IN RRSIG SOA 13 2 60 20270101000000 20260101000000 12345 asso.example. AAAA"))
	f.Add(message(f, answer, "asso.example. 60 IN DNSKEY 257 3 13 AAAA", "asso.example. 60 IN DNSKEY 257 3 8 AwEAAQ==",
		"asso.example. 60 IN RRSIG DNSKEY 13 2 60 20270101000000 20260101000000 12345 asso.example. AAAA"))
	now := time.Unix(1796000000, 0)
	f.Fuzz(func(t *testing.T, wire []byte) {
		m := &dns.Msg{}
		if m.Unpack(wire) != nil {
			return
		}
		if d, err := readReferral(m, "asso.example.", "example."); err == nil {
			if len(d.servers) == 0 && d.absent == "" || len(d.servers) > maxNames {
				t.Errorf("%d servers, absent %q", len(d.servers), d.absent)
			}
			for name, addresses := range d.glue {
				if len(addresses) > maxAddresses {
					t.Errorf("%d addresses of %s", len(addresses), name)
				}
			}
		}
		v := visit{server: "ns1.asso.example."}
		v.readSOA(m, "asso.example.")
		if v.good() != (v.soa != nil) || v.problem != "" && v.text == "" {
			t.Errorf("%+v", v)
		}
		// A DS record for each key, so that signatures are tried.
		var ds []*dns.DS
		for _, rr := range m.Answer {
			if k, ok := rr.(*dns.DNSKEY); ok {
				if made := k.ToDS(dns.SHA256); made != nil {
					ds = append(ds, made)
				}
			}
		}
		s := verify("asso.example.", ds, m.Answer, m.Answer, now)
		if s.problem != "" && s.text == "" {
			t.Errorf("%+v has no words", s)
		}
		if !s.expiry.IsZero() && (s.expiry.Sub(now) > 70*365*24*time.Hour || now.Sub(s.expiry) > 70*365*24*time.Hour) {
			t.Errorf("a signature ends %s", s.expiry)
		}
		if s.problem == "" {
			t.Error("signatures hold that nobody has made")
		}
	})
}

func TestNewest_goesRound(t *testing.T) {
	visits := func(serials ...uint32) []visit {
		var all []visit
		for _, s := range serials {
			all = append(all, visit{soa: &dns.SOA{Serial: s}})
		}
		return append(all, visit{problem: silent}, visit{skipped: true})
	}
	for _, c := range []struct {
		serials []uint32
		newest  uint32
		n       int
	}{
		{[]uint32{5}, 5, 1},
		{[]uint32{5, 7, 5}, 7, 2},
		{[]uint32{4294967295, 2}, 2, 2},
		{[]uint32{2, 4294967290, 4294967295}, 2, 3},
		{nil, 0, 0},
	} {
		if newest, n := newest(visits(c.serials...)); newest != c.newest || n != c.n {
			t.Errorf("%v: %d of %d, want %d of %d", c.serials, newest, n, c.newest, c.n)
		}
	}
}

// What this machine has no way to says nothing of a server.
func TestFail_noWayToIPv6(t *testing.T) {
	for _, c := range []struct {
		reason  probe.Reason
		phase   probe.Phase
		problem string
		skipped bool
	}{
		{probe.Unreachable, probe.PhaseConnect, "", true},
		{probe.Unreachable, probe.PhaseProcessing, unreachable, false},
		{probe.Timeout, probe.PhaseProcessing, silent, false},
		{probe.Protocol, probe.PhaseProcessing, garbled, false},
		{probe.BlockedAddress, probe.PhaseConnect, "", true},
	} {
		v := visit{address: six}
		v.fail(probe.Fail(c.reason, c.phase, errText))
		if v.problem != c.problem || v.skipped != c.skipped {
			t.Errorf("%s in %s: %q, skipped %v", c.reason, c.phase, v.problem, v.skipped)
		}
	}
}

var (
	six     = netip.MustParseAddr("2001:db8::1")
	errText = errors.New("text")
)
