package migrate

import (
	"path/filepath"

	"tocsin/internal/migrate/foreign"
)

// webConfig carries an exporter's web configuration: its certificate, and its
// users, whose file Tocsin reads as it is.
//
// Source: prometheus/exporter-toolkit, docs/web-configuration.md.
func (n *nodeExporter) webConfig(place, path string) {
	const flag = "--web.config.file"
	what := "write web: {tls: {cert_file: ..., key_file: ...}, users_file: ...} by hand, as it stands there"
	data, err := n.read(path)
	if err != nil {
		n.losef(place, flag, "the file cannot be read here; run this where it is, or %s", what)
		return
	}
	web, err := foreign.Parse(path, data)
	if err != nil {
		n.losef(place, flag, "the file is no web configuration; %s", what)
		return
	}
	file := func(v foreign.Value) string {
		if t := v.Text(); t != "" && !filepath.IsAbs(t) {
			return filepath.Join(filepath.Dir(path), t)
		}
		return v.Text()
	}
	section, tls, server := newMapping(), newMapping(), web.Get("tls_server_config")
	n.unread(web, "", keys{
		"tls_server_config": "", "basic_auth_users": "",
		"http_server_config": "Tocsin sends its own headers, and speaks HTTP/2 over TLS; nothing to do",
	})
	n.unread(server, "tls_server_config", keys{
		"cert_file": "", "key_file": "", "client_ca_file": "", "client_auth_type": "", "min_version": "", "max_version": tlsChoice,
		"cipher_suites": tlsChoice, "prefer_server_cipher_suites": tlsChoice, "curve_preferences": tlsChoice,
		"cert":                "a certificate written into the file itself; put it into a file, and its name under web.tls.cert_file",
		"key":                 "a key written into the file itself; put it into a file, and its name under web.tls.key_file",
		"client_ca":           "authorities written into the file itself; put them into a file, and its name under web.tls.client_ca_file",
		"client_allowed_sans": "Tocsin takes any certificate of client_ca_file; name under web.writers who may write",
	})
	if cert, key := file(server.Get("cert_file")), file(server.Get("key_file")); cert != "" && key != "" {
		tls.set("cert_file", cert)
		tls.set("key_file", key)
		n.clients(server, tls, file(server.Get("client_ca_file")))
		switch v := server.Get("min_version").Text(); v {
		case "TLS13":
			tls.set("min_version", "1.3")
		case "TLS10", "TLS11":
			n.losef(server.Get("min_version").Place(), "min_version", "Tocsin speaks TLS 1.2 and 1.3 only")
		}
		section.set("tls", tls)
	}
	if web.Get("basic_auth_users").Is() {
		section.set("users_file", path, "The users of the old file. With it, keep tls too.")
	}
	if !section.empty() {
		n.web = section
	}
}

const tlsChoice = "Tocsin leaves ciphers and curves to Go, which knows the weak ones; nothing to do"

// clients carries which certificates of clients are asked for.
func (n *nodeExporter) clients(server foreign.Value, tls *mapping, authorities string) {
	auth := server.Get("client_auth_type")
	switch auth.Text() {
	case "", "NoClientCert":
	case "RequireAndVerifyClientCert", "VerifyClientCertIfGiven":
		if authorities == "" {
			return
		}
		tls.set("client_ca_file", authorities)
		if auth.Text() == "VerifyClientCertIfGiven" {
			tls.set("client_auth", "verify_if_given")
		}
	default:
		n.losef(auth.Place(), "client_auth_type", "Tocsin asks for certificates only to verify them; write web.tls.client_ca_file, and client_auth: require or verify_if_given")
	}
}
