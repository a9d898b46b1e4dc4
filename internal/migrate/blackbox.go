package migrate

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/lazy"
	"tocsin/internal/migrate/foreign"
	"tocsin/probes/blackbox"
)

// Blackbox makes a site file that names blackbox.yml, which Tocsin reads as it
// is: GET /probe answers by its modules. What Tocsin would refuse in it is told.
func Blackbox(name string, data []byte) (*Result, error) {
	config, err := foreign.Parse(name, data)
	if err != nil {
		return nil, err
	}
	if err := config.MustBe("configuration of blackbox_exporter", "modules"); err != nil {
		return nil, err
	}
	full, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	r := &report{}
	for _, f := range blackbox.Check(filepath.Dir(full), data) {
		r.losef(fmt.Sprintf("%s:%d", name, f.Line), f.Path, "%s", f.Text)
	}
	top := newMapping()
	top.set("probe_modules", []string{full})
	return r.finish(top,
		"Tocsin answers GET /probe by the modules of this file, as blackbox_exporter does: let the job of",
		"prometheus.yml name Tocsin's address in place of blackbox_exporter's, and change nothing else.",
		"It probes for others what the site file lists only: name the hosts and networks of the job's targets.",
		"probe_allow: [\"*.ville.example\", 10.1.0.0/16]",
		"To have the targets as probes of Tocsin's own, with alerts and pages:",
		"tocsin migrate prometheus FILE --blackbox FILE",
	)
}

// otherProber says what to do about a module that does not look at web pages.
func otherProber(prober string) string {
	switch prober {
	case "tcp", "icmp", "dns", "grpc", "unix":
		return "write a probe with target: " + prober + "://HOST, or let Prometheus go on to ask for it: probe_modules names blackbox.yml, and probe_allow the target"
	case "":
		return "nothing says what its module does; give --blackbox FILE"
	}
	return "Tocsin has no prober of this kind; keep blackbox_exporter for it"
}

// byModule is for what a site file says otherwise than a module.
const byModule = "is not carried by itself; write "

var httpKeys = keys{
	"valid_status_codes": "", "method": "", "headers": "", "fail_if_body_matches_regexp": "", "fail_if_body_not_matches_regexp": "",
	"body_size_limit": "", "tls_config": "", "basic_auth": "", "bearer_token": "", "bearer_token_file": "", "authorization": "",
	"follow_redirects": "", "no_follow_redirects": "", "preferred_ip_protocol": "", "ip_protocol_fallback": "",
	"valid_http_versions":           byModule + "http_versions",
	"fail_if_header_matches":        byModule + "answer_headers: [{name: ..., not_matches: ...}]",
	"fail_if_header_not_matches":    byModule + "answer_headers: [{name: ..., matches: ...}]",
	"fail_if_body_json_matches_cel": byModule + "body: {json: ...} with the opposite", "fail_if_body_json_not_matches_cel": byModule + "body: {json: ...}",
	"fail_if_ssl":     "a target with http:// that is redirected to HTTPS is found by its status; write follow_redirects: false and status: [301, 308]",
	"fail_if_not_ssl": "write https:// in front of the target; a probe of it never falls back to HTTP",
	"body":            byModule + "request_body_file", "body_file": byModule + "request_body_file",
	"compression": byModule + "compression, and headers: {Accept-Encoding: ...}", "enable_http2": byModule + "http2",
	"enable_http3": "Tocsin does not speak HTTP/3; keep blackbox_exporter for it",
	"oauth2":       "a probe of the site file fetches no tokens; write bearer_token_file, or let Prometheus go on to ask by this module (probe_modules)",
	"proxy_url":    byModule + "proxy_url, without a password", "proxy_from_environment": byModule + "proxy_url",
	"no_proxy": "a probe names the proxy it uses; nothing to do", "proxy_connect_header": "a probe of the site file sends a proxy no headers; let Prometheus go on to ask by this module (probe_modules)",
	"skip_resolve_phase_with_proxy": "nothing to do: the proxy looks names up",
	"http_headers":                  "write headers, or headers_file for those with secrets",
}

var tlsKeys = keys{
	"ca_file": "", "server_name": "", "insecure_skip_verify": "", "cert_file": "", "key_file": "",
	"ca":   "authorities written into the file itself; put them into a file, and its name under ca_file",
	"cert": "a certificate written into the file itself; put it into a file, and its name under cert_file", "key": "a key written into the file itself; put it into a file, and its name under key_file",
	"min_version": byModule + "tls_min_version", "max_version": byModule + "tls_max_version",
}

