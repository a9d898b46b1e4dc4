package probes

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
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
		{"no MX with an address", " IN A", nil, "mx,,unresolved", "mx1.asso.example, mx2.asso.example has no address"},
		{"a domain that does not exist", "", []string{"other.example. 60 IN A 192.0.2.1"}, "mx,,no_domain", "mail_dns: asso.example does not exist in the DNS"},
		{"no mail at all", " MX ", []string{"asso.example. 60 IN MX 0 ."}, "mx,,no_mail", "takes no mail"},
		{"no SPF", "include:_spf.relais", nil, "spf,,missing", "SPF"},
		{"two SPF records", "-", []string{`asso.example. 60 IN TXT "v=spf1 -all"`}, "spf,,several", "v=spf1 -all"},
		{"a slip in SPF", "include:_spf.relais", []string{`asso.example. 60 IN TXT "v=spf1 ipv4:192.0.2.1 -all"`}, "spf,,syntax", "ipv4"},
		{"everybody may send", "include:_spf.relais", []string{`asso.example. 60 IN TXT "v=spf1 mx +all"`}, "spf,,allows_all", "everybody"},
		{"an include that is gone", "_spf.relais.example. 60", nil, "spf,,unresolved", "_spf.relais.example, which has no SPF record"},
		{"an include with a slip", "_spf.relais.example. 60", []string{`_spf.relais.example. 60 IN TXT "v=spf1 foo"`}, "spf,,syntax", "_spf.relais.example, whose record"},
		{"a circle", "_spf.relais.example. 60", []string{`_spf.relais.example. 60 IN TXT "v=spf1 include:asso.example -all"`}, "spf,,too_many_lookups", "circle"},
		{"too many look-ups", "include:_spf.relais", append(includes, `asso.example. 60 IN TXT "`+chain+` -all"`), "spf,,too_many_lookups", "it takes 11"},
		{"look-ups that lead nowhere", "include:_spf.relais", []string{`asso.example. 60 IN TXT "v=spf1 a:x.example mx:y.example a:z.example -all"`}, "spf,,too_many_void_lookups", "3 of them; a:x.example, mx:y.example, a:z.example"},
		{"a name with a slip", "include:_spf.relais", []string{`asso.example. 60 IN TXT "v=spf1 a mx a:mail.asso.exmple -all"`}, "spf,,unresolved", "(a:mail.asso.exmple)"},
		{"two includes that are gone", "include:_spf.relais", []string{`asso.example. 60 IN TXT "v=spf1 include:x.example include:y.example -all"`}, "spf,,unresolved", "y.example, which has no SPF"},
		{"no key", "_domainkey", nil, "dkim,mail,missing", "DKIM mail"},
		{"a revoked key", "_domainkey", []string{`mail._domainkey.asso.example. 60 IN TXT "v=DKIM1; p="`}, "dkim,mail,revoked", "revoked"},
		{"a key that was cut", "_domainkey", []string{`mail._domainkey.asso.example. 60 IN TXT "v=DKIM1; p=MIGfMA0GCSqGSIb3"`}, "dkim,mail,syntax", "may be missing"},
		{"a short key", "_domainkey", []string{`mail._domainkey.asso.example. 60 IN TXT "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL2mB0nYxXe0rgWVvqSnYt4tPTHaWxDA1zA6T7OEbOQyXQmkzXJpRjfPFmqTd7aDLH3DHbNRhbKEuyrkNkFDO+8CAwEAAQ=="`}, "dkim,mail,weak_key", "512 bits"},
		{"no DMARC", "_dmarc", nil, "dmarc,,missing", "DMARC"},
		{"two policies", "-", []string{`_dmarc.asso.example. 60 IN TXT "v=DMARC1; p=none"`}, "dmarc,,several", "none of them"},
		{"a slip in DMARC", "_dmarc", []string{`_dmarc.asso.example. 60 IN TXT "v=DMARC1; p=rejet"`}, "dmarc,,syntax", `p=rejet is no policy; it must be "none", "quarantine" or "reject"`},
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

