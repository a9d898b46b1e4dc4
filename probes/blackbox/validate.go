package blackbox

import (
	"cmp"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/internal/strict"
	"tocsin/probes/celcheck"
	"tocsin/probes/dialogue"
	"tocsin/probes/dnsprobe"
	"tocsin/probes/grpcprobe"
	"tocsin/probes/httpprobe"
	"tocsin/probes/icmpprobe"
)

// probers lists what a module can look with.
func probers() []string { return []string{"http", "tcp", "dns", "icmp", "grpc", "unix"} }

// validate adds all that is wrong with a module. As with blackbox_exporter only
// the section of its prober counts.
func (s *settings) validate(p problem.List) {
	switch s.Prober {
	case "http":
		s.HTTP.validate(p.At("http"))
	case "tcp":
		s.TCP.Addresses.validate(p.At("tcp"))
		validateSource(p.At("tcp"), s.TCP.SourceIPAddress)
		dialogue.Validate(p.At("tcp").At("query_response"), s.TCP.QueryResponse)
		s.TCP.TLS.validate(p.At("tcp").At("tls_config"))
	case "unix":
		dialogue.Validate(p.At("unix").At("query_response"), s.Unix.QueryResponse)
		s.Unix.TLS.validate(p.At("unix").At("tls_config"))
	case "dns":
		s.DNS.validate(p.At("dns"))
	case "icmp":
		s.ICMP.validate(p.At("icmp"))
	case "grpc":
		s.GRPC.Addresses.validate(p.At("grpc"))
		s.GRPC.TLS.validate(p.At("grpc").At("tls_config"))
		grpcprobe.ValidateMetadata(p.At("grpc").At("metadata"), s.GRPC.Metadata)
	case "":
		p.At("prober").Addf("is missing; write one of %s", strings.Join(probers(), ", "))
	default:
		hint := "write one of " + strings.Join(probers(), ", ")
		if near := strict.Nearest(s.Prober, probers()); near != "" {
			hint = "did you mean " + near + "?"
		}
		p.At("prober").Addf("is no prober that there is here; %s", hint)
	}
}

func (a *addressKeys) validate(p problem.List) {
	if v := a.PreferredIPProtocol; v != "" && v != "ip6" && !fourForm.MatchString(v) {
		p.At("preferred_ip_protocol").Addf("is neither ip4 nor ip6, and blackbox_exporter takes it for ip4; write the one that is meant")
	}
}

// fourForm is what people write for ip4. It works with blackbox_exporter, which
// takes all that is not ip6 for it.
var fourForm = regexp.MustCompile(`^(?i:(ip)?v?4)$`)

func validateSource(p problem.List, text string) {
	if _, err := netip.ParseAddr(text); text != "" && err != nil {
		p.At("source_ip_address").Addf("is no IP address; write one of this machine's, as 192.0.2.7")
	}
}

func (t *tlsKeys) validate(p problem.List) {
	twice := func(key string, text, file bool) {
		if text && file {
			p.At(key).Addf("stands in %s and in %s_file; keep one of them", key, key)
		}
	}
	twice("ca", t.CA != "", t.CAFile != "")
	twice("cert", t.Cert != "", t.CertFile != "")
	twice("key", !t.Key.IsZero(), t.KeyFile != "")
	hasCert, hasKey := t.Cert != "" || t.CertFile != "", !t.Key.IsZero() || t.KeyFile != ""
	switch {
	case hasCert && !hasKey:
		p.At("key_file").Addf("is missing; a certificate is shown together with its private key")
	case !hasCert && hasKey:
		p.At("cert_file").Addf("is missing; a private key is used together with its certificate")
	}
	for key, text := range map[string]string{"min_version": t.MinVersion, "max_version": t.MaxVersion} {
		if text != "" && !slices.Contains([]string{"TLS10", "TLS11", "TLS12", "TLS13"}, text) {
			p.At(key).Addf("is no version of TLS; write TLS10, TLS11, TLS12 or TLS13")
		}
	}
	if t.MinVersion != "" && t.MaxVersion != "" && t.MaxVersion < t.MinVersion {
		p.At("max_version").Addf("is older than min_version")
	}
}

