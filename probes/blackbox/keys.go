package blackbox

import (
	"cmp"
	"errors"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"tocsin/internal/secret"
	"tocsin/probes/dialogue"
	"tocsin/probes/dnsprobe"
)

// The sections of a module. Their keys are blackbox_exporter's; where it has a
// default that is not the zero value the field is a pointer.
type (
	httpKeys struct {
		ValidStatusCodes   []int       `yaml:"valid_status_codes,omitempty"`
		ValidHTTPVersions  []string    `yaml:"valid_http_versions,omitempty"`
		Method             string      `yaml:"method,omitempty"`
		Headers            headers     `yaml:"headers,omitempty"`
		Body               secret.Text `yaml:"body,omitempty"`
		BodyFile           string      `yaml:"body_file,omitempty"`
		BodySizeLimit      bytesize    `yaml:"body_size_limit,omitempty"`
		Compression        string      `yaml:"compression,omitempty"`
		NoFollowRedirects  *bool       `yaml:"no_follow_redirects,omitempty"`
		FailIfSSL          bool        `yaml:"fail_if_ssl,omitempty"`
		FailIfNotSSL       bool        `yaml:"fail_if_not_ssl,omitempty"`
		FailIfMatches      []string    `yaml:"fail_if_body_matches_regexp,omitempty"`
		FailIfNotMatches   []string    `yaml:"fail_if_body_not_matches_regexp,omitempty"`
		FailIfCEL          string      `yaml:"fail_if_body_json_matches_cel,omitempty"`
		FailIfNotCEL       string      `yaml:"fail_if_body_json_not_matches_cel,omitempty"`
		FailIfHeader       []header    `yaml:"fail_if_header_matches,omitempty"`
		FailIfHeaderNot    []header    `yaml:"fail_if_header_not_matches,omitempty"`
		SkipResolveByProxy bool        `yaml:"skip_resolve_phase_with_proxy,omitempty"`
		EnableHTTP3        bool        `yaml:"enable_http3,omitempty"`
		Addresses          addressKeys `yaml:",inline"`
		Client             clientKeys  `yaml:",inline"`
	}
	header struct {
		Header       string `yaml:"header,omitempty"`
		Regexp       string `yaml:"regexp,omitempty"`
		AllowMissing bool   `yaml:"allow_missing,omitempty"`
	}
	tcpKeys struct {
		Addresses       addressKeys     `yaml:",inline"`
		SourceIPAddress string          `yaml:"source_ip_address,omitempty"`
		QueryResponse   []dialogue.Step `yaml:"query_response,omitempty"`
		UseTLS          bool            `yaml:"tls,omitempty"`
		TLS             tlsKeys         `yaml:"tls_config,omitempty"`
	}
	unixKeys struct {
		QueryResponse []dialogue.Step `yaml:"query_response,omitempty"`
		UseTLS        bool            `yaml:"tls,omitempty"`
		TLS           tlsKeys         `yaml:"tls_config,omitempty"`
	}
	dnsKeys struct {
		Addresses         addressKeys      `yaml:",inline"`
		SourceIPAddress   string           `yaml:"source_ip_address,omitempty"`
		TransportProtocol string           `yaml:"transport_protocol,omitempty"`
		DNSOverTLS        bool             `yaml:"dns_over_tls,omitempty"`
		TLS               tlsKeys          `yaml:"tls_config,omitempty"`
		QueryName         string           `yaml:"query_name,omitempty"`
		QueryType         string           `yaml:"query_type,omitempty"`
		QueryClass        string           `yaml:"query_class,omitempty"`
		RecursionDesired  *bool            `yaml:"recursion_desired,omitempty"`
		ValidRcodes       []string         `yaml:"valid_rcodes,omitempty"`
		Answer            dnsprobe.Records `yaml:"validate_answer_rrs,omitempty"`
		Authority         dnsprobe.Records `yaml:"validate_authority_rrs,omitempty"`
		Additional        dnsprobe.Records `yaml:"validate_additional_rrs,omitempty"`
	}
	icmpKeys struct {
		Addresses       addressKeys `yaml:",inline"`
		SourceIPAddress string      `yaml:"source_ip_address,omitempty"`
		PayloadSize     int         `yaml:"payload_size,omitempty"`
		DontFragment    bool        `yaml:"dont_fragment,omitempty"`
		TTL             *int        `yaml:"ttl,omitempty"`
	}
	grpcKeys struct {
		Addresses addressKeys              `yaml:",inline"`
		Service   string                   `yaml:"service,omitempty"`
		UseTLS    bool                     `yaml:"tls,omitempty"`
		TLS       tlsKeys                  `yaml:"tls_config,omitempty"`
		Metadata  map[string][]secret.Text `yaml:"metadata,omitempty"`
	}
	addressKeys struct {
		PreferredIPProtocol string `yaml:"preferred_ip_protocol,omitempty"`
		IPProtocolFallback  *bool  `yaml:"ip_protocol_fallback,omitempty"`
	}
	tlsKeys struct {
		CA                 string      `yaml:"ca,omitempty"`
		CAFile             string      `yaml:"ca_file,omitempty"`
		Cert               string      `yaml:"cert,omitempty"`
		CertFile           string      `yaml:"cert_file,omitempty"`
		Key                secret.Text `yaml:"key,omitempty"`
		KeyFile            string      `yaml:"key_file,omitempty"`
		ServerName         string      `yaml:"server_name,omitempty"`
		InsecureSkipVerify bool        `yaml:"insecure_skip_verify,omitempty"`
		MinVersion         string      `yaml:"min_version,omitempty"`
		MaxVersion         string      `yaml:"max_version,omitempty"`
	}
	// clientKeys are those that all HTTP clients of Prometheus have.
	clientKeys struct {
		BasicAuth       *basicAuth          `yaml:"basic_auth,omitempty"`
		Authorization   *authorization      `yaml:"authorization,omitempty"`
		OAuth2          *oauth2Keys         `yaml:"oauth2,omitempty"`
		BearerToken     secret.Text         `yaml:"bearer_token,omitempty"`
		BearerTokenFile string              `yaml:"bearer_token_file,omitempty"`
		TLS             tlsKeys             `yaml:"tls_config,omitempty"`
		FollowRedirects *bool               `yaml:"follow_redirects,omitempty"`
		EnableHTTP2     *bool               `yaml:"enable_http2,omitempty"`
		HTTPHeaders     map[string]manifold `yaml:"http_headers,omitempty"`
		Proxy           proxyKeys           `yaml:",inline"`
	}
	proxyKeys struct {
		ProxyURL             secret.Text              `yaml:"proxy_url,omitempty"`
		NoProxy              string                   `yaml:"no_proxy,omitempty"`
		ProxyFromEnvironment bool                     `yaml:"proxy_from_environment,omitempty"`
		ProxyConnectHeader   map[string][]secret.Text `yaml:"proxy_connect_header,omitempty"`
	}
	basicAuth struct {
		Username     string      `yaml:"username,omitempty"`
		UsernameFile string      `yaml:"username_file,omitempty"`
		Password     secret.Text `yaml:"password,omitempty"`
		PasswordFile string      `yaml:"password_file,omitempty"`
	}
	authorization struct {
		Type            string      `yaml:"type,omitempty"`
		Credentials     secret.Text `yaml:"credentials,omitempty"`
		CredentialsFile string      `yaml:"credentials_file,omitempty"`
	}
	oauth2Keys struct {
		ClientID         string            `yaml:"client_id,omitempty"`
		ClientSecret     secret.Text       `yaml:"client_secret,omitempty"`
		ClientSecretFile string            `yaml:"client_secret_file,omitempty"`
		Scopes           []string          `yaml:"scopes,omitempty"`
		TokenURL         string            `yaml:"token_url,omitempty"`
		EndpointParams   map[string]string `yaml:"endpoint_params,omitempty"`
		TLS              tlsKeys           `yaml:"tls_config,omitempty"`
	}
	// manifold is a header with any number of values.
	manifold struct {
		Values  []string      `yaml:"values,omitempty"`
		Secrets []secret.Text `yaml:"secrets,omitempty"`
		Files   []string      `yaml:"files,omitempty"`
	}
)

