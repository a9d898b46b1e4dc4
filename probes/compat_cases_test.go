package probes

import (
	"net"
	"strings"
	"testing"

	"tocsin/probes/probetest"
)

// cases are the modules with their targets.
func (s *compatSite) cases() []compatCase {
	authority := func(url string) string { return strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://") }
	length := func(because string) map[string]string {
		return map[string]string{"probe_http_uncompressed_body_length": because}
	}
	var cases []compatCase
	add := func(target string, modules ...string) {
		for _, m := range modules {
			cases = append(cases, compatCase{module: m, target: target})
		}
	}
	add(s.plain+"/", "http", "http_404", "http_stay", "http_post", "http_body", "http_nobody", "http_header", "http_noheader", "http_missing", "http_lacking", "http_head",
		"http_1", "http_2", "http_ssl", "http_nossl", "http_neither", "http_ipv4", "http_gzip", "http_no_follow", "http_ip4_first", "http_ip4_only", "http_ip6_first", "http_ip6_only",
		"http_proxy", "http_proxy_skip", "http_proxy_user", "http_proxy_stranger", "http_proxy_header", "http_proxy_closed", "http_socks", "http_socks_user", "http_socks_stranger")
	add(s.plain+"/missing", "http", "http_404", "http_proxy")
	add(s.plain+"/away", "http", "http_proxy")
	cases = append(cases,
		compatCase{module: "http_stay", target: s.plain + "/away", differs: length("we read the body of a redirect that is not followed")},
		compatCase{module: "http_no_follow", target: s.plain + "/away", differs: length("we read the body of a redirect that is not followed")},
		compatCase{module: "http_small", target: s.plain + "/", differs: length("we read nothing of a body that says it is too long")},
		compatCase{module: "http", target: s.elsewhere + "/virtual", hostname: "www.ville.example"},
		compatCase{module: "http", target: s.plain + "/virtual", hostname: "www.ville.example"},
		compatCase{module: "http_host", target: s.plain + "/virtual", hostname: "www.ville.example"},
		compatCase{module: "http", target: s.elsewhere + "/virtual", hostname: "intranet.ville.example"},
		compatCase{module: "tls", target: s.tlsElsewhere, hostname: "www.ville.example", differs: map[string]string{
			"probe_success": "0.23 heeds the parameter hostname for HTTP only",
		}},
		compatCase{module: "tls_named", target: s.tlsElsewhere, hostname: "intranet.ville.example"},
		compatCase{module: "http_oauth2_wrong", target: s.plain + "/bearer", unmeasured: "no token was given to us, so that the target was not asked"},
		compatCase{module: "icmp_foreign_source", target: "127.0.0.1", unmeasured: "no address of this machine is 192.0.2.7"})
	add(s.plain+"/away", "http_no_follow_first")
	add(s.plain+"/keep", "http", "http_post")
	add(s.plain+"/turn", "http", "http_post")
	add(s.plain+"/cookie", "http")
	add(s.plain+"/pieces", "http", "http_head")
	add(s.plain+"/negotiate", "http", "http_gzip")
	add(strings.Replace(s.plain, "://", "://moni:mark3r@", 1)+"/user", "http")
	add(s.plain+"/?a=b#c", "http")
	add(s.plain+"/loop", "http")
	add(s.secure+"/", "http", "http_1", "http_2", "http_ssl", "http_nossl", "http_neither", "http_new_tls", "http_old_tls",
		"http_proxy", "http_proxy_skip", "http_proxy_user", "http_proxy_stranger", "http_proxy_header", "http_proxy_closed", "http_socks")
	add(s.old+"/", "http", "http_any", "http_proxy")
	add("http://"+s.closed+"/", "http", "http_proxy", "http_socks")
	add("https://"+s.closed+"/", "http_proxy", "http_socks")
	add(authority(s.plain), "http")
	add(s.plain+"/gzip", "http_gzip")
	add(s.plain+"/user", "http_user", "http", "http_user_file", "http_user_wrong")
	add(s.plain+"/bearer", "http_bearer", "http_bearer_file", "http_bearer_wrong", "http_authorization", "http_authorization_file",
		"http_authorization_type", "http_oauth2", "http_oauth2_file", "http_oauth2_named", "http_oauth2_any")
	add(s.plain+"/typed", "http_authorization_type", "http_authorization")
	add(s.guarded+"/", "http_client", "http")
	add(s.ancient+"/", "http_ancient_tls", "http", "http_new_tls")
	add(authority(s.ancient), "tls_ancient", "tls")
	add(authority(s.secure), "tls_ancient")
	add(s.elsewhere+"/", "http_named", "http_host", "http")
	add(s.elsewhere+"/virtual", "http_host")

	add(s.ssh, "tcp", "ssh", "tcp_ip4_first", "tcp_ip4_only", "tcp_ip6_first", "tcp_ip6_only")
	add(s.closed, "tcp", "grpc")
	add(s.full, "ssh")
	add(s.from, "tcp_source", "tcp_no_source", "tcp_foreign_source")
	add(authority(s.secure), "tls", "tls_any")
	add(authority(s.old), "tls", "tls_any")
	add(s.mail, "starttls")
	add(s.tlsGuarded, "tls_client", "tls")
	add(s.tlsElsewhere, "tls_named", "tls")

	add(s.names, "dns", "dns_tcp", "dns_soa", "dns_nx", "dns_wants_nx", "dns_match", "dns_not", "dns_none", "dns_all", "dns_not_all", "dns_any", "dns_chaos",
		"dns_no_recursion", "dns_recursion", "dns_authority", "dns_authority_bad", "dns_additional", "dns_additional_bad",
		"dns_source", "dns_tcp_source", "dns_foreign_source", "dns_ip4_first", "dns_ip4_only", "dns_ip6_first", "dns_ip6_only", "dns_tls")
	add(s.namesTLS, "dns_tls", "dns_tls_any", "dns_tls_named", "dns_tls_client")
	add(s.namesElsewhere, "dns_tls_named", "dns_tls")
	add(s.closed, "dns", "dns_tcp", "dns_tls")

	add(s.grpc, "grpc", "grpc_bad", "grpc_unknown", "grpc_ip4_first", "grpc_ip4_only", "grpc_ip6_first", "grpc_ip6_only")
	add(s.grpcTLS, "grpc_tls", "grpc_any")
	add(s.grpcElsewhere, "grpc_client", "grpc_tls")
	cases = append(cases, compatCase{module: "grpc_tls_unknown", target: s.grpcTLS, differs: map[string]string{
		"probe_grpc_ssl":                 "TLS was spoken, whatever the server said then",
		"probe_ssl_earliest_cert_expiry": "TLS was spoken, whatever the server said then",
	}})
	for module, target := range map[string]string{
		"http_slow": "http://" + s.slow + "/", "tcp_slow": s.slow, "tls_slow": s.slow, "dns_slow": s.slow,
	} {
		add(target, module)
	}

	add("127.0.0.1", "icmp", "icmp_large", "icmp_source", "icmp_ip4_first", "icmp_ip4_only", "icmp_ip6_first", "icmp_ip6_only")
	add("::1", "icmp", "icmp_ip4_only", "icmp_ip6_only")
	return cases
}

// named are the targets by names, whose addresses are of one family or of both;
// the server listens on both.
func (s *compatSite) named(t *testing.T) []compatCase {
	t.Helper()
	web := compatWeb(t)
	port := bothVersions(t, web, web)
	at := func(name string) string { return "http://" + net.JoinHostPort(name, port) }
	cases := []compatCase{
		{module: "http", target: at("four.example") + "/to?url=" + at("six.example")},
		{module: "http", target: at("four.example") + "/named"},
		{module: "http_proxy", target: at("four.example") + "/named"},
		{module: "http_proxy_skip", target: at("four.example") + "/"},
		{module: "http_socks", target: at("four.example") + "/named"},
		{module: "http_ip4_only", target: at("both.example") + "/to?url=" + at("six.example")},
	}
	// It names the address that it was told to prefer, and connects to any;
	// this server listens on IPv4 alone.
	any := "it connects to whichever address answers, and names another; we name the one that we connect to"
	for _, how := range []string{"grpc_ip6_first", "grpc_ip6_only"} {
		cases = append(cases, compatCase{module: how, target: net.JoinHostPort("both.example", portOf(s.grpc)), differs: map[string]string{
			"probe_success": any, "probe_grpc_status_code": any, "probe_grpc_healthcheck_response": any,
		}})
	}
	health := probetest.GRPCBoth(t)
	for _, name := range []string{"four.example", "six.example", "both.example", "nobody.example"} {
		for _, how := range []string{"ip4_first", "ip4_only", "ip6_first", "ip6_only"} {
			cases = append(cases,
				compatCase{module: "http_" + how, target: at(name) + "/"},
				compatCase{module: "tcp_" + how, target: net.JoinHostPort(name, port)},
				compatCase{module: "icmp_" + how, target: name},
				compatCase{module: "grpc_" + how, target: net.JoinHostPort(name, health)},
				compatCase{module: "dns_" + how, target: net.JoinHostPort(name, portOf(s.names))})
		}
	}
	return cases
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
