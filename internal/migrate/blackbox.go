package migrate

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/lazy"
	"tocsin/internal/migrate/foreign"
	"tocsin/probes"
)

// Blackbox makes a template of a probe of each HTTP module of blackbox.yml.
// The file alone says how, not at what, so that all of it stands in comments.
func Blackbox(name string, data []byte) (*Result, error) {
	config, err := foreign.Parse(name, data)
	if err != nil {
		return nil, err
	}
	if err := config.MustBe("configuration of blackbox_exporter", "modules"); err != nil {
		return nil, err
	}
	r := &report{}
	r.unread(config, "", keys{"modules": ""})
	head := []string{
		"What blackbox.yml demands, as templates of probes: one for each module. Take the signs",
		"of comment away and write a probe for each address. With prometheus.yml beside it,",
		"tocsin migrate prometheus FILE --blackbox FILE writes the addresses, too.",
	}
	for _, module := range config.Get("modules").Pairs() {
		if prober := module.Value.Get("prober").Text(); prober != "http" {
			r.losef(module.Value.Place(), "module "+module.Key, "%s", otherProber(prober))
			continue
		}
		m := newMapping()
		m.set("target", "https://www.ville.example")
		notes := r.module(module.Value, module.Key, m)
		if _, wrong := asProbe(m); wrong != "" {
			r.losef(module.Value.Place(), "module "+module.Key, "Tocsin would refuse it: %s", wrong)
			continue
		}
		m.note(notes...)
		top := newMapping()
		top.set("probes", []*mapping{m})
		text, err := top.text()
		if err != nil {
			return nil, err
		}
		head = append(head, "", "Module "+module.Key+":")
		head = append(head, strings.Split(strings.TrimSpace(string(text)), "\n")...)
	}
	return r.finish(newMapping(), head...)
}

// otherProber says what to do about a module that does not look at web pages.
func otherProber(prober string) string {
	switch prober {
	case "tcp", "icmp", "dns", "grpc", "unix":
		if !slices.Contains(probes.Schemes(), prober) {
			return "this version does not probe by " + prober + " yet; keep blackbox_exporter for it"
		}
		return "write a probe with target: " + prober + "://HOST"
	case "":
		return "nothing says what its module does; give --blackbox FILE"
	}
	return "Tocsin has no prober of this kind; keep blackbox_exporter for it"
}

const byHand = "Tocsin's probes cannot demand this; keep blackbox_exporter for it, or demand something of the body (body: {contains: ...})"

var httpKeys = keys{
	"valid_status_codes": "", "method": "", "headers": "", "fail_if_body_matches_regexp": "", "fail_if_body_not_matches_regexp": "",
	"body_size_limit": "", "tls_config": "", "basic_auth": "", "bearer_token": "", "bearer_token_file": "", "authorization": "",
	"follow_redirects": "", "no_follow_redirects": "", "preferred_ip_protocol": "", "ip_protocol_fallback": "",
	"valid_http_versions": byHand, "fail_if_header_matches": byHand, "fail_if_header_not_matches": byHand,
	"fail_if_body_json_matches_cel": byHand, "fail_if_body_json_not_matches_cel": byHand,
	"fail_if_ssl":     "a target with http:// that is redirected to HTTPS is found by its status; write follow_redirects: false and status: [301, 308]",
	"fail_if_not_ssl": "write https:// in front of the target; a probe of it never falls back to HTTP",
	"body":            "Tocsin's probes send no body; probe a page that is asked by GET", "body_file": "Tocsin's probes send no body; probe a page that is asked by GET",
	"compression": "Tocsin takes whatever the server chooses; nothing to do", "enable_http2": "Tocsin speaks HTTP/2 where the server does; nothing to do",
	"enable_http3": byHand,
	"oauth2":       "Tocsin's probes fetch no tokens; write bearer_token_file",
	"proxy_url":    "Tocsin looks as the machine it runs on does; open the way out", "proxy_from_environment": "Tocsin looks as the machine it runs on does; open the way out",
	"no_proxy": "Tocsin uses no proxy; nothing to do", "proxy_connect_header": "Tocsin uses no proxy; nothing to do", "skip_resolve_phase_with_proxy": "Tocsin uses no proxy; nothing to do",
	"http_headers": "write headers, or headers_file for those with secrets",
}

var tlsKeys = keys{
	"ca_file": "", "server_name": "", "insecure_skip_verify": "",
	"ca": "authorities written into the file itself; put them into a file, and its name under ca_file", "cert_file": "Tocsin's probes show no certificate", "key_file": "Tocsin's probes show no certificate",
	"cert": "Tocsin's probes show no certificate", "key": "Tocsin's probes show no certificate", "min_version": tlsChoice, "max_version": tlsChoice,
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