// headers are those of a request. Most hold no secret, and some do.
type headers map[string]secret.Text

// harmless are the headers that are shown.
var harmless = regexp.MustCompile(`(?i)^(accept(-language|-encoding)?|cache-control|content-type|host|user-agent)$`)

// MarshalYAML shows the values that are no secrets.
func (h headers) MarshalYAML() (any, error) {
	out := make(map[string]string, len(h))
	for name, value := range h {
		out[name] = value.String()
		if harmless.MatchString(name) {
			out[name] = value.Reveal()
		}
	}
	return out, nil
}

// bytesize is a size whose units are powers of 1024, however they are written:
// 10MB is 10 MiB. As with blackbox_exporter it may be a sum, as 1GB512MB.
type bytesize int64

var (
	sizeForm = regexp.MustCompile(`^(?:\d{1,12}(?:\.\d{1,12})?(?:[KMGT]i?)?B?){1,4}$`)
	sizePart = regexp.MustCompile(`(\d+(?:\.\d+)?)([KMGT]?)i?B?`)
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *bytesize) UnmarshalText(text []byte) error {
	wrong := errors.New("is no size; write a number with its unit, as 10MB")
	if !sizeForm.Match(text) {
		return wrong
	}
	var sum float64
	for _, m := range sizePart.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return wrong
		}
		sum += n * math.Pow(1024, float64(1+strings.Index("KMGT", cmp.Or(m[2], "-"))))
	}
	if sum >= math.MaxInt64 {
		return wrong
	}
	*b = bytesize(sum)
	return nil
}

// resolve makes the paths of a module full ones: they are relative to its file.
func (s *settings) resolve(folder string) {
	paths := []*string{&s.HTTP.BodyFile, &s.HTTP.Client.BearerTokenFile}
	for _, t := range []*tlsKeys{&s.HTTP.Client.TLS, &s.TCP.TLS, &s.DNS.TLS, &s.GRPC.TLS, &s.Unix.TLS} {
		paths = append(paths, &t.CAFile, &t.CertFile, &t.KeyFile)
	}
	if a := s.HTTP.Client.BasicAuth; a != nil {
		paths = append(paths, &a.UsernameFile, &a.PasswordFile)
	}
	if a := s.HTTP.Client.Authorization; a != nil {
		paths = append(paths, &a.CredentialsFile)
	}
	if a := s.HTTP.Client.OAuth2; a != nil {
		paths = append(paths, &a.ClientSecretFile, &a.TLS.CAFile, &a.TLS.CertFile, &a.TLS.KeyFile)
	}
	for _, h := range s.HTTP.Client.HTTPHeaders {
		for i := range h.Files {
			paths = append(paths, &h.Files[i])
		}
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) && folder != "" {
			*p = filepath.Join(folder, *p)
		}
	}
}
