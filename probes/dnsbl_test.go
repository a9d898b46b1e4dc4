package probes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/dnsblprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// TestDNSBL_rbldnsd asks a real list.
func TestDNSBL_rbldnsd(t *testing.T) {
	port := testenv.Port(t)
	testenv.Rbldnsd(t, port, "bl.example",
		":127.0.0.2:Listed, see https://bl.example/?ip=$\n127.0.0.2\n203.0.113.7\n203.0.113.8 :4:Policy block\n",
		":127.0.0.3:Listed $\n0:0:0:0:0:ffff:7f00:2\n2001:db8:bad::/48\n")
	for _, c := range []struct {
		host   string
		reason probe.Reason
		says   string
		series string
		value  float64
	}{
		{"203.0.113.7", probe.Listed, "bl.example lists 203.0.113.7 (127.0.0.2): Listed, see https://bl.example/?ip=203.0.113.7", `probe_dnsbl_listed{address="203.0.113.7",list="bl.example"}`, 1},
		{"203.0.113.8", probe.Listed, "(127.0.0.4): Policy block", `probe_dnsbl_code_info{address="203.0.113.8",code="127.0.0.4",list="bl.example"}`, 1},
		{"203.0.113.9", "", "", `probe_dnsbl_listed{address="203.0.113.9",list="bl.example"}`, 0},
		{"[2001:db8:bad::25]", probe.Listed, "bl.example lists 2001:db8:bad::25 (127.0.0.3)", `probe_dnsbl_listed{address="2001:db8:bad::25",list="bl.example"}`, 1},
		{"[2001:db8:900d::25]", "", "", `probe_dnsbl_listed{address="2001:db8:900d::25",list="bl.example"}`, 0},
	} {
		r, page := look(t, Config{
			Target: "dnsbl://" + c.host,
			DNSBL:  dnsblprobe.Config{Blocklists: []string{"BL.example."}, Resolvers: []string{fmt.Sprintf("127.0.0.1:%d", port)}},
		}, Options{})
		phase := ""
		if c.reason != "" {
			phase = "processing"
		}
		wantReason(t, r, page, c.reason, phase)
		if !strings.Contains(r.Explain(), c.says) {
			t.Errorf("%s: it says %q, not %q", c.host, r.Explain(), c.says)
		}
		page.wants(t, c.series, c.value)
	}
}

// lists answers for several lists as those do that refuse, or have died, and
// for the host that is looked at.
func lists(t *testing.T) string {
	usual := probetest.Zone(t,
		"mail.asso.example. 60 IN A 203.0.113.7", "mail.asso.example. 60 IN A 203.0.113.9", "mail.asso.example. 60 IN AAAA 2001:db8::25",
		// A good one, without IPv6.
		"2.0.0.127.good.example. 60 IN A 127.0.0.2", "7.113.0.203.good.example. 60 IN A 127.0.0.2", "7.113.0.203.good.example. 60 IN A 127.0.0.10",
		"7.113.0.203.good.example. 60 IN TXT \"why\"",
		// One that lists nobody.
		"2.0.0.127.kind.example. 60 IN A 127.0.0.2",
		// Spamhaus to a public resolver, and to one that asks too often.
		"2.0.0.127.public.example. 60 IN A 127.255.255.254", "7.113.0.203.public.example. 60 IN A 127.255.255.254",
		"2.0.0.127.often.example. 60 IN A 127.255.255.255", "7.113.0.203.often.example. 60 IN A 127.255.255.255",
		"2.0.0.127.typo.example. 60 IN A 127.255.255.252",
		// An error of a kind that is not known yet.
		"2.0.0.127.new.example. 60 IN A 127.255.255.250", "7.113.0.203.new.example. 60 IN A 127.255.255.250",
		// URIBL to those.
		"2.0.0.127.black.example. 60 IN A 127.0.0.1", "7.113.0.203.black.example. 60 IN A 127.0.0.1",
		// Its domain was sold.
		"2.0.0.127.sold.example. 60 IN A 192.0.2.1", "7.113.0.203.sold.example. 60 IN A 192.0.2.1",
		// It refuses only now and then.
		"2.0.0.127.late.example. 60 IN A 127.0.0.2", "7.113.0.203.late.example. 60 IN A 127.255.255.255",
	)
	return probetest.DNS(t, func(w dns.ResponseWriter, q *dns.Msg) {
		name := q.Question[0].Name
		switch {
		case strings.HasSuffix(name, ".world.example.") && q.Question[0].Qtype == dns.TypeA: // it lists the world
			m := (&dns.Msg{}).SetReply(q)
			rr, err := dns.NewRR(name + " 60 IN A 127.0.0.2")
			if err == nil {
				m.Answer = append(m.Answer, rr)
			}
			_ = w.WriteMsg(m)
		case strings.HasSuffix(name, ".failing.example."):
			_ = w.WriteMsg((&dns.Msg{}).SetRcode(q, dns.RcodeServerFailure))
		case strings.HasSuffix(name, ".silent.example."):
		default:
			usual(w, q)
		}
	})
}