// module adds what an HTTP module demands to a probe. It returns what has to
// be said about it.
func (r *report) module(v foreign.Value, name string, m *mapping) []string {
	h := v.Get("http")
	what := "module " + name
	r.unread(v, what, keys{
		"prober": "", "http": "", "timeout": "",
		"tcp": "is no part of an HTTP module", "icmp": "is no part of an HTTP module", "dns": "is no part of an HTTP module", "grpc": "is no part of an HTTP module",
	})
	r.unread(h, what, httpKeys)
	r.unread(h.Get("tls_config"), what+".tls_config", tlsKeys)
	if codes := h.Get("valid_status_codes").Texts(); len(codes) > 0 {
		m.set("status", codes)
	}
	if method := h.Get("method").Text(); method != "" && method != "GET" {
		m.set("method", strings.ToUpper(method))
	}
	if h.Get("follow_redirects").False() || h.Get("no_follow_redirects").True() {
		m.set("follow_redirects", false)
	}
	r.timeout(v.Get("timeout"), what, m)
	r.body(h, what, m)
	notes := append(r.headers(h, name, m), r.login(h, name, m)...)
	tls := h.Get("tls_config")
	m.setText("ca_file", tls.Get("ca_file").Text())
	m.setText("server_name", tls.Get("server_name").Text())
	if cert, key := tls.Get("cert_file"), tls.Get("key_file"); cert.Is() && key.Is() {
		m.setText("cert_file", cert.Text())
		m.setText("key_file", key.Text())
	} else if cert.Is() {
		r.losef(cert.Place(), what+".tls_config.cert_file", "has no key_file beside it, so that nobody can show it; write both")
	}
	if tls.Get("insecure_skip_verify").True() {
		m.set("insecure_skip_verify", true)
	}
	if p := h.Get("preferred_ip_protocol"); p.Is() {
		switch {
		case !h.Get("ip_protocol_fallback").False():
			r.losef(p.Place(), what+".preferred_ip_protocol", "Tocsin uses whichever family answers; write ip_version: 4 or 6 to use one only")
		case p.Text() == "ip4":
			m.set("ip_version", 4)
		default:
			m.set("ip_version", 6)
		}
	}
	return notes
}

// timeout is carried where it fits into the interval.
func (r *report) timeout(v foreign.Value, what string, m *mapping) {
	if !v.Is() {
		return
	}
	d, err := model.ParseDuration(v.Text())
	cfg, _ := asProbe(m)
	if err != nil || d > cfg.Interval || time.Duration(d) < 100*time.Millisecond {
		r.losef(v.Place(), what+".timeout", "is not between 100ms and the probe's interval, %s; write timeout, and a longer interval", cfg.Interval)
		return
	}
	m.set("timeout", d.String())
}

func (r *report) body(h foreign.Value, what string, m *mapping) {
	body := newMapping()
	if must := h.Get("fail_if_body_not_matches_regexp"); must.Is() {
		texts := must.Texts()
		body.set("matches", texts[0])
		if len(texts) > 1 {
			r.losef(must.Place(), what+".fail_if_body_not_matches_regexp", "a probe demands one expression, here the first; write a further probe for each of the others, or contains")
		}
	}
	if never := h.Get("fail_if_body_matches_regexp").Texts(); len(never) == 1 {
		body.set("not_matches", never[0])
	} else if len(never) > 1 {
		body.set("not_matches", "(?:"+strings.Join(never, ")|(?:")+")")
	}
	if limit := h.Get("body_size_limit"); limit.Is() {
		if n := size(limit.Text()); n > 0 {
			body.set("max_bytes", n)
		} else if limit.Text() != "0" {
			r.losef(limit.Place(), what+".body_size_limit", "is no size; write body: {max_bytes: ...}")
		}
	}
	if !body.empty() {
		m.set("body", body)
	}
}

// size reads a size as blackbox_exporter does, whose units are powers of
// 1024; 0 for what is none.
func size(text string) int64 {
	m := regexp.MustCompile(`^(\d{1,9})([KMG]i?)?B?$`).FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // the expression has seen to it
	for i := 0; m[2] != "" && i <= strings.IndexByte("KMG", m[2][0]); i++ {
		n *= 1024
	}
	return n
}

// plainHeaders are those that hold no secret.
var plainHeaders = lazy.Regexp(`(?i)^(accept(-language|-encoding)?|cache-control|content-type|host|user-agent)$`)

func (r *report) headers(h foreign.Value, module string, m *mapping) (notes []string) {
	plain, files := map[string]string{}, map[string]string{}
	for _, header := range h.Get("headers").Pairs() {
		if plainHeaders().MatchString(header.Key) {
			plain[header.Key] = header.Value.Text()
			continue
		}
		files[header.Key] = secretFile(module, header.Key)
		notes = append(notes, makeFile(files[header.Key], header.Value.Place()+" ("+header.Key+")"))
	}
	if len(plain) > 0 {
		m.set("headers", plain)
	}
	if len(files) > 0 {
		m.set("headers_file", files)
	}
	return notes
}

func (r *report) login(h foreign.Value, module string, m *mapping) []string {
	auth, token := h.Get("basic_auth"), h.Get("bearer_token")
	file := h.Get("bearer_token_file").Text()
	if a := h.Get("authorization"); a.Is() && strings.EqualFold(or(a.Get("type").Text(), "Bearer"), "Bearer") {
		token, file = a.Get("credentials"), a.Get("credentials_file").Text()
	} else if a.Is() {
		r.losef(a.Place(), "module "+module+".authorization", "Tocsin's probes log in with username or bearer_token; write headers_file: {Authorization: FILE}")
	}
	switch {
	case auth.Get("username").Is():
		m.set("username", auth.Get("username").Text())
		if file := auth.Get("password_file").Text(); file != "" {
			m.set("password_file", file)
			return nil
		}
		m.set("password_file", secretFile(module, "password"))
		return []string{makeFile(secretFile(module, "password"), auth.Get("password").Place()+" (password)")}
	case file != "":
		m.set("bearer_token_file", file)
	case token.Is():
		m.set("bearer_token_file", secretFile(module, "token"))
		return []string{makeFile(secretFile(module, "token"), token.Place()+" (token)")}
	}
	return nil
}
