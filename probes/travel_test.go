package probes

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/secret"
	"tocsin/probes/protocol"
)

func TestTravelling_arrivesAsItWas(t *testing.T) {
	entries, wrong := read(t, `
- target: https://portail.ville.example/sante?detail=1
  name: portail
  from: [par1, lyon]
  on: app1
  job: sonde
  labels: {level: sensible}
  interval: 1m
  timeout: 50s
  method: HEAD
  status: [200, "3xx"]
  answer_headers: [{name: A, matches: b}]
  follow_redirects: off
  server_name: www.ville.example
  insecure_skip_verify: true
  ip_version: 6
- {target: https://a.example, body: {contains: bonjour, json: 'body.a == "b"'}, http2: false}
- {target: "tcp://mail.ville.example:25", tcp: {query_response: [{expect: "^220 "}]}}
- {target: "tcp://mail.ville.example:25", name: b, instance: b, tcp: {starttls: smtp}}
- {target: dns://9.9.9.9/ville.example, dns: {type: MX, valid_rcodes: [NXDOMAIN], validate_answer_rrs: {fail_if_matches_regexp: [x]}}}
- {target: icmp://gw.ville.example, icmp: {ttl: 3}}
- {target: grpcs://api.ville.example, grpc: {service: a.B}}
- {target: "tcp://db1.ville.example:5432", expect: closed}
- {target: smtp://mail.ville.example, starttls: true, smtp: {hello: a.example, mail: {from: <>, to: a@ville.example}, relay_to: b@example.net, greylisting: accepted, plaintext_auth: refused}}
- {target: smtps://mail.ville.example}
- {target: maildns://ville.example, maildns: {selectors: [mail2026], require: [mx, spf]}}
- {target: zone://ville.example}
- {target: dnsbl://mail.ville.example, dnsbl: {blocklists: [bl.example.net]}}
- {target: domain://ville.example}
- {target: ntp://ntp.ville.example, ntp: {version: 3}}
- {target: ldap://annuaire.ville.example, starttls: true, ldap: {base: "dc=ville,dc=example", filter: (uid=moni), entries: 2, plaintext_bind: refused}}
- {target: ldaps://annuaire.ville.example, ldap: {base: "dc=ville,dc=example", scope: one}}
- {target: ssh://db1.ville.example, ssh: {fingerprints: ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]}}
- {target: wss://chat.ville.example/ws, websocket: {subprotocol: a, origin: https://chat.ville.example, expect: hello}}
- {target: ws://chat.ville.example/ws}
- {target: sip://pabx.ville.example, sip: {transport: tcp, user: "100", status: [200, 404]}}
- {target: sips://pabx.ville.example}
- {target: mumble://voix.ville.example}
- {target: https://connexion.ville.example, oidc: {issuer: https://connexion.ville.example/}}
- {target: https://connexion.ville.example/metadata, saml_metadata: {entity_id: a}}
- target: https://demarches.ville.example
  journey:
  - {step: home, url: /, method: HEAD}
  - {step: login, url: "/login/?next=a", ends_at: https://connexion.ville.example/, fields: [username], extract: {way: {matches: "href=(.*)"}, id: {field: id}}}
  - {step: whole, url: "https://DEMARCHES.ville.example:8443/x?id=${id}", status: [200, "3xx"], follow_redirects: off}
  - {step: there, url: "${way}"}
`)
	if wrong != nil {
		t.Fatal(wrong)
	}
	for _, c := range entries {
		text, err := c.Travelling()
		if err != nil {
			t.Errorf("%s: %v", c.Target, err)
			continue
		}
		got, err := Travelled(c.Target, text)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.Target, err, text)
			continue
		}
		want := c // but for what whoever asks keeps
		want.Name, want.From, want.On, want.InstanceLabel, want.Labels = "", nil, "", "", nil
		want.Job, want.Interval, want.RetryInterval = "probe", got.Interval, got.RetryInterval
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(secret.Text{})); diff != "" {
			t.Errorf("%s (-told +arrived)\n%s", c.Target, diff)
		}
	}
}

