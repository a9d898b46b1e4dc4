package probes

import "crypto/tls"

func tlsConfig(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }

// compatModules is the file that both read.
const compatModules = `
modules:
  http: {prober: http, timeout: 3s, http: {preferred_ip_protocol: ip4, tls_config: {ca_file: CA_FILE}}}
  http_404: {prober: http, timeout: 3s, http: {valid_status_codes: [404, 410]}}
  http_stay: {prober: http, timeout: 3s, http: {follow_redirects: false, valid_status_codes: [302]}}
  http_post: {prober: http, timeout: 3s, http: {method: POST, body: '{"a": 1}', headers: {Content-Type: application/json}, fail_if_body_not_matches_regexp: [hello POST]}}
  http_body: {prober: http, timeout: 3s, http: {fail_if_body_not_matches_regexp: [hello, "GET"], fail_if_body_matches_regexp: [error]}}
  http_nobody: {prober: http, timeout: 3s, http: {fail_if_body_matches_regexp: [error, hello]}}
  http_header: {prober: http, timeout: 3s, http: {fail_if_header_not_matches: [{header: X-Kind, regexp: ^fine$}], fail_if_header_matches: [{header: X-Other, regexp: ., allow_missing: true}]}}
  http_noheader: {prober: http, timeout: 3s, http: {fail_if_header_matches: [{header: X-Kind, regexp: fine}]}}
  http_missing: {prober: http, timeout: 3s, http: {fail_if_header_not_matches: [{header: X-Other, regexp: .}]}}
  http_1: {prober: http, timeout: 3s, http: {valid_http_versions: [HTTP/1.1], enable_http2: false, tls_config: {ca_file: CA_FILE}}}
  http_2: {prober: http, timeout: 3s, http: {valid_http_versions: [HTTP/2.0], tls_config: {ca_file: CA_FILE}}}
  http_ssl: {prober: http, timeout: 3s, http: {fail_if_not_ssl: true, tls_config: {ca_file: CA_FILE}}}
  http_nossl: {prober: http, timeout: 3s, http: {fail_if_ssl: true, tls_config: {ca_file: CA_FILE}}}
  http_gzip: {prober: http, timeout: 3s, http: {compression: gzip, headers: {Accept-Encoding: gzip}, fail_if_body_not_matches_regexp: [hello packed]}}
  http_small: {prober: http, timeout: 3s, http: {body_size_limit: 4B}}
  http_user: {prober: http, timeout: 3s, http: {basic_auth: {username: moni, password: mark3r}}}
  http_any: {prober: http, timeout: 3s, http: {tls_config: {insecure_skip_verify: true}}}
  tcp: {prober: tcp, timeout: 3s}
  ssh: {prober: tcp, timeout: 3s, tcp: {query_response: [{expect: ^SSH-2.0-}]}}
  tls: {prober: tcp, timeout: 3s, tcp: {tls: true, tls_config: {ca_file: CA_FILE}}}
  starttls:
    prober: tcp
    timeout: 3s
    tcp:
      tls_config: {ca_file: CA_FILE}
      query_response:
        - {expect: "^220 ([^ ]+) ESMTP"}
        - {send: EHLO prober}
        - {expect: ^250-STARTTLS}
        - {expect: "^250 "}
        - {send: STARTTLS}
        - {expect: ^220}
        - {starttls: true}
        - {send: QUIT}
  dns: {prober: dns, timeout: 3s, dns: {query_name: ville.example, query_type: A}}
  dns_tcp: {prober: dns, timeout: 3s, dns: {query_name: ville.example, query_type: A, transport_protocol: tcp}}
  dns_soa: {prober: dns, timeout: 3s, dns: {query_name: ville.example, query_type: SOA}}
  dns_nx: {prober: dns, timeout: 3s, dns: {query_name: nobody.example, query_type: A}}
  dns_wants_nx: {prober: dns, timeout: 3s, dns: {query_name: nobody.example, query_type: A, valid_rcodes: [NXDOMAIN]}}
  dns_match: {prober: dns, timeout: 3s, dns: {query_name: ville.example, query_type: A, validate_answer_rrs: {fail_if_matches_regexp: ['192\.0\.2\.2$']}}}
  dns_not: {prober: dns, timeout: 3s, dns: {query_name: ville.example, query_type: A, validate_answer_rrs: {fail_if_not_matches_regexp: ['192\.0\.2\.1$']}}}
  dns_none: {prober: dns, timeout: 3s, dns: {query_name: ville.example, query_type: A, validate_answer_rrs: {fail_if_none_matches_regexp: ['192\.0\.2\.9$']}}}
  dns_all: {prober: dns, timeout: 3s, dns: {query_name: ville.example, query_type: A, validate_answer_rrs: {fail_if_all_match_regexp: ['192\.0\.2\.']}}}
  dns_not_all: {prober: dns, timeout: 3s, dns: {query_name: ville.example, query_type: A, validate_answer_rrs: {fail_if_all_match_regexp: ['192\.0\.2\.1$']}}}
  grpc: {prober: grpc, timeout: 3s, grpc: {preferred_ip_protocol: ip4}} # without a section 0.23 forgets its own defaults
  grpc_bad: {prober: grpc, timeout: 3s, grpc: {service: bad}}
  grpc_unknown: {prober: grpc, timeout: 3s, grpc: {service: nobody}}
  grpc_tls: {prober: grpc, timeout: 3s, grpc: {tls: true, tls_config: {ca_file: CA_FILE}}}
  icmp: {prober: icmp, timeout: 3s}
  icmp_large: {prober: icmp, timeout: 3s, icmp: {payload_size: 2000, dont_fragment: true, ttl: 5}}
`
