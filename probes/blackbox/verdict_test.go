package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/testenv"
)

// TestParse_asDebianDoes has modules as they are found in the wild, shapes of
// YAML and mistakes included, and holds what is taken and what is refused to
// what Debian's blackbox_exporter says. Where it takes what can never work, or
// is not what was meant, we say so at once; that is all the difference.
func TestParse_asDebianDoes(t *testing.T) {
	program := testenv.Program(t, "prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
	const (
		same   = ""
		sooner = "it fails at each probe there"
		newer  = "0.23 does not know it"
		kinder = "what is meant is plain"
	)
	for _, c := range []struct{ text, differs string }{
		{"a: {prober: icmp, icmp: {preferred_ip_protocol: ipv4}}", same},
		{"a: {prober: http, http: {preferred_ip_protocol: IP4}}", same},
		{"a: {prober: http, http: {preferred_ip_protocol: 4}}", same},
		{"a: {prober: http, http: {preferred_ip_protocol: ipv6}}", "it is taken for ip4 there, which is not what was meant"},
		{"a:\n    prober: http\n    http:", same},
		{"a:\n    prober: http\n    http:\n      headers:\n      valid_status_codes:\n      tls_config:\n      basic_auth:\n      body:\n      method:", same},
		{"a: {prober: http, http: {fail_if_ssl: yes, fail_if_not_ssl: no, follow_redirects: on, tls_config: {insecure_skip_verify: Yes}}}", same},
		{`a: {prober: http, http: {fail_if_ssl: "true"}}`, same},
		{`a: {prober: http, http: {valid_status_codes: ["200"]}}`, kinder},
		{"a: {prober: http, http: {valid_status_codes: 200}}", same},
		{"a: {prober: http, http: {valid_status_codes: [999]}}", same},
		{"a: {prober: http, http: {valid_status_codes: [0]}}", sooner},
		{"a: {prober: http, http: {valid_http_versions: HTTP/1.1}}", same},
		{`a: {prober: http, http: {valid_http_versions: [HTTP/2, "1.1"]}}`, sooner},
		{"a: {prober: http, http: {headers: {X-A: 1, X-B: true, X-C: }}}", same},
		{`a: {prober: http, http: {headers: {Host: "{{ .Target }}"}, basic_auth: {username: "${NAME}"}}}`, same},
		{"a: {prober: http, http: {basic_auth: {username: 1234, password: 5678}}}", same},
		{"a: {prober: http, http: {basic_auth: {password: x}}}", same},
		{"a: {prober: http, http: {basic_auth: {}}}", same},
		{"a: {prober: http, http: {authorization: {}}}", same},
		{"a: {prober: http, http: {authorization: {type: Basic, credentials: x}}}", same},
		{"a: {prober: http, http: {basic_auth: {username: a}, authorization: {credentials: x}}}", same},
		{"a: {prober: http, http: {bearer_token: x, bearer_token_file: y}}", same},
		{"a: {prober: http, http: {bearer_token_file: /var/run/secrets/token}}", same},
		{"a: {prober: http, http: {oauth2: {}}}", same},
		{`a: {prober: http, http: {oauth2: {client_id: a, token_url: "http://x/t"}}}`, newer},
		{"a: {prober: http, http: {body_size_limit: 1.5MB}}", same},
		{"a: {prober: http, http: {body_size_limit: 1GB512MB}}", same},
		{"a: {prober: http, http: {body_size_limit: 10MiB}}", same},
		{"a: {prober: http, http: {body_size_limit: 10mb}}", same},
		{"a: {prober: http, http: {body_size_limit: 0}}", same},
		{"a: {prober: http, http: {body_size_limit: 1024}}", kinder},
		{`a: {prober: http, http: {fail_if_body_matches_regexp: [""], fail_if_body_not_matches_regexp: [200]}}`, same},
		{`a: {prober: http, http: {fail_if_body_matches_regexp: ["(?!a)"]}}`, same},
		{"a: {prober: http, http: {fail_if_body_matches_regexp: [], fail_if_header_matches: [], fail_if_header_not_matches: []}}", same},
		{"a: {prober: http, http: {fail_if_header_matches: [{header: X}]}}", same},
		{"a: {prober: http, http: {fail_if_ssl: true, fail_if_not_ssl: true}}", same},
		{`a: {prober: http, http: {compression: GZIP}}`, same},
		{`a: {prober: http, http: {compression: gzip, headers: {Accept-Encoding: "*;q=0.0, gzip"}}}`, same},
		{"a: {prober: http, http: {compression: zstd}}", sooner},
		{`a: {prober: http, http: {proxy_url: ""}}`, same},
		{`a: {prober: http, http: {proxy_url: "https://proxy:3128/"}}`, same},
		{`a: {prober: http, http: {proxy_url: "socks5://proxy"}}`, same},
		{`a: {prober: http, http: {proxy_url: "proxy:3128"}}`, sooner},
		{`a: {prober: http, http: {proxy_connect_header: {X: [a]}}}`, same},
		{"a: {prober: http, http: {body_format: json}}", same},
		{"a: {prober: http, http: {use_proxy_dns: true}}", same},
		{"a: {prober: http, http: {fail_if_matches_regexp: [a]}}", same},
		{"a: {prober: http, timeout: 1m30s}", same},
		{"a: {prober: http, timeout: 0s}", same},
		{"a: {prober: http, timeout: 5}", same},
		{"a: {prober: http, timeout: 1d}", same},
		{"a: {prober: http, timeout: }", same},
		{`a: {prober: http, timeout: ""}`, same},
		{"a: {prober: tcp, http: {valid_status_codes: [200]}, dns: {query_name: x}}", same},
		{"a: {prober: tcp, dns: {}}", "a section of another prober does nothing"},
		{"a: {prober: tcp, tcp: {valid_status_codes: [200]}}", same},
		{`a: {prober: tcp, tcp: {query_response: [{expect: "^+OK"}], tls: true, tls_config: {}}}`, same},
		{`a: {prober: tcp, tcp: {query_response: [{send: "\r"}, {expect: '^\d{4}\.\d$'}]}}`, same},
		{"a: {prober: tcp, tcp: {query_response: {expect: x}}}", same},
		{"a: {prober: tcp, tcp: {query_response: [{}]}}", "a step that does nothing is not what was meant"},
		{`a: {prober: tcp, tcp: {query_response: [{expect: "a", labels: [{name: b, value: "${1}"}]}]}}`, newer},
		{`a: {prober: tcp, tcp: {tls_config: {min_version: TLS10, max_version: TLS12}}}`, same},
		{`a: {prober: tcp, tcp: {tls_config: {min_version: "1.2"}}}`, same},
		{"a: {prober: tcp, tcp: {tls_config: {min_version: TLS12, max_version: TLS10}}}", sooner},
		{"a: {prober: tcp, tcp: {tls_config: {cert_file: a}}}", sooner},
		{"a: {prober: tcp, tcp: {tls_config: {ca_file: /nowhere/ca.pem}}}", sooner},
		{"a: {prober: tcp, tcp: {source_ip_address: eth0}}", sooner},
		{`a: {prober: icmp, icmp: {source_ip_address: "", ttl: 0, payload_size: 32, dont_fragment: true}}`, same},
		{"a: {prober: icmp, icmp: {ttl: 256}}", same},
		{"a: {prober: icmp, icmp: {payload_size: 70000}}", sooner},
		{"a: {prober: dns}", "it asks for all of the root, which is not what was meant"},
		{"a: {prober: dns, dns: {query_name: a, query_type: mx}}", same},
		{`a: {prober: dns, dns: {query_name: ".", query_type: "", transport_protocol: "", valid_rcodes: []}}`, same},
		{`a: {prober: dns, dns: {query_name: "{{ .Target }}", query_type: A}}`, same},
		{"a: {prober: dns, dns: {query_name: a, valid_rcodes: NOERROR}}", same},
		{"a: {prober: dns, dns: {query_name: a, protocol: udp}}", same},
		{"a: {prober: dns, dns: {query_name: a, valid_rcodes: [noerror]}}", sooner},
		{"a: {prober: dns, dns: {query_name: a, transport_protocol: TCP}}", sooner},
		{"a: {prober: dns, dns: {query_name: a, dns_over_tls: true}}", sooner},
		{`a: {prober: dns, dns: {query_name: a, validate_answer_rrs: {fail_if_matches_regexp: ["("]}}}`, sooner},
		{"a: {prober: grpc, grpc: {}}", same},
		{"a: {prober: HTTP}", sooner},
		{"a: {}", sooner},
		{"a: {prober: http}\n  a: {prober: tcp}", same},
		{`"http 2xx/a.b": {prober: http}`, same},
		{"200: {prober: http}", same},
		{"a: &a {prober: http, http: {method: GET}}\n  b: {<<: *a, timeout: 5s}", same},
		{"a:\n    prober: http\n    http: &h\n      tls_config: &t {insecure_skip_verify: true}\n  b:\n    prober: http\n    http:\n      <<: *h\n      valid_status_codes: [200]\n  c: {prober: tcp, tcp: {tls: true, tls_config: *t}}", same},
		{"\n---\nmodules: {a: {prober: http}}", "what stands in a second document is passed over there"},
		{"a: {prober: http}\n---\n", same},
		{"a: {prober: http}\n...\n", same},
		{"a: {prober: http}\nx-a: {prober: http}", same},
		{"\ta: {prober: http}", same},
		{"a: {prober: http}\r\n", same},
	} {
		text := "modules:\n  " + c.text + "\n"
		theirs, ours := verdict(t, program, text), ""
		if faults := Check("", []byte(text)); len(faults) > 0 {
			ours = faults[0].Text
		}
		switch differs := (theirs == "") != (ours == ""); {
		case differs && c.differs == same:
			t.Errorf("%s\n  blackbox_exporter: %s\n  we: %s", c.text, saidOf(theirs), saidOf(ours))
		case !differs && c.differs != same:
			t.Errorf("%s: both say %s; they were to differ: %s", c.text, saidOf(ours), c.differs)
		}
	}
}

// verdict is what Debian's blackbox_exporter has against a file; empty: nothing.
func verdict(t *testing.T, program, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "blackbox.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "--config.check", "--config.file="+file).CombinedOutput()
	if err == nil {
		return ""
	}
	_, wrong, _ := strings.Cut(string(out), "err=")
	return strings.TrimSpace(wrong)
}

func saidOf(wrong string) string {
	if wrong == "" {
		return "it is good"
	}
	return wrong
}
