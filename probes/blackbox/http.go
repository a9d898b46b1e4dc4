package blackbox

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/secret"
	"tocsin/probes/celcheck"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
)

// maxBody bounds a body where the module does not, and nobody looks into it:
// blackbox_exporter reads for as long as its timeout lets it. One that is looked
// into lies in memory whole, for each look that is under way; it has what probes
// of the site file may have.
const maxBody = 100 << 20

// options makes all that a target does not change ready.
func (h *httpKeys) options() (httpprobe.Options, error) {
	o := httpprobe.Options{
		Method: h.Method, RequestBody: h.Body, RequestBodyFile: h.BodyFile,
		Versions: h.ValidHTTPVersions, Compression: strings.ToLower(h.Compression),
		MaxBody:         cmp.Or(int64(h.BodySizeLimit), maxBody),
		FollowRedirects: h.Client.FollowRedirects == nil || *h.Client.FollowRedirects,
		DisableHTTP2:    h.Client.EnableHTTP2 != nil && !*h.Client.EnableHTTP2,
		HTTP3:           h.EnableHTTP3,
	}
	if h.NoFollowRedirects != nil {
		o.FollowRedirects = !*h.NoFollowRedirects
	}
	for _, code := range h.ValidStatusCodes {
		o.Status = append(o.Status, httpprobe.StatusRange{First: code, Last: code})
	}
	if h.FailIfSSL {
		o.Encryption |= httpprobe.WithoutTLS
	}
	if h.FailIfNotSSL {
		o.Encryption |= httpprobe.WithTLS
	}
	var err error
	if o.TLS, err = h.Client.TLS.options("http."); err != nil {
		return o, err
	}
	if o.Body, err = h.bodyRules(); err != nil {
		return o, err
	}
	if h.BodySizeLimit == 0 && o.Body.Any() {
		o.MaxBody = httpprobe.DefaultMaxBody
	}
	for _, rule := range h.FailIfHeader {
		o.AnswerHeaders = append(o.AnswerHeaders, httpprobe.HeaderRule{Name: rule.Header, NotMatches: regexp.MustCompile(rule.Regexp), AllowMissing: rule.AllowMissing})
	}
	for _, rule := range h.FailIfHeaderNot {
		o.AnswerHeaders = append(o.AnswerHeaders, httpprobe.HeaderRule{Name: rule.Header, Matches: regexp.MustCompile(rule.Regexp), AllowMissing: rule.AllowMissing})
	}
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		o.Headers = append(o.Headers, httpprobe.Header{Name: name, Value: secret.Source{Value: h.Headers[name]}})
	}
	return o, h.Client.options(&o)
}

func (h *httpKeys) bodyRules() (httpprobe.BodyRules, error) {
	var rules httpprobe.BodyRules
	for _, list := range []struct {
		texts []string
		into  *[]*regexp.Regexp
	}{{h.FailIfMatches, &rules.NotMatches}, {h.FailIfNotMatches, &rules.Matches}} {
		for _, text := range list.texts {
			*list.into = append(*list.into, regexp.MustCompile(text)) // validate has seen to it
		}
	}
	for _, e := range []struct {
		text string
		into **celcheck.Expression
	}{{h.FailIfCEL, &rules.JSONNot}, {h.FailIfNotCEL, &rules.JSON}} {
		if e.text == "" {
			continue
		}
		var err error
		if *e.into, err = celcheck.Compile(e.text); err != nil {
			return rules, fmt.Errorf("http: %w", err)
		}
	}
	return rules, nil
}

// options fills in who asks, and by which proxy.
func (c *clientKeys) options(o *httpprobe.Options) error {
	o.BearerToken = secret.Source{Value: c.BearerToken, File: c.BearerTokenFile}
	if a := c.Authorization; a != nil {
		o.AuthScheme = a.Type
		o.BearerToken = secret.Source{Value: a.Credentials, File: a.CredentialsFile}
	}
	if a := c.BasicAuth; a != nil {
		name, err := secret.Source{Value: secret.New(a.Username), File: a.UsernameFile}.Read()
		if err != nil {
			return fmt.Errorf("http.basic_auth.username_file: %w", err)
		}
		o.Username, o.Password = name.Reveal(), secret.Source{Value: a.Password, File: a.PasswordFile}
	}
	if a := c.OAuth2; a != nil {
		secure, err := a.TLS.options("http.oauth2.")
		if err != nil {
			return err
		}
		o.OAuth2 = &httpprobe.OAuth2{
			ClientID: a.ClientID, ClientSecret: secret.Source{Value: a.ClientSecret, File: a.ClientSecretFile},
			TokenURL: a.TokenURL, Scopes: a.Scopes, Params: a.EndpointParams, TLS: secure,
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.HTTPHeaders)) {
		h := c.HTTPHeaders[name]
		for _, v := range h.Values {
			o.Headers = append(o.Headers, httpprobe.Header{Name: name, Value: secret.Source{Value: secret.New(v)}})
		}
		for _, v := range h.Secrets {
			o.Headers = append(o.Headers, httpprobe.Header{Name: name, Value: secret.Source{Value: v}})
		}
		for _, file := range h.Files {
			o.Headers = append(o.Headers, httpprobe.Header{Name: name, Value: secret.Source{File: file}})
		}
	}
	if c.Proxy.ProxyURL.IsZero() && !c.Proxy.ProxyFromEnvironment {
		return nil
	}
	o.Proxy = &httpprobe.Proxy{NoProxy: c.Proxy.NoProxy, FromEnvironment: c.Proxy.ProxyFromEnvironment, ConnectHeader: c.Proxy.ProxyConnectHeader}
	if !c.Proxy.ProxyURL.IsZero() {
		o.Proxy.URL, _ = url.Parse(c.Proxy.ProxyURL.Reveal()) // validate has seen to it
	}
	return nil
}

// newHTTP makes a prober for one URL.
func (m *Module) newHTTP(target, hostname string, d Dial) (probe.Prober, error) {
	u, err := parseURL(target)
	if err != nil {
		return nil, err
	}
	o := m.http
	if o.HTTP3 {
		u.Scheme = "https" // as blackbox_exporter: it is never without TLS
	}
	o.URL, o.Dial = u, m.settings.HTTP.Addresses.on(d, "")
	// As with blackbox_exporter the keys about addresses are about the target.
	o.RedirectDial = &d
	if u.User != nil && o.Username == "" {
		password, _ := u.User.Password()
		o.Username, o.Password = u.User.Username(), secret.Source{Value: secret.New(password)}
	}
	if o.Proxy != nil {
		p := *o.Proxy
		p.SkipResolve = m.settings.HTTP.SkipResolveByProxy
		o.Proxy = &p
	}
	// The name that the site is known by is the one to verify, too.
	for i, h := range o.Headers {
		if !strings.EqualFold(h.Name, "Host") {
			continue
		}
		if own := h.Value.Value.Reveal(); hostname != "" && own != hostname {
			return nil, fmt.Errorf("the module has a header Host of its own, %q, and the parameter hostname is another", own)
		}
		hostname = o.Headers[i].Value.Value.Reveal()
	}
	if hostname != "" {
		o.Headers = append(slices.Clip(o.Headers), httpprobe.Header{Name: "Host", Value: secret.Source{Value: secret.New(hostname)}})
		name := hostname
		if i := strings.LastIndexByte(name, ':'); i > 0 && !strings.HasSuffix(name, "]") {
			name = name[:i]
		}
		o.TLS.ServerName = cmp.Or(o.TLS.ServerName, strings.Trim(name, "[]"))
	}
	return httpprobe.New(o)
}
