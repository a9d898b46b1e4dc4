package probes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/internal/strict"
	"tocsin/probes/httpprobe"
)

// read reads a list of entries as the site file does: strictly, then the
// defaults, then the checks. It returns the list and all that is wrong.
func read(t testing.TB, text string) (List, []string) {
	t.Helper()
	var site struct {
		Probes List `yaml:"probes"`
	}
	var wrong []string
	_, faults := strict.Decode([]byte("probes:\n"+text), &site)
	for _, f := range faults {
		wrong = append(wrong, f.Path+": "+f.Text)
	}
	if wrong == nil {
		site.Probes.SetDefaults()
		found := problem.New()
		site.Probes.Validate(found.At("probes"))
		for _, p := range found.All() {
			wrong = append(wrong, p.Path+": "+p.Text)
		}
	}
	return site.Probes, wrong
}

func TestConfig_defaults(t *testing.T) {
	probes, wrong := read(t, `- https://portail.ville.example`)
	if wrong != nil {
		t.Fatal(wrong)
	}
	yes := true
	want := List{{
		Target: "https://portail.ville.example", Job: "probe",
		Interval: model.Duration(30 * time.Second), RetryInterval: model.Duration(5 * time.Second), Timeout: model.Duration(10 * time.Second),
		HTTP: httpprobe.Config{Method: "GET", Status: httpprobe.Statuses{"2xx"}, FollowRedirects: &yes},
	}}
	if diff := cmp.Diff(want, probes, cmp.AllowUnexported(secret.Text{})); diff != "" {
		t.Error(diff)
	}
}

func TestConfig_allKeys(t *testing.T) {
	probes, wrong := read(t, `
- target: https://portail.ville.example:8443/sante?detail=1
  name: portail
  on: app1
  job: sonde
  instance: portail
  labels: {level: sensible}
  interval: 1m
  retry_interval: 10s
  timeout: 20s
  method: POST
  headers: {Accept: text/html, X-Key: un}
  headers_file: {X-Other: /etc/tocsin/other}
  username: moni
  password_file: /etc/tocsin/portail
  status: [200, "3xx", 401-403]
  body: {contains: bonjour, matches: "(?i)ville", not_matches: erreur, max_bytes: 1000}
  follow_redirects: off
  server_name: portail.ville.example
  insecure_skip_verify: true
  ip_version: 6
- target: http://intranet.ville.example
  bearer_token: abc
  status: 204
  interval: 5s
`)
	if wrong != nil {
		t.Fatal(wrong)
	}
	for i, want := range []string{
		"portail | portail | 1m 10s 20s | [200 3xx 401-403] | false",
		"http_intranet.ville.example | http://intranet.ville.example | 5s 5s 5s | [204] | true",
	} {
		c := &probes[i]
		got := fmt.Sprintf("%s | %s | %s %s %s | %s | %t", c.Slug(), c.Instance(), c.Interval, c.RetryInterval, c.Timeout, c.HTTP.Status, *c.HTTP.FollowRedirects)
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if _, err := New(*c, Options{}); err != nil {
			t.Error(err)
		}
	}
	out, err := yaml.Marshal(probes)
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"un\n", "abc"} {
		if strings.Contains(string(out), hidden) {
			t.Errorf("the configuration as shown has the secret %q:\n%s", hidden, out)
		}
	}
}

