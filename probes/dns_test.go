package probes

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/common/model"

	"tocsin/probes/dnsprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

func TestDNS_answers(t *testing.T) {
	zone := probetest.Zone(t,
		"ville.example. 300 IN A 192.0.2.1", "ville.example. 300 IN A 192.0.2.2",
		"ville.example. 300 IN SOA ns.ville.example. root.ville.example. 2026112701 3600 600 86400 300",
	)
	server := probetest.DNS(t, zone)
	records := func(r dnsprobe.Records) dnsprobe.Config { return dnsprobe.Config{Answer: r} }
	for _, c := range []struct {
		name   string
		path   string
		dns    dnsprobe.Config
		reason probe.Reason
		phase  string
		says   string
		series map[string]float64
	}{
		{"good", "/ville.example", dnsprobe.Config{}, "", "", "", map[string]float64{
			"probe_dns_answer_rrs": 2, "probe_dns_authority_rrs": 0, "probe_dns_additional_rrs": 0, "probe_dns_query_succeeded": 1, "probe_ip_protocol": 4,
		}},
		{"name in the section", "", dnsprobe.Config{Name: "VILLE.example"}, probe.Status, "processing", "NXDOMAIN, not NOERROR", nil},
		{"over TCP", "/ville.example", dnsprobe.Config{Transport: "tcp"}, "", "", "", nil},
		{"serial", "/ville.example", dnsprobe.Config{Type: "SOA"}, "", "", "", map[string]float64{"probe_dns_serial": 2026112701}},
		{"no such name", "/nobody.example", dnsprobe.Config{}, probe.Status, "processing", "the answer is NXDOMAIN, not NOERROR", map[string]float64{"probe_dns_query_succeeded": 1}},
		{"no such name is wanted", "/nobody.example", dnsprobe.Config{ValidRcodes: []string{"NXDOMAIN"}}, "", "", "", nil},
		{"none may match", "/ville.example", records(dnsprobe.Records{FailIfMatches: []string{`192\.0\.2\.2$`}}), probe.Body, "transfer", "matches", nil},
		{"all match", "/ville.example", records(dnsprobe.Records{FailIfAllMatch: []string{`192\.0\.2\.`}}), probe.Body, "transfer", "all records in the answer match", nil},
		{"not all match", "/ville.example", records(dnsprobe.Records{FailIfAllMatch: []string{`192\.0\.2\.1`}}), "", "", "", nil},
		{"all must match", "/ville.example", records(dnsprobe.Records{FailIfNotMatches: []string{`192\.0\.2\.1`}}), probe.Body, "transfer", "does not match", nil},
		{"all do match", "/ville.example", records(dnsprobe.Records{FailIfNotMatches: []string{`^ville\.example\.\s300\sIN\sA\s192\.0\.2\.[12]$`}}), "", "", "", nil},
		{"one must match", "/ville.example", records(dnsprobe.Records{FailIfNoneMatches: []string{`192\.0\.2\.9`}}), probe.Body, "transfer", "no record in the answer matches", nil},
		{"nothing to match", "/ville.example", dnsprobe.Config{Authority: dnsprobe.Records{FailIfNoneMatches: []string{"."}}}, probe.Body, "transfer", "there is no record in the part about authority", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, page := look(t, Config{Target: "dns://" + server + c.path, DNS: c.dns}, Options{})
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			for series, value := range c.series {
				page.wants(t, series, value)
			}
		})
	}
}

// TestDNS_hostile has servers that lie, hang, or answer others' questions.
func TestDNS_hostile(t *testing.T) {
	right := func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg((&dns.Msg{}).SetReply(q)) }
	for _, c := range []struct {
		name   string
		answer dns.HandlerFunc
		dns    dnsprobe.Config
		reason probe.Reason
	}{
		{"silence", func(dns.ResponseWriter, *dns.Msg) {}, dnsprobe.Config{}, probe.Timeout},
		{"another identifier first", func(w dns.ResponseWriter, q *dns.Msg) {
			other := (&dns.Msg{}).SetReply(q)
			other.Id++
			_ = w.WriteMsg(other)
			right(w, q)
		}, dnsprobe.Config{}, ""},
		{"another question first", func(w dns.ResponseWriter, q *dns.Msg) {
			other := (&dns.Msg{}).SetReply(q)
			other.Question[0].Name = "other.example."
			_ = w.WriteMsg(other)
			right(w, q.SetQuestion("a.example.", dns.TypeA))
		}, dnsprobe.Config{}, probe.Timeout},
		{"another question over TCP", func(w dns.ResponseWriter, q *dns.Msg) {
			other := (&dns.Msg{}).SetReply(q)
			other.Question[0].Name = "other.example."
			_ = w.WriteMsg(other)
		}, dnsprobe.Config{Transport: "tcp"}, probe.Protocol},
		{"rubbish", func(w dns.ResponseWriter, _ *dns.Msg) { _, _ = w.Write([]byte("HTTP/1.1 400 Bad Request\r\n")) }, dnsprobe.Config{Transport: "tcp"}, probe.Protocol},
		{"closed", func(w dns.ResponseWriter, _ *dns.Msg) { _ = w.Close() }, dnsprobe.Config{Transport: "tcp"}, probe.Protocol},
		{"refused", func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg((&dns.Msg{}).SetRcode(q, dns.RcodeRefused))
		}, dnsprobe.Config{}, probe.Status},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, Config{Target: "dns://" + probetest.DNS(t, c.answer) + "/a.example", DNS: c.dns, Timeout: model.Duration(500 * time.Millisecond)}, Options{})
			if r.Reason != c.reason {
				t.Errorf("the reason is %q, want %q: %v", r.Reason, c.reason, r.Err)
			}
			page.wants(t, `probe_dns_answer_rrs`, 0)
		})
	}
}

func TestDNS_nobodyThere(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := conn.LocalAddr().String()
	_ = conn.Close()
	r, page := look(t, Config{Target: "dns://" + address + "/a.example"}, Options{})
	wantReason(t, r, page, probe.Refused, "processing")
}

func TestDNS_overTLS(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	answer := probetest.Zone(t, "ville.example. 300 IN A 192.0.2.1")
	cert := root.Leaf(t, probetest.Spec{})
	keys := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	r, page := look(t, Config{Target: "dns://" + probetest.DNSOverTLS(t, cert, answer) + "/ville.example", TLS: keys, DNS: dnsprobe.Config{Transport: "tls"}}, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, "probe_dns_answer_rrs", 1)
	page.wants(t, "probe_ssl_earliest_cert_expiry", float64(cert.Leaf.NotAfter.Unix()))
}
