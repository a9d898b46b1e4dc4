package probes

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"tocsin/probes/maildns"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// goodMail is the zone of a domain whose mail is in order.
func goodMail(t testing.TB) []string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	p := base64.StdEncoding.EncodeToString(public)
	return []string{
		"asso.example. 60 IN MX 20 mx2.asso.example.", "asso.example. 60 IN MX 10 mx1.asso.example.",
		"mx1.asso.example. 60 IN A 192.0.2.1", "mx2.asso.example. 60 IN AAAA 2001:db8::2",
		`asso.example. 60 IN TXT "google-site-verification=x"`,
		`asso.example. 60 IN TXT "v=spf1 mx include:_spf.relais.example " "~all"`,
		`_spf.relais.example. 60 IN TXT "v=spf1 ip4:192.0.2.0/24 a:mx1.asso.example -all"`,
		fmt.Sprintf(`mail._domainkey.asso.example. 60 IN TXT "v=DKIM1; k=rsa; p=%s" "%s"`, p[:200], p[200:]),
		`_dmarc.asso.example. 60 IN TXT "v=DMARC1; p=quarantine; sp=reject; rua=mailto:dmarc@asso.example"`,
	}
}

func TestMailDNS_good(t *testing.T) {
	zone := append(goodMail(t), `_mta-sts.asso.example. 60 IN TXT "v=STSv1; id=20261127"`, `_smtp._tls.asso.example. 60 IN TXT "v=TLSRPTv1; rua=mailto:tls@asso.example"`)
	r, page := look(t, Config{
		Target: "maildns://asso.example", Timeout: patience(""),
		MailDNS: maildns.Config{Resolvers: []string{probetest.DNS(t, probetest.Zone(t, zone...))}, Selectors: []string{"mail"}, Require: []string{"mx", "spf", "dmarc", "mta_sts", "tls_rpt"}},
	}, Options{})
	wantReason(t, r, page, "", "")
	for _, record := range []string{"mx", "spf", "dmarc", "mta_sts", "tls_rpt"} {
		page.wants(t, fmt.Sprintf(`probe_maildns_record_present{record=%q,selector=""}`, record), 1)
	}
	page.wants(t, `probe_maildns_record_present{record="dkim",selector="mail"}`, 1)
	page.lacks(t, "probe_maildns_problem_info")
	page.wants(t, "probe_maildns_mx_hosts", 2)
	page.wants(t, "probe_maildns_spf_lookups", 3)
	page.wants(t, `probe_maildns_spf_all_info{result="softfail"}`, 1)
	page.wants(t, `probe_maildns_dkim_key_size{algorithm="rsa",selector="mail"}`, 2048)
	page.wants(t, `probe_maildns_dkim_testing{selector="mail"}`, 0)
	page.wants(t, `probe_maildns_dmarc_policy_info{policy="quarantine",subdomain_policy="reject"}`, 1)
	page.wants(t, "probe_maildns_dmarc_percent", 100)
	page.wants(t, "probe_maildns_dmarc_reports", 1)
}

// TestMailDNS_resolversAreNotTheTargets asks those of the site's own choice,
// though nobody else may have them asked.
func TestMailDNS_resolversAreNotTheTargets(t *testing.T) {
	r, _ := look(t, Config{
		Target: "maildns://asso.example", Timeout: patience(""), MailDNS: maildns.Config{Resolvers: []string{probetest.DNS(t, probetest.Zone(t, goodMail(t)...))}},
	}, Options{AllowAddress: func(netip.Addr) error { return errors.New("is inside") }})
	if !r.Success {
		t.Errorf("it could not be looked at: %s", r.Explain())
	}
}