func TestConfig_bad(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`- {name: x}`, `probes[0].target: is missing; write the URL to look at, as https://portail.ville.example`},
		{`- {targt: https://a.example}`, `probes[0].targt: unknown key; did you mean target?`},
		{`- portail.ville.example`, `probes[0].target: says not how to look; begin it with SCHEMES OR, as https://portail.ville.example`},
		{`- https://`, `probes[0].target: is no URL; write one as https://portail.ville.example`},
		{`- "https://a.example:99999/"`, `probes[0].target: has the port 99999; a port is a number from 1 to 65535`},
		{`- https://élus.example`, `probes[0].target: has a host name with letters that the DNS does not know; write it in its xn-- form`},
		{`- zone://a..example`, `probes[0].target: names a host that there cannot be: between two dots, or before the first, nothing stands; write it as zone://asso.example`},
		{`- maildns://.a.example`, `probes[0].target: names a host that there cannot be: between two dots, or before the first, nothing stands; write it as maildns://ville.example`},
		{`- domain://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example`, `probes[0].target: names a host that there cannot be: aaaaaaaa… has 64 characters up to its dot, and at most 63 may be; write it as domain://asso.example`},
		{`- {target: "dnsbl://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", dnsbl: {blocklists: [bl.example]}}`, `probes[0].target: names a host that there cannot be: its name has 257 characters, and at most 253 may be; write it as dnsbl://mail.asso.example`},
		{`- https://a$b.example`, `probes[0].target: names a host that there cannot be: letters, digits, - and _ stand between its dots, and nothing else; write it as https://portail.ville.example`},
		{`- gopher://a.example`, `probes[0].target: is a gopher:// target, which this version cannot probe; it can probe SCHEMES AND`},
		{`- "https://moni:mark3r@a.example/"`, `probes[0].target: has a user or a password in it; take them out, and write username and password_file beside target`},
		{`- "https://moni:mark3r %@a.example/"`, `probes[0].target: has a user or a password in it; take them out, and write username and password_file beside target`},
		{`- "moni:mark3r://a.example"`, `probes[0].target: is a strange target, which this version cannot probe; it can probe SCHEMES AND`},
		{`- [https://a.example]`, `probes[0]: must be a URL, as https://portail.ville.example, or a mapping with target`},
		{`- {target: https://a.example, name: Mon Portail}`, `probes[0].name: is no name for a page; use small letters, digits, dots, - and _, at most 64, as portail`},
		{`- {target: https://a.example, interval: 100ms}`, `probes[0].interval: 100ms is not between 1s and 1h; usual is 30s
probes[0].retry_interval: 100ms is not between 1s and 1h; usual is 5s`},
		{`- {target: https://a.example, interval: often}`, `probes[0].interval: "often" is no duration; write a number with its unit, as 30s, 5m, 12h or 100d`},
		{`- {target: https://a.example, interval: 5s, timeout: 10s}`, `probes[0].timeout: 10s is longer than interval, 5s; write a shorter timeout or a longer interval`},
		{`- {target: https://a.example, timeout: 1ms}`, `probes[0].timeout: 1ms is too short to look at anything; usual is 10s`},
		{`- {target: https://a.example, retry_interval: 1m}`, `probes[0].retry_interval: 1m is longer than interval, 30s; after a failure a probe comes sooner, not later`},
		{`- {target: https://a.example, method: get}`, `probes[0].method: is no method that a probe can use; write GET, HEAD, POST or OPTIONS`},
		{`- {target: https://a.example, headers: {"A B": x}}`, `probes[0].headers.A B: is no name of a header; write one as Accept-Language`},
		{`- {target: https://a.example, headers: {A: "mark3r\nB: c"}}`, `probes[0].headers.A: has a value that no header can have; take out line ends and control characters`},
		{`- {target: https://a.example, headers: {A: mark3r}, headers_file: {A: /a}}`, `probes[0].headers.A: stands in headers and in headers_file; keep one of them`},
		{`- {target: https://a.example, headers_file: {A: ""}}`, `probes[0].headers_file.A: names no file; write the path of the file that has the value`},
		{`- {target: https://a.example, password: mark3r}`, `probes[0].username: a password needs a username; write the name it belongs to`},
		{`- {target: https://a.example, username: a, password: mark3r, password_file: /a}`, `probes[0].password: stands in password and in password_file; keep one of them`},
		{`- {target: https://a.example, username: "a:mark3r"}`, `probes[0].username: has a colon in it, which no username can have; write the password into a file, named by password_file`},
		{`- {target: https://a.example, username: a, bearer_token: mark3r}`, `probes[0].bearer_token: cannot go with username: a request has one login; take one of them out`},
		{`- {target: https://a.example, username: a, headers: {authorization: mark3r}}`, `probes[0].headers.authorization: cannot go with username or bearer_token: a request has one login; take one of them out`},
		{`- {target: https://a.example, status: [fine]}`, `probes[0].status[0]: is no status; write one as 200, a range as 200-204, or a class as "2xx"`},
		{`- {target: https://a.example, status: [200, 99, 500-400, 6xx]}`, `probes[0].status[1]: is no status; write one as 200, a range as 200-204, or a class as "2xx"
probes[0].status[2]: is no status; write one as 200, a range as 200-204, or a class as "2xx"
probes[0].status[3]: is no status; write one as 200, a range as 200-204, or a class as "2xx"`},
		{`- {target: https://a.example, status: []}`, `probes[0].status: is an empty list; write the statuses that are good, as [200, 204], or leave it out for 2xx`},
		{`- {target: https://a.example, status: {a: 1}}`, `probes[0].status: must be a status or a list of them, as [200, 204] or ["2xx", 401]`},
		{`- {target: https://a.example, status: 301}`, `probes[0].status[0]: 301 can never be the last answer while redirects are followed; write follow_redirects: false`},
		{`- {target: https://a.example, body: {matches: "("}}`, "probes[0].body.matches: is no regular expression: missing closing ): `(`; write one in RE2's syntax, as (?i)welcome"},
		{`- {target: https://a.example, body: {max_bytes: -1}}`, `probes[0].body.max_bytes: -1 is not between 1 and 1073741824; usual is 10485760`},
		{`- {target: https://a.example, method: HEAD, body: {contains: a}}`, `probes[0].body: cannot be checked with method HEAD, whose answers have none; write method: GET`},
		{`- {target: "tcp://a.example:25", method: GET, status: 200}`, `probes[0].method: is for targets with https:// and http://, and this one has tcp://; take it out
probes[0].status: is for targets with https:// and http://, and this one has tcp://; take it out`},
		{`- {target: "tcp://a.example:25", username: a, starttls: true}`, `probes[0].username: means nothing with tcp://, which lets nobody log in; take it out
probes[0].starttls: means nothing with tcp://, which does not begin without TLS and then ask for it; take it out`},
		{`- {target: https://a.example, tcp: {query_response: [{send: a}]}}`, `probes[0].tcp: is for targets with tcp:// and tls://, and this one has https://; take it out`},
		{`- {target: https://a.example, request_body: x}`, `probes[0].method: GET sends no body; write method: POST beside request_body`},
		{`- {target: https://a.example, method: POST, request_body: x, request_body_file: /x}`, `probes[0].request_body: stands in request_body and in request_body_file; keep one of them`},
		{`- {target: https://a.example, proxy_url: "proxy:3128", http_versions: ["2"], compression: zip}`, "probes[0].proxy_url: is no URL of a proxy; write one as http://proxy.ville.example:3128\nprobes[0].http_versions[0]: is no version of HTTP that is spoken here; write HTTP/1.0, HTTP/1.1, HTTP/2.0 or HTTP/3.0\nprobes[0].compression: is no way to pack that is known here; write one of gzip, deflate, br, identity"},
		{`- {target: https://a.example, answer_headers: [{matches: a}, {name: A, allow_missing: true}, {name: A, not_matches: "("}]}`, "probes[0].answer_headers[0].name: is missing; write the header's name, as Content-Type\nprobes[0].answer_headers[1]: demands nothing; write matches or not_matches, or take out allow_missing\nprobes[0].answer_headers[2].not_matches: is no regular expression: missing closing ): `(`; write one in RE2's syntax, as (?i)welcome"},
		{`- {target: https://a.example, body: {json: foo.bar}}`, `probes[0].body.json: is no expression that can be judged: 1:1: undeclared reference to 'foo' (in container ''); write one as body.status == "pass"`},
		{`- {target: tcp://a.example:1, tcp: {starttls: gopher}}`, `probes[0].tcp.starttls: is no protocol that can be asked for TLS; write one of ftp, imap, ldap, mysql, nntp, pop3, postgres, sieve, smtp, submission, xmpp, xmpp-server`},
		{`- dns://a.example`, `probes[0].dns.name: is missing; write the name to ask for, here or in the target, as dns://9.9.9.9/ville.example`},
		{`- {target: dns://a.example/b, dns: {name: b, type: a, class: X, transport: smoke, valid_rcodes: [OK], validate_answer_rrs: {fail_if_matches_regexp: ["("]}}}`, "probes[0].dns.name: stands in the target, too; keep one of them\nprobes[0].dns.type: is no type of records; write one in capitals, as A, AAAA, MX or SOA\nprobes[0].dns.class: is no class; write IN, or ANY, CH, CS, HS, IN, NONE\nprobes[0].dns.valid_rcodes[0]: is no response code; write one in capitals, as NOERROR or NXDOMAIN\nprobes[0].dns.transport: is no way to ask; write udp, tcp or tls\nprobes[0].dns.validate_answer_rrs.fail_if_matches_regexp[0]: is no regular expression: missing closing ): `(`; write one in RE2's syntax, as \\sIN\\sA\\s192\\.0\\.2\\."},
		{`- {target: dns://a.example/b, ca_file: /a}`, `probes[0].dns.transport: udp has no TLS, and keys of TLS stand beside target; write transport: tls, or take them out`},
		{`- icmp://a.example:7`, `probes[0].target: has more than a host in it; write it as icmp://gw.ville.example`},
		{`- {target: icmp://a.example, icmp: {ttl: 256, payload_size: -1}}`, "probes[0].icmp.payload_size: -1 is not between 0 and 65499\nprobes[0].icmp.ttl: 256 is not between 1 and 255; usual is 64"},
		{`- {target: "grpc://a.example:1", ca_file: /a, grpc: {service: a b, metadata: {X: [a]}}}`, "probes[0].ca_file: means nothing with grpc://, which speaks no TLS; take it out\nprobes[0].grpc.service: is no name of a service; write one as package.Service\nprobes[0].grpc.metadata.X: is no key of metadata; write one in small letters, as x-api-key"},
		{`- unix://run/a.sock`, `probes[0].target: is no full path of a file; write it with three slashes, as unix:///run/postgresql/.s.PGSQL.5432`},
		{`- {target: "unix:///run/a.sock", unix: {tls: true}}`, `probes[0].unix.tls: needs a name to verify, which a socket has not; write server_name beside target`},
		{`- {target: https://a.example, cert_file: /a}`, `probes[0].key_file: is missing; a certificate is shown together with its private key`},
		{`- {target: https://a.example, key_file: /a}`, `probes[0].cert_file: is missing; a private key is used together with its certificate`},
		{`- {target: https://a.example, tls_min_version: "2"}`, `probes[0].tls_min_version: is no version of TLS; write "1.0", "1.1", "1.2" or "1.3"`},
		{`- {target: https://a.example, tls_max_version: "1.1"}`, `probes[0].tls_max_version: 1.1 is older than the oldest version that is good; without tls_min_version it is 1.2, so write tls_min_version: "1.1" beside it`},
		{`- tcp://a.example`, `probes[0].target: has no port; write it as tcp://db1.ville.example:5432`},
		{`- tcp://a.example:25/x`, `probes[0].target: has more than a host and a port in it; write it as tcp://db1.ville.example:5432`},
		{`- {target: "tcp://a.example:25", tcp: {query_response: [{expect: "("}, {}, {send: a, labels: [{name: a-b, value: c}]}]}}`, "probes[0].tcp.query_response[0].expect: is no regular expression: missing closing ): `(`; write one in RE2's syntax, as ^220 \nprobes[0].tcp.query_response[1]: says nothing to do; write expect, expect_bytes, send or starttls\nprobes[0].tcp.query_response[2].labels: have nothing to quote; write expect beside them\nprobes[0].tcp.query_response[2].labels[0].name: is no name of a label; use letters, digits and _, as banner"},
		{`- {target: https://a.example, ip_version: 5}`, `probes[0].ip_version: is no IP version; write 4, 6, or both to look over each by itself; leave it out to use whichever answers`},
		{`- {target: https://a.example, server_name: "https://b"}`, `probes[0].server_name: is no host name; write the name alone, as portail.ville.example`},
		{`- {target: https://a.example, labels: {host: a}}`, `probes[0].labels.host: is a label of Tocsin's own; write on beside target`},
		{`- {target: https://a.example, labels: {"a-b": a}}`, `probes[0].labels.a-b: is no name of a label; use letters, digits and _, as level`},
		{"- https://a.example\n- https://b.example\n- https://a.example/", `probes[2]: has the page a.example, as probes[0] has; give one of them another name`},
		{"- {target: https://a.example, name: a}\n- {target: https://a.example, name: b}", `probes[1]: has the same job and instance as probes[0]; write another instance on one of them`},
	} {
		_, wrong := read(t, c.text)
		c.want = strings.NewReplacer("SCHEMES OR", listed(Schemes(), "://", "or"), "SCHEMES AND", listed(Schemes(), "", "and")).Replace(c.want)
		if diff := cmp.Diff(strings.Split(c.want, "\n"), wrong); diff != "" {
			t.Errorf("%s\n%s", c.text, diff)
		}
		if strings.Contains(strings.Join(wrong, ""), "mark3r") {
			t.Errorf("%s: a secret is repeated: %q", c.text, wrong)
		}
	}
}