// TestMailDNS_partly has a server of two that has no address: senders take the
// other, so it is a fault, and no failure.
func TestMailDNS_partly(t *testing.T) {
	t.Parallel()
	zone := slices.DeleteFunc(goodMail(t), func(s string) bool { return strings.HasPrefix(s, "mx2.") })
	r, page := look(t, Config{Target: "maildns://asso.example", Timeout: patience(""), MailDNS: maildns.Config{Resolvers: []string{probetest.DNS(t, probetest.Zone(t, zone...))}}}, Options{})
	wantReason(t, r, page, "", "")
	page.wants(t, `probe_maildns_problem_info{problem="partly_unresolved",record="mx",selector=""}`, 1)
	page.wants(t, "probe_maildns_mx_hosts", 2)
	page.wants(t, `probe_maildns_mx_resolved{host="mx1.asso.example"}`, 1)
	page.wants(t, `probe_maildns_mx_resolved{host="mx2.asso.example"}`, 0)
	if len(r.Faults) != 1 || !strings.Contains(r.Faults[0], "mx2.asso.example has no address") {
		t.Errorf("its faults are %q", r.Faults)
	}
}

// TestMailDNS_all has several faults in each record: all are told.
func TestMailDNS_all(t *testing.T) {
	t.Parallel()
	zone := append(slices.DeleteFunc(goodMail(t), func(s string) bool {
		return strings.Contains(s, "_spf.relais") || strings.Contains(s, "_dmarc") || strings.Contains(s, "_domainkey")
	}),
		`asso.example. 60 IN TXT "v=spf1 ip4:192.0.2.300 foo a:mail.asso.exmple include:gone.example +all"`,
		`mail._domainkey.asso.example. 60 IN TXT "v=DKIM1; h=sha1; s=tlsrpt; p="`,
		`_dmarc.asso.example. 60 IN TXT "v=DMARC1; p=nnone; pct=200; rua=dmarc@asso.example"`,
	)
	r, page := look(t, Config{
		Target: "maildns://asso.example", Timeout: patience(""),
		MailDNS: maildns.Config{Resolvers: []string{probetest.DNS(t, probetest.Zone(t, zone...))}, Selectors: []string{"mail"}},
	}, Options{})
	wantReason(t, r, page, probe.MailDNS, "processing")
	said := "" // in full: the error is cut where it is long
	for _, s := range r.Steps {
		said += s.Text + "\n"
	}
	for _, want := range []string{
		"192.0.2.300", `"foo": there is no such mechanism`, "gone.example, which has no SPF record", "a:mail.asso.exmple", "everybody",
		"h=sha1", "s=tlsrpt", "revoked", "p=nnone", "pct=200", "dmarc@asso.example",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %s:\n%s", want, said)
		}
	}
	if strings.Contains(said, "sp=nnone") {
		t.Errorf("it names a tag that is not written:\n%s", said)
	}
	for _, p := range [][2]string{{"spf", "syntax"}, {"spf", "unresolved"}, {"spf", "allows_all"}} {
		page.wants(t, fmt.Sprintf(`probe_maildns_problem_info{problem=%q,record=%q,selector=""}`, p[1], p[0]), 1)
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
// the records are there, so none is missing. Where they themselves are at fault,
// and not the domain's, nothing was measured: the reason is empty.
func TestMailDNS_noAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer dns.HandlerFunc
		reason probe.Reason
	}{
		{"silence", func(dns.ResponseWriter, *dns.Msg) {}, ""},
		{"silence to this question only", func(w dns.ResponseWriter, q *dns.Msg) {
			if q.Question[0].Name == "." {
				_ = w.WriteMsg((&dns.Msg{}).SetRcode(q, dns.RcodeRefused))
			}
		}, probe.Timeout},
		{"a refusal", func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg((&dns.Msg{}).SetRcode(q, dns.RcodeRefused))
		}, ""},
		{"an error", func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg((&dns.Msg{}).SetRcode(q, dns.RcodeServerFailure))
		}, probe.DNS},
		{"cut for ever", func(w dns.ResponseWriter, q *dns.Msg) {
			m := (&dns.Msg{}).SetReply(q)
			m.Truncated = true
			_ = w.WriteMsg(m)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{
				Target: "maildns://asso.example", Timeout: patience(""),
				MailDNS: maildns.Config{Resolvers: []string{probetest.DNS(t, c.answer)}},
			}
			if c.reason == "" {
				lookInVain(t, cfg)
				return
			}
			r, page := look(t, cfg, Options{})
			wantReason(t, r, page, c.reason, "processing")
			page.lacks(t, "probe_maildns_record_present")
			page.lacks(t, "probe_maildns_problem_info")
		})
	}
}