func TestTravelling_secretsFilesAndDeedsStay(t *testing.T) {
	for entry, want := range map[string]string{
		`{target: https://a.example, username: a, password: mark3r}`:                                             "username and password",
		`{target: https://a.example, username: a, password_file: /etc/mark3r}`:                                   "username and password_file",
		`{target: https://a.example, bearer_token: mark3r}`:                                                      "bearer_token",
		`{target: https://a.example, headers: {A: mark3r}}`:                                                      "headers",
		`{target: https://a.example, headers_file: {A: /etc/mark3r}}`:                                            "headers_file",
		`{target: https://a.example, method: POST, request_body: mark3r}`:                                        "method and request_body",
		`{target: https://a.example, proxy_url: "http://mark3r:3128"}`:                                           "proxy_url",
		`{target: https://a.example, ca_file: /etc/mark3r}`:                                                      "ca_file",
		`{target: https://a.example, cert_file: /etc/mark3r, key_file: /etc/mark3r}`:                             "cert_file and key_file",
		`{target: "tcp://a.example:25", tcp: {query_response: [{send: mark3r}]}}`:                                "tcp.query_response",
		`{target: "grpc://a.example:1", grpc: {metadata: {a: [mark3r]}}}`:                                        "grpc.metadata",
		`{target: "unix:///run/mark3r.sock"}`:                                                                    "unix:// stays on this machine: a socket is a file of one machine",
		`{target: mailtrip://mail.a.example, username: a@a.example, password: mark3r}`:                           "mailtrip:// stays on this machine: it logs in, and sends a mail",
		`{target: smtp://a.example, starttls: true, username: a, password: mark3r}`:                              "username and password",
		`{target: ldaps://a.example, username: cn=a, password_file: /etc/mark3r}`:                                "username and password_file",
		`{target: ldaps://a.example, cert_file: /etc/mark3r, key_file: /etc/mark3r}`:                             "cert_file and key_file",
		`{target: wss://a.example, websocket: {send: mark3r}}`:                                                   "websocket.send",
		`{target: wss://a.example, username: a, password: mark3r}`:                                               "username and password",
		`{target: zone://a.example, zone: {resolvers: [192.0.2.1]}}`:                                             "zone.resolvers",
		`{target: maildns://a.example, maildns: {resolvers: [192.0.2.1]}}`:                                       "maildns.resolvers",
		`{target: dnsbl://a.example, dnsbl: {blocklists: [b.example], resolvers: [192.0.2.1]}}`:                  "dnsbl.resolvers",
		`{target: domain://a.example, domain: {server: "https://mark3r.example"}}`:                               "domain.server",
		`{target: domain://a.example, domain: {bootstrap: "https://mark3r.example"}}`:                            "domain.bootstrap",
		`{target: https://a.example, journey: [{step: a, url: /, form: {a: mark3r}}]}`:                           "journey",
		`{target: https://a.example, journey: [{step: a, url: /, form_file: {a: /etc/mark3r}}]}`:                 "journey",
		`{target: https://a.example, journey: [{step: a, url: /, headers: {a: mark3r}}]}`:                        "journey",
		`{target: https://a.example, journey: [{step: a, url: /, headers_file: {a: /etc/mark3r}}]}`:              "journey",
		`{target: https://a.example, journey: [{step: a, url: /, request_body: mark3r}]}`:                        "journey",
		`{target: https://a.example, journey: [{step: a, url: /}, {step: b, url: /, method: DELETE}]}`:           "journey",
		`{target: https://a.example, journey: [{step: a, url: "https://mark3r.example/"}]}`:                      "journey",
		`{target: https://a.example, journey: [{step: a, url: /}], bearer_token: mark3r}`:                        "bearer_token",
		`{target: https://a.example, oidc: {}, headers: {A: mark3r}}`:                                            "headers",
		`{target: https://a.example, body: {contains: "` + strings.Repeat("a", 7000) + `"}}`:                     "another instance can be told at most 6144 bytes, and the entry has 7098",
		`{target: icmp://a.example, icmp: {payload_size: 60000}}`:                                                "icmp.payload_size",
		`{target: https://a.example, username: a, password: mark3r, method: POST, insecure_skip_verify: true}`:   "username, password and method",
		`{target: "tls://a.example:636", cert_file: /etc/mark3r, key_file: /etc/mark3r, tls_min_version: "1.3"}`: "cert_file and key_file",
	} {
		entries, wrong := read(t, "- "+entry)
		if wrong != nil {
			t.Fatal(entry, wrong)
		}
		text, err := entries[0].Travelling()
		if !strings.Contains(want, "instance") && !strings.Contains(want, "://") {
			want = "another instance cannot be told " + want + ": secrets, logins, names of files, whom else to ask, and what does more than look stay on this machine"
		}
		if err == nil || err.Error() != want || strings.Contains(text, "mark3r") {
			t.Errorf("%.120s: got %v, want %s; told %s", entry, err, want, text)
		}
	}
}