func TestConfig_slugs(t *testing.T) {
	seen := map[string]string{}
	for target, want := range map[string]string{
		"https://portail.ville.example":                    "portail.ville.example",
		"https://portail.ville.example/":                   "portail.ville.example",
		"https://PORTAIL.ville.example":                    "portail.ville.example",
		"http://portail.ville.example":                     "http_portail.ville.example",
		"https://portail.ville.example/sante":              "portail.ville.example_sante",
		"https://portail.ville.example/sante/":             "",
		"https://portail.ville.example/sante?a":            "",
		"https://portail.ville.example/sante?b":            "",
		"https://portail.ville.example/Sante":              "",
		"https://portail.ville.example/a_b":                "",
		"https://portail.ville.example/a/b":                "portail.ville.example_a_b",
		"https://portail.ville.example:8443":               "",
		"https://[2001:db8::1]/":                           "",
		"https://a.example/" + strings.Repeat("long/", 40): "",
	} {
		c := Config{Target: target}
		got := c.Slug()
		if want != "" && got != want {
			t.Errorf("%s has the slug %s, want %s", target, got, want)
		}
		if len(got) > maxSlug || strings.Trim(got, "-._") != got || strings.ContainsFunc(got, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-._", r)
		}) {
			t.Errorf("%s has the slug %q, which is none", target, got)
		}
		if other, ok := seen[got]; ok && want == "" {
			t.Errorf("%s and %s have one slug, %s", target, other, got)
		}
		seen[got] = target
	}
}

func TestConfig_instanceHasNoQuery(t *testing.T) {
	c := Config{Target: "https://a.example/x?token=mark3r#part"}
	if got := c.Instance(); got != "https://a.example/x" {
		t.Errorf("the instance is %s", got)
	}
	c.InstanceLabel = "portail"
	if got := c.Instance(); got != "portail" {
		t.Errorf("the instance set by hand is %s", got)
	}
}
