package probes

import (
	"fmt"
	"testing"

	"tocsin/internal/testenv"
	"tocsin/probes/maildns"
	"tocsin/probes/probe"
)

// TestMailDNS_bind asks a real name server, whose answer about the key comes by
// way of an alias, as mail services have it.
func TestMailDNS_bind(t *testing.T) {
	port := testenv.Port(t)
	server := testenv.Named(t, port, testenv.Zone{Name: "asso.example", Text: `$TTL 60
@ IN SOA ns root 1 60 60 60 60
@ IN NS ns
ns IN A 127.0.0.1
@ IN MX 10 mail
mail IN A 127.0.0.1
@ IN TXT "v=spf1 mx include:_spf.asso.example -all"
_spf IN TXT "v=spf1 ip4:192.0.2.0/24 -all"
mail2026._domainkey IN CNAME key.relais
key.relais IN TXT "v=DKIM1; p="
_dmarc IN TXT "v=DMARC1; p=none"
`})
	r, page := look(t, Config{
		Target: "maildns://asso.example", Timeout: patience(""),
		MailDNS: maildns.Config{Resolvers: []string{fmt.Sprintf("127.0.0.1:%d", port)}, Selectors: []string{"mail2026"}},
	}, Options{})
	wantReason(t, r, page, probe.MailDNS, "processing")
	page.wants(t, `probe_maildns_problem_info{problem="revoked",record="dkim",selector="mail2026"}`, 1)
	page.wants(t, "probe_maildns_spf_lookups", 2)
	page.wants(t, `probe_maildns_dmarc_policy_info{policy="none",subdomain_policy="none"}`, 1)

	resolvers := []string{fmt.Sprintf("127.0.0.1:%d", port)}
	r, page = look(t, Config{Target: "maildns://nexiste.asso.example", Timeout: patience(""), MailDNS: maildns.Config{Resolvers: resolvers}}, Options{})
	wantReason(t, r, page, probe.MailDNS, "processing")
	if want := "mail_dns: nexiste.asso.example does not exist in the DNS"; r.Explain() != want {
		t.Errorf("it says %q, not %q", r.Explain(), want)
	}
	// This server knows its own zone only, and refuses to look for others.
	lookInVain(t, Config{Target: "maildns://autre.example", Timeout: patience(""), MailDNS: maildns.Config{Resolvers: resolvers}})
	server.Stop()
	lookInVain(t, Config{Target: "maildns://asso.example", Timeout: patience(""), MailDNS: maildns.Config{Resolvers: resolvers}})
}