func (d *dnsKeys) validate(p problem.List) {
	d.Addresses.validate(p)
	validateSource(p, d.SourceIPAddress)
	if d.QueryName == "" {
		p.At("query_name").Addf("is missing; write the name to ask for, as ville.example")
	}
	dnsprobe.ValidateQuestion(p, cmp.Or(d.QueryType, "ANY"), cmp.Or(d.QueryClass, "IN"), d.ValidRcodes, [3]string{"query_type", "query_class", "valid_rcodes"})
	switch v := d.TransportProtocol; {
	case v != "" && v != "udp" && v != "tcp":
		p.At("transport_protocol").Addf("is neither udp nor tcp")
	case d.DNSOverTLS && v != "tcp":
		p.At("dns_over_tls").Addf("goes over TCP only; write transport_protocol: tcp beside it")
	}
	d.TLS.validate(p.At("tls_config"))
	d.Answer.Validate(p.At("validate_answer_rrs"))
	d.Authority.Validate(p.At("validate_authority_rrs"))
	d.Additional.Validate(p.At("validate_additional_rrs"))
}

func (i *icmpKeys) validate(p problem.List) {
	i.Addresses.validate(p)
	validateSource(p, i.SourceIPAddress)
	if i.TTL != nil && (*i.TTL < 0 || *i.TTL > 255) {
		p.At("ttl").Addf("%d is not between 0 and 255", *i.TTL)
	}
	if i.PayloadSize < 0 || i.PayloadSize > icmpprobe.MaxPayload {
		p.At("payload_size").Addf("%d is not between 0 and %d", i.PayloadSize, icmpprobe.MaxPayload)
	}
}

// validateHTTP3 refuses what blackbox_exporter 0.28 refuses.
func (h *httpKeys) validateHTTP3(p problem.List) {
	if h.EnableHTTP3 && (h.Client.EnableHTTP2 == nil || *h.Client.EnableHTTP2) {
		p.At("enable_http3").Addf("speaks HTTP/3 and nothing else; write enable_http2: false beside it")
	}
	for i, v := range h.ValidHTTPVersions {
		if h.EnableHTTP3 && (v == "HTTP/1.1" || v == "HTTP/2.0") || !h.EnableHTTP3 && v == "HTTP/3.0" {
			p.At("valid_http_versions").Index(i).Addf("is never spoken: enable_http3: true speaks HTTP/3.0 and nothing else, and without it the others are; take one of them out")
		}
	}
}

func (h *httpKeys) validate(p problem.List) {
	h.Addresses.validate(p)
	h.Client.validate(p)
	for i, code := range h.ValidStatusCodes {
		if code < 100 || code > 999 { // some servers answer 999
			p.At("valid_status_codes").Index(i).Addf("%d is no status; write one as 200", code)
		}
	}
	if !h.Body.IsZero() && h.BodyFile != "" {
		p.At("body").Addf("stands in body and in body_file; keep one of them")
	}
	h.validateHTTP3(p)
	for _, list := range []struct {
		key   string
		texts []string
	}{{"fail_if_body_matches_regexp", h.FailIfMatches}, {"fail_if_body_not_matches_regexp", h.FailIfNotMatches}} {
		for i, text := range list.texts {
			validateRegexp(p.At(list.key).Index(i), text)
		}
	}
	for _, e := range []struct{ key, text string }{{"fail_if_body_json_matches_cel", h.FailIfCEL}, {"fail_if_body_json_not_matches_cel", h.FailIfNotCEL}} {
		if e.text == "" {
			continue
		}
		if _, err := celcheck.Compile(e.text); err != nil {
			p.At(e.key).Addf("is no expression that can be judged: %v; write one as body.status == \"pass\"", err)
		}
	}
	for _, list := range []struct {
		key   string
		rules []header
	}{{"fail_if_header_matches", h.FailIfHeader}, {"fail_if_header_not_matches", h.FailIfHeaderNot}} {
		for i, rule := range list.rules {
			at := p.At(list.key).Index(i)
			if rule.Header == "" {
				at.At("header").Addf("is missing; write the header's name, as Content-Type")
			}
			if rule.Regexp == "" {
				at.At("regexp").Addf("is missing; write what the header's value is compared with")
			}
			validateRegexp(at.At("regexp"), rule.Regexp)
		}
	}
	h.validateCompression(p)
}

