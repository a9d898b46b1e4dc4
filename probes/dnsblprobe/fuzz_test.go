package dnsblprobe

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestReversed(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7": "7.113.0.203",
		"2001:db8::1": "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2",
	} {
		if got := reversed(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// Whatever a list answers, a listing has codes of 127.0.0.0/8, and a refusal none.
func FuzzRead(f *testing.F) {
	for _, a := range []string{"127.0.0.2", "127.255.255.254", "192.0.2.1"} {
		m := (&dns.Msg{}).SetQuestion("7.113.0.203.bl.example.", dns.TypeA)
		rr, err := dns.NewRR("7.113.0.203.bl.example. 60 IN A " + a)
		if err != nil {
			f.Fatal(err)
		}
		m.Response, m.Answer = true, []dns.RR{rr}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		m := &dns.Msg{}
		if m.Unpack(wire) != nil {
			return
		}
		v := read(m)
		if len(v.codes) > maxCodes || v.refuse != "" && len(v.codes) > 0 {
			t.Errorf("%+v", v)
		}
		for _, c := range v.codes {
			if !strings.HasPrefix(c, "127.") || strings.HasPrefix(c, "127.255.") {
				t.Errorf("%s is taken for a listing", c)
			}
		}
		_ = words(m)
	})
}