// TestMailDNS_wrong changes one thing at a time.
func TestMailDNS_wrong(t *testing.T) {
	t.Parallel()
	good := goodMail(t)
	includes := []string{}
	for i := range 12 {
		includes = append(includes, fmt.Sprintf(`_spf%d.asso.example. 60 IN TXT "v=spf1 ip4:192.0.2.%d -all"`, i, i))
	}
	chain := "v=spf1"
	for i := range 11 {
		chain += fmt.Sprintf(" include:_spf%d.asso.example", i)
	}
	for _, c := range []struct {
		name    string
		without string // records that contain this are taken out
		with    []string
		problem string // record, selector, problem
		says    string
	}{
		{"no MX", " MX ", nil, "mx,,missing", "MX: there is no record"},
		{"an MX without an address", "mx2.asso.example. 60 IN AAAA", nil, "mx,,unresolved", "mx2.asso.example has no address"},
		{"no mail at all", " MX ", []string{"asso.example. 60 IN MX 0 ."}, "mx,,no_mail", "takes no mail"},
		{"no SPF", "include:_spf.relais", nil, "spf,,missing", "SPF"},
		{"two SPF records", "-", []string{`asso.example. 60 IN TXT "v=spf1 -all"`}, "spf,,several", "v=spf1 -all"},
		{"a slip in SPF", "include:_spf.relais", []string{`asso.example. 60 IN TXT "v=spf1 ipv4:192.0.2.1 -all"`}, "spf,,syntax", "ipv4"},
		{"everybody may send", "include:_spf.relais", []string{`asso.example. 60 IN TXT "v=spf1 mx +all"`}, "spf,,allows_all", "everybody"},
		{"an include that is gone", "_spf.relais.example. 60", nil, "spf,,unresolved", "_spf.relais.example, which has no SPF record"},
		{"an include with a slip", "_spf.relais.example. 60", []string{`_spf.relais.example. 60 IN TXT "v=spf1 foo"`}, "spf,,syntax", "_spf.relais.example, whose record"},
		{"a circle", "_spf.relais.example. 60", []string{`_spf.relais.example. 60 IN TXT "v=spf1 include:asso.example -all"`}, "spf,,too_many_lookups", "circle"},
		{"too many look-ups", "include:_spf.relais", append(includes, `asso.example. 60 IN TXT "`+chain+` -all"`), "spf,,too_many_lookups", "it takes 11"},
		{"look-ups that lead nowhere", "include:_spf.relais", []string{`asso.example. 60 IN TXT "v=spf1 a:x.example mx:y.example a:z.example -all"`}, "spf,,too_many_void_lookups", "3 of them"},
		{"no key", "_domainkey", nil, "dkim,mail,missing", "DKIM mail"},
		{"a revoked key", "_domainkey", []string{`mail._domainkey.asso.example. 60 IN TXT "v=DKIM1; p="`}, "dkim,mail,revoked", "revoked"},
		{"a key that was cut", "_domainkey", []string{`mail._domainkey.asso.example. 60 IN TXT "v=DKIM1; p=MIGfMA0GCSqGSIb3"`}, "dkim,mail,syntax", "may be missing"},
		{"a short key", "_domainkey", []string{`mail._domainkey.asso.example. 60 IN TXT "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL2mB0nYxXe0rgWVvqSnYt4tPTHaWxDA1zA6T7OEbOQyXQmkzXJpRjfPFmqTd7aDLH3DHbNRhbKEuyrkNkFDO+8CAwEAAQ=="`}, "dkim,mail,weak_key", "512 bits"},
		{"no DMARC", "_dmarc", nil, "dmarc,,missing", "DMARC"},
		{"two policies", "-", []string{`_dmarc.asso.example. 60 IN TXT "v=DMARC1; p=none"`}, "dmarc,,several", "none of them"},
		{"a slip in DMARC", "_dmarc", []string{`_dmarc.asso.example. 60 IN TXT "v=DMARC1; p=rejet"`}, "dmarc,,syntax", "rejet"},
		{"an MTA-STS that cannot be read", "-", []string{`_mta-sts.asso.example. 60 IN TXT "v=STSv1; id=2026-11-27"`}, "mta_sts,,syntax", "MTA-STS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var zone []string
			for _, record := range good {
				if c.without == "-" || !strings.Contains(record, c.without) {
					zone = append(zone, record)
				}
			}
			r, page := look(t, Config{
				Target: "maildns://asso.example", Timeout: patience(""),
				MailDNS: maildns.Config{Resolvers: []string{probetest.DNS(t, probetest.Zone(t, append(zone, c.with...)...))}, Selectors: []string{"mail"}},
			}, Options{})
			wantReason(t, r, page, probe.MailDNS, "processing")
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			part := strings.Split(c.problem, ",")
			page.wants(t, fmt.Sprintf("probe_maildns_problem_info{problem=%q,record=%q,selector=%q}", part[2], part[0], part[1]), 1)
			n := 0
			for series := range page {
				if strings.HasPrefix(series, "probe_maildns_problem_info{") {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d problems: %v", n, page.sorted())
			}
		})
	}
}

// TestMailDNS_inherited has a subdomain that leaves its policy to the domain.
func TestMailDNS_inherited(t *testing.T) {
	zone := []string{
		"lettre.asso.example. 60 IN MX 10 mx.asso.example.", "mx.asso.example. 60 IN A 192.0.2.1", `lettre.asso.example. 60 IN TXT "v=spf1 mx -all"`,
		`_dmarc.asso.example. 60 IN TXT "v=DMARC1; p=none; sp=reject"`,
	}
	r, page := look(t, Config{Target: "maildns://lettre.asso.example", Timeout: patience(""), MailDNS: maildns.Config{Resolvers: []string{probetest.DNS(t, probetest.Zone(t, zone...))}}}, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, `probe_maildns_dmarc_policy_info{policy="reject",subdomain_policy="reject"}`, 1)
	page.wants(t, `probe_maildns_record_present{record="mta_sts",selector=""}`, 0)
}

// TestMailDNS_noAnswer has name servers that say nothing: nobody knows whether
// the records are there, so none is missing.
func TestMailDNS_noAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer dns.HandlerFunc
		reason probe.Reason
	}{
		{"silence", func(dns.ResponseWriter, *dns.Msg) {}, probe.Timeout},
		{"an error", func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg((&dns.Msg{}).SetRcode(q, dns.RcodeServerFailure))
		}, probe.DNS},
		{"cut for ever", func(w dns.ResponseWriter, q *dns.Msg) {
			m := (&dns.Msg{}).SetReply(q)
			m.Truncated = true
			_ = w.WriteMsg(m)
		}, probe.Truncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, Config{
				Target: "maildns://asso.example", Timeout: patience(probe.Timeout),
				MailDNS: maildns.Config{Resolvers: []string{probetest.DNS(t, c.answer)}},
			}, Options{})
			wantReason(t, r, page, c.reason, "processing")
			page.lacks(t, "probe_maildns_record_present")
			page.lacks(t, "probe_maildns_problem_info")
		})
	}
}