func TestTravelled_takesNothingElse(t *testing.T) {
	for _, c := range []struct{ target, entry, want string }{
		{"https://a.example", "method: POST", "method cannot be taken from another instance"},
		{"https://a.example", "password_file: /etc/shadow\nusername: a", "username and password_file cannot be taken from another instance"},
		{"https://a.example", "headers_file: {A: /etc/shadow}", "headers_file cannot be taken from another instance"},
		{"https://a.example", "ca_file: /etc/shadow", "ca_file cannot be taken from another instance"},
		{"https://a.example", "newer_key: 1", "newer_key: unknown key"},
		{"https://a.example", "target: https://b.example", "target stands in the entry, too"},
		{"https://a.example", "status: [abc]", `status[0]: is no status; write one as 200, a range as 200-204, or a class as "2xx"`},
		{"unix:///run/a.sock", "timeout: 1s", "unix:// stays on this machine"},
		{"gopher://a.example", "timeout: 1s", "the target is none that can be looked at"},
		{"", "timeout: 1s", "the target is none that can be looked at"},
		{"mailtrip://a.example", "timeout: 1s", "mailtrip:// stays on this machine"},
		{"https://a.example", "header_grade: {http_url: http://b.example}", "header_grade cannot be taken from another instance"},
		{"https://a.example", "tls_versions: true\nmethod: PUT", "method and tls_versions cannot be taken from another instance"},
		{"https://a.example", "journey: [{step: a, url: https://b.example}]", "journey cannot be taken from another instance"},
		{"https://a.example", "journey: [{step: a, url: //b.example}]", "journey cannot be taken from another instance"},
		{"zone://a.example", "zone: {resolvers: [10.0.0.1]}", "zone.resolvers cannot be taken from another instance"},
		{"domain://a.example", "domain: {server: https://b.example}", "domain.server cannot be taken from another instance"},
		{"tcp://a.example:1", "expect: open", `expect: is not to be "open"`},
		{"https://a.example", "expect: closed", "expect: is about a port"},
		{"https://a.example", "timeout: 2h", "interval: 2h is not between 1s and 1h; usual is 30s"},
		{"https://a.example", strings.Repeat("#", 7000), "the entry has 7000 bytes, and at most 6144 are taken"},
	} {
		if _, err := Travelled(c.target, c.entry); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s with %.40s: got %v, want %s", c.target, c.entry, err, c.want)
		}
	}
}

// TestTravels_everyProtocolHasSaid has each protocol say either what of its
// entries travels, or why none does, for its plainest entry.
func TestTravels_everyProtocolHasSaid(t *testing.T) {
	stays := map[string]string{
		"unix":     "unix:// stays on this machine: a socket is a file of one machine",
		"mailtrip": "mailtrip:// stays on this machine: it logs in, and sends a mail",
	}
	needs := map[string]string{
		"dnsbl":    "dnsbl: {blocklists: [b.example]}",
		"mailtrip": "username: a@a.example, password: a",
	}
	for _, p := range all() {
		for i := range p.Schemes {
			s := &p.Schemes[i]
			entries, wrong := read(t, fmt.Sprintf("- {target: %q, %s}", s.Example, needs[s.Name]))
			if wrong != nil {
				t.Fatal(s.Name, wrong)
			}
			section := p.section(&entries[0])
			_, travels := section.(protocol.Traveller)
			if _, settled := section.(protocol.Settled); travels == settled {
				t.Errorf("%s:// must say either what of it travels or why it stays", s.Name)
			}
			_, err := entries[0].Travelling()
			if got := fmt.Sprint(err); err != nil && got != stays[s.Name] || err == nil && stays[s.Name] != "" {
				t.Errorf("%s://: got %v, want %s", s.Name, err, cmp.Or(stays[s.Name], "that it travels"))
			}
		}
	}
}

// TestTravelling_whatIsLookedAtBeside is left out, and is the asking instance's.
func TestTravelling_whatIsLookedAtBeside(t *testing.T) {
	entries, wrong := read(t, "- {target: https://a.example, header_grade: B, tls_versions: true, method: HEAD}\n- https://b.example\n")
	if wrong != nil {
		t.Fatal(wrong)
	}
	text, err := entries[0].Travelling()
	if err != nil || strings.Contains(text, "grade") || strings.Contains(text, "tls_versions") || !strings.Contains(text, "HEAD") {
		t.Errorf("%v, told %s", err, text)
	}
	if got := entries[0].HereAlone() + entries[1].HereAlone(); got != "header_grade and tls_versions" && got != "tls_versions and header_grade" {
		t.Errorf("here alone: %q", got)
	}
}

func FuzzTravelled(f *testing.F) {
	f.Add("https://a.example", "method: HEAD\nbody: {contains: a}\n")
	f.Add("tcp://a.example:25", "tcp: {query_response: [{send: a}]}")
	f.Add("tcp://a.example:5432", "expect: closed")
	f.Add("https://a.example", "journey: [{step: a, url: /}, {step: b, url: 'https://a.example/${x}'}]")
	f.Add("https://a.example", "header_grade: B\ntls_versions: true")
	f.Add("ldap://a.example", "ldap: {base: 'dc=a', filter: '(a=b)', plaintext_bind: refused}")
	f.Add("smtp://a.example", "smtp: {mail: {from: <>, to: a@a.example}}")
	f.Add("mailtrip://a.example", "mailtrip: {folder: a}")
	f.Add("domain://a.example", "domain: {bootstrap: 'https://b.example'}")
	f.Add("https://a.example", "headers_file: {A: /etc/shadow}")
	f.Fuzz(func(t *testing.T, target, entry string) {
		c, err := Travelled(target, entry)
		if err != nil {
			return
		}
		if _, err := c.Travelling(); err != nil && !strings.Contains(err.Error(), "bytes") {
			t.Errorf("%q with %q was taken, and could not travel: %v", target, entry, err)
		}
	})
}
