package blackbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

func TestRead_everything(t *testing.T) {
	p := problem.New()
	m := Read(p, "testdata", []string{"*.yml", "everything.yml"})
	for _, wrong := range p.All() {
		t.Error(wrong.Text)
	}
	if len(m.Names()) != 10 {
		t.Fatalf("the modules are %s", m.Names())
	}
	for _, name := range m.Names() {
		module, _ := m.Find(name)
		target := map[string]string{"http": "www.ville.example/a", "unix": "/run/app.sock", "icmp": "192.0.2.1"}[module.Prober]
		if target == "" {
			target = "192.0.2.1:53"
		}
		if _, err := module.New(target, "", Dial{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		shown := module.Settings()
		if strings.Contains(shown, "mark3r") || !strings.Contains(shown, "prober: "+module.Prober) {
			t.Errorf("%s is shown as\n%s", name, shown)
		}
	}
	module, _ := m.Find("http_everything")
	for _, line := range []string{"timeout: 1.5s", "Host: www.ville.example", "X-Api-Key: '[redacted]'", "proxy_url: '[redacted]'"} {
		if shown := module.Settings(); !strings.Contains(shown, line) {
			t.Errorf("%q is not shown:\n%s", line, shown)
		}
	}
	file, _ := m.Find("http_file")
	if want := filepath.Join("testdata", "question.json"); file.http.RequestBodyFile != want {
		t.Errorf("the body's file is %s, want %s", file.http.RequestBodyFile, want)
	}
}

func TestRead_builtIn(t *testing.T) {
	p := problem.New()
	m := Read(p, "", nil)
	if len(p.All()) > 0 {
		t.Fatal(p.All())
	}
	want := []string{"grpc", "grpc_plain", "http_2xx", "http_post_2xx", "icmp", "icmp_ttl5", "irc_banner", "pop3s_banner", "ssh_banner", "tcp_connect"}
	if diff := cmp.Diff(want, m.Names()); diff != "" {
		t.Error(diff)
	}
}

// TestRead_debian reads the file of Debian's package, where it is installed.
func TestRead_debian(t *testing.T) {
	const file = "/etc/prometheus/blackbox.yml"
	if _, err := os.Stat(file); err != nil {
		t.Skip("the package prometheus-blackbox-exporter is not installed; TestCompat asks for it")
	}
	p := problem.New()
	m := Read(p, "", []string{file})
	builtIn := Read(p, "", nil)
	if diff := cmp.Diff(builtIn.Names(), m.Names()); len(p.All()) > 0 || diff != "" {
		t.Error(p.All(), diff)
	}
}

// TestParse_bad is the exact words of each error: line, key, what is wrong and
// what to write instead.
func TestParse_bad(t *testing.T) {
	const login = "cannot go with"
	for _, c := range []struct{ text, want string }{
		{"", "blackbox.yml:1: has no modules; write modules: with at least one below it"},
		{"module: {}", "blackbox.yml:1: module: unknown key; did you mean modules?"},
		{"- a", `blackbox.yml:1: the file must be lines of "key: value"; it begins with a list`},
		{"modules: {a: {}}", "blackbox.yml:1: modules.a.prober: is missing; write one of http, tcp, dns, icmp, grpc, unix"},
		{"modules: {a: {prober: htp}}", "blackbox.yml:1: modules.a.prober: is no prober that there is here; did you mean http?"},
		{"modules: {a: {prober: websocket}}", "blackbox.yml:1: modules.a.prober: is no prober that there is here; write one of http, tcp, dns, icmp, grpc, unix"},
		{"modules: {a: {prober: http, timeout: 5}}", "blackbox.yml:1: modules.a.timeout: is no duration; write a number with its unit, as 5s, 1.5s or 500ms"},
		{"modules:\n  a:\n    prober: http\n    http: {methd: GET}", "blackbox.yml:4: modules.a.http.methd: unknown key; did you mean method?"},
		{"modules: {a: {prober: http, http: {valid_status_codes: [99, 2xx]}}}", "blackbox.yml:1: modules.a.http.valid_status_codes[0]: 99 is no status; write one as 200\nblackbox.yml:1: modules.a.http.valid_status_codes[1]: must be a whole number; it is \"2xx\""},
		{"modules: {a: {prober: http, http: {preferred_ip_protocol: ipv6}}}", "blackbox.yml:1: modules.a.http.preferred_ip_protocol: is neither ip4 nor ip6, and blackbox_exporter takes it for ip4; write the one that is meant"},
		{"modules: {a: {prober: http, http: {body: x, body_file: y}}}", "blackbox.yml:1: modules.a.http.body: stands in body and in body_file; keep one of them"},
		{"modules: {a: {prober: http, http: {body_size_limit: big}}}", "blackbox.yml:1: modules.a.http.body_size_limit: is no size; write a number with its unit, as 10MB"},
		{"modules: {a: {prober: http, http: {compression: zip}}}", "blackbox.yml:1: modules.a.http.compression: is no way to pack that is known here; write gzip, br, deflate or identity"},
		{"modules: {a: {prober: http, http: {compression: br, headers: {accept-encoding: 'gzip, *;q=0.0'}}}}", "blackbox.yml:1: modules.a.http.headers.accept-encoding: does not accept what compression asks for; let it name br, or take it out"},
		{"modules: {a: {prober: http, http: {enable_http3: true}}}", "blackbox.yml:1: modules.a.http.enable_http3: speaks HTTP/3 and nothing else; write enable_http2: false beside it"},
		{"modules: {a: {prober: http, http: {enable_http3: true, enable_http2: false, valid_http_versions: [HTTP/2.0]}}}", "blackbox.yml:1: modules.a.http.valid_http_versions[0]: is never spoken: enable_http3: true speaks HTTP/3.0 and nothing else, and without it the others are; take one of them out"},
		{"modules: {a: {prober: http, http: {valid_http_versions: [HTTP/3.0]}}}", "blackbox.yml:1: modules.a.http.valid_http_versions[0]: is never spoken: enable_http3: true speaks HTTP/3.0 and nothing else, and without it the others are; take one of them out"},
		{"modules: {a: {prober: http, http: {fail_if_body_matches_regexp: ['(']}}}", "blackbox.yml:1: modules.a.http.fail_if_body_matches_regexp[0]: is no regular expression: missing closing ): `(`; write one in RE2's syntax, as (?i)welcome"},
		{"modules: {a: {prober: http, http: {fail_if_body_json_matches_cel: 'foo.bar'}}}", `blackbox.yml:1: modules.a.http.fail_if_body_json_matches_cel: is no expression that can be judged: 1:1: undeclared reference to 'foo' (in container ''); write one as body.status == "pass"`},
		{"modules: {a: {prober: http, http: {fail_if_header_matches: [{}]}}}", "blackbox.yml:1: modules.a.http.fail_if_header_matches[0].header: is missing; write the header's name, as Content-Type\nblackbox.yml:1: modules.a.http.fail_if_header_matches[0].regexp: is missing; write what the header's value is compared with"},
		{"modules: {a: {prober: http, http: {bearer_token: x, basic_auth: {username: a}}}}", "blackbox.yml:1: modules.a.http.bearer_token: " + login + " basic_auth: a request has one login; take one of them out"},
		{"modules: {a: {prober: http, http: {basic_auth: {username: a, password: mark3r, password_file: b}}}}", "blackbox.yml:1: modules.a.http.basic_auth.password: stands in password and in password_file; keep one of them"},
		{"modules: {a: {prober: http, http: {authorization: {type: basic}}}}", "blackbox.yml:1: modules.a.http.authorization.type: cannot be Basic here; write basic_auth with username and password"},
		{"modules: {a: {prober: http, http: {oauth2: {client_secret: mark3r}}}}", "blackbox.yml:1: modules.a.http.oauth2.client_id: is missing; write who fetches the token\nblackbox.yml:1: modules.a.http.oauth2.token_url: is no URL; write where the token is fetched, as https://connexion.ville.example/token"},
		{"modules: {a: {prober: http, http: {proxy_url: 'mark3r@proxy'}}}", "blackbox.yml:1: modules.a.http.proxy_url: is no URL of a proxy; write one as http://proxy.ville.example:3128"},
		{"modules: {a: {prober: http, http: {no_proxy: a}}}", "blackbox.yml:1: modules.a.http.no_proxy: means nothing without proxy_url; write it, or take no_proxy out"},
		{"modules: {a: {prober: http, http: {proxy_url: 'http://a', proxy_from_environment: true}}}", "blackbox.yml:1: modules.a.http.proxy_from_environment: cannot go with proxy_url; keep one of them"},
		{"modules: {a: {prober: http, http: {http_headers: {X-A: {}}}}}", "blackbox.yml:1: modules.a.http.http_headers.X-A: has no value; write values, secrets or files below it"},
		{"modules: {a: {prober: tcp, tcp: {tls_config: {min_version: '1.2'}}}}", "blackbox.yml:1: modules.a.tcp.tls_config.min_version: is no version of TLS; write TLS10, TLS11, TLS12 or TLS13"},
		{"modules: {a: {prober: tcp, tcp: {tls_config: {min_version: TLS13, max_version: TLS12}}}}", "blackbox.yml:1: modules.a.tcp.tls_config.max_version: is older than min_version"},
		{"modules: {a: {prober: tcp, tcp: {tls_config: {cert_file: a}}}}", "blackbox.yml:1: modules.a.tcp.tls_config.key_file: is missing; a certificate is shown together with its private key"},
		{"modules: {a: {prober: tcp, tcp: {tls_config: {ca: a, ca_file: b}}}}", "blackbox.yml:1: modules.a.tcp.tls_config.ca: stands in ca and in ca_file; keep one of them"},
		{"modules: {a: {prober: tcp, tcp: {tls_config: {ca_file: nowhere.pem}}}}", "blackbox.yml:1: modules.a: tcp.tls_config: ca_file: read authorities: stat nowhere.pem: no such file or directory"},
		{"modules: {a: {prober: tcp, tcp: {tls_config: {ca: rubbish}}}}", "blackbox.yml:1: modules.a: tcp.tls_config: holds no PEM certificate (-----BEGIN CERTIFICATE-----)"},
		{"modules: {a: {prober: tcp, tcp: {source_ip_address: eth0}}}", "blackbox.yml:1: modules.a.tcp.source_ip_address: is no IP address; write one of this machine's, as 192.0.2.7"},
		{"modules: {a: {prober: tcp, tcp: {query_response: [{expect: '['}]}}}", "blackbox.yml:1: modules.a.tcp.query_response[0].expect: is no regular expression: missing closing ]: `[`; write one in RE2's syntax, as ^220 "},
		{"modules: {a: {prober: dns, dns: {}}}", "blackbox.yml:1: modules.a.dns.query_name: is missing; write the name to ask for, as ville.example"},
		{"modules: {a: {prober: dns, dns: {query_name: a, query_type: X, query_class: X, valid_rcodes: [OK]}}}", "blackbox.yml:1: modules.a.dns.query_type: is no type of records; write one in capitals, as A, AAAA, MX or SOA\nblackbox.yml:1: modules.a.dns.query_class: is no class; write IN, or ANY, CH, CS, HS, IN, NONE\nblackbox.yml:1: modules.a.dns.valid_rcodes[0]: is no response code; write one in capitals, as NOERROR or NXDOMAIN"},
		{"modules: {a: {prober: dns, dns: {query_name: a, transport_protocol: sctp}}}", "blackbox.yml:1: modules.a.dns.transport_protocol: is neither udp nor tcp"},
		{"modules: {a: {prober: dns, dns: {query_name: a, dns_over_tls: true}}}", "blackbox.yml:1: modules.a.dns.dns_over_tls: goes over TCP only; write transport_protocol: tcp beside it"},
		{"modules: {a: {prober: icmp, icmp: {ttl: 256, payload_size: 70000}}}", "blackbox.yml:1: modules.a.icmp.ttl: 256 is not between 0 and 255\nblackbox.yml:1: modules.a.icmp.payload_size: 70000 is not between 0 and 65499"},
		{"modules: {a: {prober: grpc, grpc: {metadata: {X-Key: [a]}}}}", "blackbox.yml:1: modules.a.grpc.metadata.X-Key: is no key of metadata; write one in small letters, as x-api-key"},
		{"modules: {a: {prober: http}}\n---\nmodules: {b: {prober: http}}", "blackbox.yml:2: a second document begins here; write everything in one, and take the line --- away"},
	} {
		_, faults := parse([]byte(c.text), "")
		got := ""
		if len(faults) > 0 {
			got = (&strict.Error{File: "blackbox.yml", Faults: faults}).Error()
		}
		if diff := cmp.Diff(strings.Split(c.want, "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s\n%s", c.text, diff)
		}
		if strings.Contains(got, "mark3r") {
			t.Errorf("a secret is repeated: %s", got)
		}
	}
}

func TestRead_badFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.yml": "modules: {a: {prober: http}}", "b.yml": "modules: {a: {prober: http}, b: {prober: htp}}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := problem.New()
	Read(p.At("probe_modules"), dir, []string{"*.yml", "[", "none.yml"})
	var got []string
	for _, f := range p.All() {
		got = append(got, f.Path+": "+strings.ReplaceAll(f.Text, dir+"/", ""))
	}
	want := []string{
		"probe_modules[0]: b.yml:1: modules.b.prober: is no prober that there is here; did you mean http?",
		"probe_modules[0]: b.yml: modules.a: another file has a module of this name; rename one of them",
		`probe_modules[1]: "[" is not a pattern: a [ has no ]`,
		`probe_modules[2]: "none.yml" fits no file; write the path of a blackbox.yml, as /etc/prometheus/blackbox.yml`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestNew_targets has what a Prometheus may give as a target.
func TestNew_targets(t *testing.T) {
	p := problem.New()
	m := Read(p, "", nil)
	for _, c := range []struct{ module, target, host, wrong string }{
		{"http_2xx", "www.ville.example", "www.ville.example", ""},
		{"http_2xx", "https://www.ville.example:8443/a?b=c", "www.ville.example", ""},
		{"http_2xx", "HTTPS://moni:mark3r@www.ville.example", "www.ville.example", ""},
		{"http_2xx", "http://[2001:db8::1]:80/", "2001:db8::1", ""},
		{"http_2xx", "http://", "", "the target names no host"},
		{"http_2xx", "http://a b/", "", "the target is no URL"},
		{"http_2xx", "ftp://www.ville.example", "", "neither http:// nor https://"},
		{"tcp_connect", "db1:5432", "db1", ""},
		{"tcp_connect", "[2001:db8::1]:22", "2001:db8::1", ""},
		{"tcp_connect", "db1", "db1", "the target has no port; write it as db1.ville.example:5432"},
		{"tcp_connect", "db1:99999", "db1", "the target's port is none"},
		{"tcp_connect", "a@b:22", "", "the target names no host"},
		{"icmp", "gw.ville.example", "gw.ville.example", ""},
		{"icmp", "2001:db8::1", "2001:db8::1", ""},
		{"icmp", "a/b", "a/b", "the target names no host"},
		{"grpc_plain", "app1:50051", "app1", ""},
		{"grpc", "app1", "app1", ""},
	} {
		module, _ := m.Find(c.module)
		host, errHost := module.Host(c.target)
		_, errNew := module.New(c.target, "", Dial{})
		text := ""
		for _, err := range []error{errHost, errNew} {
			if err != nil {
				text = err.Error()
			}
		}
		if c.wrong == "" && (host != c.host || text != "") || c.wrong != "" && !strings.Contains(text, c.wrong) {
			t.Errorf("%s %s: host %q, %q; want %q, %q", c.module, c.target, host, text, c.host, c.wrong)
		}
		if strings.Contains(text, "mark3r") {
			t.Errorf("a secret is repeated: %s", text)
		}
	}
	module, _ := m.Find("http_2xx")
	if !slices.Contains(m.Names(), module.Name) {
		t.Error("a module does not know its name")
	}
}

// FuzzParse has files of all kinds: none makes the reading panic, and a module
// that is taken can be shown.
func FuzzParse(f *testing.F) {
	f.Add(builtIn) // no CEL: what an expression costs to read is not ours
	f.Add("modules: {a: {prober: dns, dns: {query_name: a, validate_answer_rrs: {fail_if_matches_regexp: [a]}}}}")
	f.Fuzz(func(t *testing.T, text string) {
		modules, _ := parse([]byte(text), "/nowhere")
		for _, m := range modules {
			if m.Settings() == "" {
				t.Error("a module is shown as nothing")
			}
			_, _ = m.New("www.ville.example:80", "", Dial{})
		}
	})
}