// A list that refuses or has died is not measured; it never lists.
func TestDNSBL_notMeasured(t *testing.T) {
	server := lists(t)
	for list, says := range map[string]string{
		"public.example":  "refuses public resolvers",
		"often.example":   "asked less often",
		"typo.example":    "not written right",
		"new.example":     "the error 127.255.255.250",
		"black.example":   "refuses this resolver",
		"sold.example":    "none any more",
		"late.example":    "asked less often",
		"world.example":   "has every address",
		"dead.example":    "does not even have its test entry",
		"failing.example": "SERVFAIL",
		"silent.example":  "no answer",
	} {
		t.Run(list, func(t *testing.T) {
			t.Parallel()
			c := Config{Target: "dnsbl://203.0.113.7", Timeout: model.Duration(20 * time.Second), DNSBL: dnsblprobe.Config{Blocklists: []string{list}, Resolvers: []string{server}}}
			p, err := NewProber(c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r := p.Probe(t.Context()); r.Unmeasured == nil || !strings.Contains(r.Unmeasured.Error(), says) {
				t.Errorf("it says %q, not %q", r.Explain(), says)
			}
			// Beside a list that can be asked it is told, and counts for nothing.
			c.DNSBL.Blocklists = append(c.DNSBL.Blocklists, "kind.example")
			r, page := look(t, c, Options{})
			wantReason(t, r, page, "", "")
			page.wants(t, fmt.Sprintf(`probe_dnsbl_measured{address="203.0.113.7",list=%q}`, list), 0)
			page.wants(t, `probe_dnsbl_measured{address="203.0.113.7",list="kind.example"}`, 1)
			for series := range page {
				if strings.HasPrefix(series, "probe_dnsbl_listed") && strings.Contains(series, list) {
					t.Errorf("%s", series)
				}
			}
			if len(r.Faults) != 1 || !strings.Contains(r.Faults[0], says) {
				t.Errorf("faults: %q", r.Faults)
			}
		})
	}
}

func TestDNSBL_host(t *testing.T) {
	server := lists(t)
	c := Config{Target: "dnsbl://mail.asso.example", DNSBL: dnsblprobe.Config{Blocklists: []string{"good.example"}, Resolvers: []string{server}}}
	r, page := look(t, c, Options{})
	wantReason(t, r, page, probe.Listed, "processing")
	if want := "good.example lists 203.0.113.7 (127.0.0.10, 127.0.0.2): why"; !strings.Contains(r.Explain(), want) {
		t.Errorf("it says %q, not %q", r.Explain(), want)
	}
	page.wants(t, `probe_dnsbl_listed{address="203.0.113.7",list="good.example"}`, 1)
	page.wants(t, `probe_dnsbl_listed{address="203.0.113.9",list="good.example"}`, 0)
	// It has no IPv6 addresses at all, which is neither good news nor a fault.
	for series := range page {
		if strings.Contains(series, "2001:db8::25") {
			t.Errorf("%s", series)
		}
	}
	c.Target = "dnsbl://nobody.asso.example"
	r, page = look(t, c, Options{})
	wantReason(t, r, page, probe.DNS, "resolve")
}
