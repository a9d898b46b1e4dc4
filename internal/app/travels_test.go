package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/config"
	"tocsin/internal/testenv"
	"tocsin/probes/probetest"
)

// behind is an instance that sees other targets than it is asked for: those in
// places, as from another network.
func behind(t *testing.T, in *instance, places map[string]string) (address string) {
	t.Helper()
	to, err := url.Parse(in.url(""))
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		q := r.In.URL.Query()
		if there, ok := places[q.Get("target")]; ok {
			q.Set("target", there)
			r.Out.URL.RawQuery = q.Encode()
		}
	}})
	t.Cleanup(front.Close)
	return strings.TrimPrefix(front.URL, "http://")
}

// TestPlaces_otherProtocols has a hub and another instance, real ones, look at
// real servers of several protocols. From the other one a database's port is
// open that must not be, and a web server shows another certificate.
func TestPlaces_otherProtocols(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, probetest.Spec{Name: "Authority"})
	leaf := authority.Leaf(t, probetest.Spec{Name: "mail.ville.example"})
	cert, key := probetest.WritePair(t, leaf)
	mail := testenv.MailServers(t, cert, key)
	directory := testenv.Slapd(t, "", "", nil)
	names, database, shut := testenv.Port(t), testenv.Port(t), testenv.Port(t)
	testenv.Named(t, names, testenv.Zone{Name: "ville.example", Text: "$TTL 60\n@ SOA ns a 1 60 60 60 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"})
	testenv.Redis(t, database)
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "bienvenue") })
	renewed, old := probetest.HTTPS(t, authority.Leaf(t, probetest.Spec{Name: "new"}), hello), probetest.HTTPS(t, authority.Leaf(t, probetest.Spec{Name: "old"}), hello)
	closedAt, openAt := fmt.Sprintf("tcp://127.0.0.1:%d", shut), fmt.Sprintf("tcp://127.0.0.1:%d", database)

	lyon := newInstance(t, "lyon", "engine: off\nprobe_allow: [127.0.0.1]\n")
	lyon.start()
	address := behind(t, lyon, map[string]string{closedAt: openAt, renewed.URL: old.URL})
	hub := newInstance(t, "hub", "")
	site, err := config.LoadWith(hub.config, config.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	hub.write(fmt.Sprintf(`
language: en
hosts: [{name: lyon, address: %[1]q}]
probes:
  - {target: %[3]q, name: port, expect: closed, from: [%[2]s, lyon], interval: 2s, timeout: 1500ms}
  - {target: %[4]q, name: www, insecure_skip_verify: true, from: [%[2]s, lyon], interval: 2s, timeout: 1500ms}
  - {target: "dns://127.0.0.1:%[5]d/www.ville.example", name: dns, from: [lyon], interval: 2s, timeout: 1500ms}
  - {target: "smtp://127.0.0.1:%[6]d", name: smtp, starttls: true, insecure_skip_verify: true, smtp: {mail: {from: "<>", to: %[7]s}, relay_to: nobody@example.net}, from: [lyon], interval: 5s}
  - {target: "ldap://127.0.0.1:%[8]d", name: ldap, ldap: {base: "dc=ville,dc=example", filter: (uid=moni)}, from: [lyon], interval: 5s}
`, address, site.HostName(), closedAt, renewed.URL, names, mail.SMTP, testenv.MailUser, directory.Port))
	hub.start()

	here, there := site.HostName(), "lyon"
	wants := map[string]string{
		fmt.Sprintf(`probe_success{instance=%q,from=%q}`, closedAt, here):                      "1",
		fmt.Sprintf(`probe_success{instance=%q,from=%q}`, closedAt, there):                     "0",
		fmt.Sprintf(`probe_port_addresses{instance=%q,from=%q,state="open"}`, closedAt, there): "1",
		fmt.Sprintf(`probe_failure_info{instance=%q,reason="port_open"}`, closedAt):            "1",
		fmt.Sprintf(`count(probe_success{instance=%q} == 1)`, renewed.URL):                     "2",
		`count(ALERTS{alertname="PortOpenThatMustNotBe"})`:                                     "1",
		`probe_success{instance=~"dns://.*",from="lyon"}`:                                      "1",
		`probe_dns_answer_rrs{from="lyon"}`:                                                    "1",
		`probe_success{instance=~"smtp://.*",from="lyon"}`:                                     "1",
		`count(probe_ssl_last_chain_info{instance=~"smtp://.*",from="lyon"})`:                  "1",
		`probe_success{instance=~"ldap://.*",from="lyon"}`:                                     "1",
		`probe_ldap_search_entries{from="lyon"}`:                                               "1",
	}
	for query, want := range wants {
		eventually(t, 60*time.Second, query+" is "+want, func() string { return newest(hub, query) }, func() bool { return newest(hub, query) == want })
	}
	for page, texts := range map[string][]string{
		"port": {"Open from 1 of 2 places", "From lyon", "closed, as it must be", "its port answers, and must not", "is open: a connection was made"},
		"www": {
			"127.0.0.1 does not show every place the same certificate", "Shown to <bdi>" + here + "</bdi>", "Shown to <bdi>lyon</bdi>",
			"CN=new", "CN=old", "<h4><bdi>127.0.0.1</bdi></h4>",
		},
		"smtp": {"CN=mail.ville.example"},
		"ldap": {"<strong>up</strong>"},
	} {
		if got := hub.get("/probes/" + page); !contains(got, texts...) {
			t.Errorf("the page of %s does not say all of %q:\n%s", page, texts, got)
		}
	}
	list := hub.get("/")
	if !contains(list, closedAt+" answers from where it must not", "It is open from lyon. What listens there") {
		t.Errorf("the alert does not say from where the port is open:\n%s", list)
	}
	if !contains(list, renewed.URL+"</", renewed.URL+" (seen from lyon)") {
		t.Errorf("the status page does not tell the certificates apart:\n%s", list)
	}
}