func (h *httpKeys) validateCompression(p problem.List) {
	if h.Compression == "" {
		return
	}
	if !slices.Contains([]string{"gzip", "br", "deflate", "identity"}, strings.ToLower(h.Compression)) {
		p.At("compression").Addf("is no way to pack that is known here; write gzip, br, deflate or identity")
		return
	}
	for name, value := range h.Headers {
		if strings.EqualFold(name, "Accept-Encoding") && !accepts(value.Reveal(), h.Compression) {
			p.At("headers").At(name).Addf("does not accept what compression asks for; let it name %s, or take it out", h.Compression)
		}
	}
}

// accepts tells whether a header Accept-Encoding takes an encoding.
//
// Source: RFC 9110, section 12.5.3.
func accepts(header, encoding string) bool {
	if strings.TrimSpace(header) == "" {
		return true
	}
	star := false
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(part, ";")
		_, q, _ := strings.Cut(weight, "=")
		zero := q != "" && strings.Trim(strings.TrimSpace(q), "0.") == ""
		switch strings.TrimSpace(name) {
		case encoding:
			return !zero
		case "*":
			star = !zero
		}
	}
	return star
}

func validateRegexp(p problem.List, text string) {
	if _, err := regexp.Compile(text); err != nil {
		p.Addf("is no regular expression: %s; write one in RE2's syntax, as (?i)welcome", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
}

func (c *clientKeys) validate(p problem.List) {
	var logins []string
	for key, set := range map[string]bool{
		"basic_auth": c.BasicAuth != nil, "authorization": c.Authorization != nil, "oauth2": c.OAuth2 != nil,
		"bearer_token": !c.BearerToken.IsZero(), "bearer_token_file": c.BearerTokenFile != "",
	} {
		if set {
			logins = append(logins, key)
		}
	}
	slices.Sort(logins)
	if len(logins) > 1 {
		p.At(logins[1]).Addf("cannot go with %s: a request has one login; take one of them out", logins[0])
	}
	if a := c.BasicAuth; a != nil {
		twins(p.At("basic_auth"), "username", secret.New(a.Username), a.UsernameFile)
		twins(p.At("basic_auth"), "password", a.Password, a.PasswordFile)
	}
	if a := c.Authorization; a != nil {
		twins(p.At("authorization"), "credentials", a.Credentials, a.CredentialsFile)
		if strings.EqualFold(a.Type, "basic") {
			p.At("authorization").At("type").Addf("cannot be Basic here; write basic_auth with username and password")
		}
	}
	if o := c.OAuth2; o != nil {
		o.validate(p.At("oauth2"))
	}
	c.TLS.validate(p.At("tls_config"))
	c.Proxy.validate(p)
	for _, name := range slices.Sorted(maps.Keys(c.HTTPHeaders)) {
		if h := c.HTTPHeaders[name]; len(h.Values)+len(h.Secrets)+len(h.Files) == 0 {
			p.At("http_headers").At(name).Addf("has no value; write values, secrets or files below it")
		}
	}
}

func (c *proxyKeys) validate(p problem.List) {
	if !c.ProxyURL.IsZero() {
		httpprobe.ValidateProxy(p.At("proxy_url"), c.ProxyURL.Reveal())
	}
	switch {
	case c.ProxyFromEnvironment && !c.ProxyURL.IsZero():
		p.At("proxy_from_environment").Addf("cannot go with proxy_url; keep one of them")
	case c.ProxyFromEnvironment && c.NoProxy != "":
		p.At("proxy_from_environment").Addf("cannot go with no_proxy, which is in the environment then; take no_proxy out")
	case c.NoProxy != "" && c.ProxyURL.IsZero():
		p.At("no_proxy").Addf("means nothing without proxy_url; write it, or take no_proxy out")
	case len(c.ProxyConnectHeader) > 0 && c.ProxyURL.IsZero() && !c.ProxyFromEnvironment:
		p.At("proxy_connect_header").Addf("means nothing without proxy_url; write it, or take proxy_connect_header out")
	}
}

func (o *oauth2Keys) validate(p problem.List) {
	if o.ClientID == "" {
		p.At("client_id").Addf("is missing; write who fetches the token")
	}
	u, err := url.Parse(o.TokenURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.At("token_url").Addf("is no URL; write where the token is fetched, as https://connexion.ville.example/token")
	}
	twins(p, "client_secret", o.ClientSecret, o.ClientSecretFile)
	o.TLS.validate(p.At("tls_config"))
}

func twins(p problem.List, key string, value secret.Text, file string) {
	if !value.IsZero() && file != "" {
		p.At(key).Addf("stands in %s and in %s_file; keep one of them", key, key)
	}
}
