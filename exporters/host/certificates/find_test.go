//go:build linux

package certificates

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/testenv"
)

// foundIn returns what find finds below a root, as "service path".
func foundIn(t testing.TB, root string) (files, unknown []string) {
	t.Helper()
	s := find(root)
	for _, err := range s.errs {
		t.Error(err)
	}
	for _, f := range s.files {
		files = append(files, f.service+" "+strings.TrimPrefix(f.path, root))
	}
	for _, f := range s.unknown {
		unknown = append(unknown, f.service+" "+strings.TrimPrefix(f.path, root))
	}
	slices.Sort(files)
	return files, unknown
}

// rooted makes a tree whose files know it by its own path, as real programs
// must: below the root that path leads to the root again. ROOT stands for it.
func rooted(t testing.TB, files map[string]string) string {
	t.Helper()
	root := testenv.Tree(t, nil)
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(content, "ROOT", root)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := filepath.Join(root, root)
	if err := os.MkdirAll(filepath.Dir(again), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, again); err != nil {
		t.Fatal(err)
	}
	return root
}

// accepts has a program look at its configuration.
func accepts(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", program, args, err, out)
	}
}

// TestFind_nginx reads what nginx itself accepts.
func TestFind_nginx(t *testing.T) {
	program := testenv.Program(t, "nginx", "nginx-light")
	c := certificate(t, until, "www.ville.example")
	files := map[string]string{
		"etc/nginx/nginx.conf": `pid ROOT/nginx.pid; error_log stderr;
events {}
http {
	access_log off; client_body_temp_path ROOT/body; proxy_temp_path ROOT/p; fastcgi_temp_path ROOT/f; uwsgi_temp_path ROOT/u; scgi_temp_path ROOT/s;
	map $host $which { "ssl_certificate" a; default 'b;'; } # include ROOT/etc/nginx/never.conf;
	server { listen 127.0.0.1:4431 ssl; ssl_certificate ROOT/a.pem; ssl_certificate_key ROOT/key.pem; }
	include "vhosts/*"; include ROOT/etc/nginx/more/[!x]?.conf;
	include no-such/*.conf;
}
`,
		"etc/nginx/vhosts/one": `server {
	listen 127.0.0.1:4432 ssl; server_name "one" 'o#ne';
	ssl_certificate 'ROOT/b c.pem'; ssl_certificate_key "ROOT/key.pem";
	ssl_certificate
		one.pem;
	include tls.inc;
}
`,
		"etc/nginx/vhosts/two": `server { listen 127.0.0.1:4433 ssl; ssl_certificate ROOT/live/$ssl_server_name.pem; ssl_certificate_key ROOT/live/${ssl_server_name}.key; location / { return 200 "}"; } }
# ssl_certificate ROOT/never.pem;
`,
		"etc/nginx/vhosts/.one.swp": "ssl_certificate ROOT/never.pem;\n",
		"etc/nginx/tls.inc":         "ssl_certificate ROOT/d.pem;ssl_certificate_key ROOT/key.pem;\nssl_certificate_key ROOT/key.pem;",
		"etc/nginx/more/a1.conf":    "server { listen 127.0.0.1:4434 ssl; ssl_certificate \"ROOT/e\\\"f.pem\"; ssl_certificate_key ROOT/key.pem; }",
		"etc/nginx/more/x1.conf":    "ssl_certificate ROOT/never.pem;",
		"etc/nginx/not/x.conf":      "ssl_certificate ROOT/never.pem;",
		"key.pem":                   c.keyPEM(t),
	}
	for _, name := range []string{"a.pem", "b c.pem", "etc/nginx/one.pem", "d.pem", `e"f.pem`} {
		files[name] = c.pem()
	}
	root := rooted(t, files)
	config := filepath.Join(root, "etc/nginx/nginx.conf")
	accepts(t, program, "-t", "-q", "-e", "stderr", "-p", root, "-c", config)
	got, unknown := foundIn(t, root)
	want := []string{`nginx /a.pem`, `nginx /b c.pem`, `nginx /d.pem`, `nginx /e"f.pem`, `nginx /etc/nginx/one.pem`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"nginx /live/$ssl_server_name.pem"}, unknown); diff != "" {
		t.Error(diff)
	}
}

// TestFind_dovecot reads what Dovecot itself accepts.
func TestFind_dovecot(t *testing.T) {
	program := testenv.Program(t, "doveconf", "dovecot-imapd")
	c := certificate(t, until, "www.ville.example")
	root := rooted(t, map[string]string{
		"etc/dovecot/dovecot.conf":      "ssl = yes\n!include conf.d/*.conf\n!include_try gone.conf\nssl_key = <ROOT/key.pem\n",
		"etc/dovecot/conf.d/a.conf":     "ssl_cert = </ROOT/a.pem\n#ssl_cert = <ROOT/never.pem\n!include ../more.conf\n",
		"etc/dovecot/more.conf":         "local_name imap.ville.example {\n  ssl_cert = < ROOT/b.pem # this\n  ssl_key = <ROOT/key.pem\n}\nssl_alt_cert = <ROOT/c.pem\nssl_alt_key = <ROOT/key.pem\n",
		"etc/dovecot/conf.d/.a.conf":    "ssl_cert = <ROOT/never.pem\n",
		"etc/dovecot/conf.d/b.conf.off": "ssl_cert = <ROOT/never.pem\n",
		"a.pem":                         c.pem(), "b.pem": c.pem(), "c.pem": c.pem(), "key.pem": c.keyPEM(t),
	})
	accepts(t, program, "-n", "-c", filepath.Join(root, "etc/dovecot/dovecot.conf"))
	got, _ := foundIn(t, root)
	if diff := cmp.Diff([]string{"dovecot /a.pem", "dovecot /b.pem", "dovecot /c.pem"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestFind_postfix reads what Postfix itself reads alike.
func TestFind_postfix(t *testing.T) {
	program := testenv.Program(t, "postconf", "postfix")
	root := rooted(t, map[string]string{
		"etc/postfix/main.cf": "compatibility_level = 3.6\nsmtpd_tls_chain_files = ROOT/a.key,\n# not the end\n    ROOT/a.pem\n\t,ROOT/b.key ROOT/b.pem\nsmtpd_tls_eccert_file=none\nsmtpd_tls_cert_file = $config_directory/c.pem\n",
		"etc/postfix/master.cf": "submission inet n - y - - smtpd\n  -o smtpd_tls_cert_file=ROOT/d.pem\n  -o { smtpd_tls_chain_files = ROOT/e.pem,ROOT/f.pem }\n" +
			"#smtps inet n - y - - smtpd\n#  -o smtpd_tls_cert_file=ROOT/never.pem\n",
	})
	out, err := exec.CommandContext(t.Context(), program, "-c", filepath.Join(root, "etc/postfix"), "-h", "smtpd_tls_chain_files").Output()
	if words := strings.FieldsFunc(string(out), func(r rune) bool { return strings.ContainsRune(", \t\n", r) }); err != nil ||
		!slices.Equal(words, []string{root + "/a.key", root + "/a.pem", root + "/b.key", root + "/b.pem"}) {
		t.Fatalf("%q: %v", words, err)
	}
	got, unknown := foundIn(t, root)
	want := []string{"postfix /a.key", "postfix /a.pem", "postfix /b.key", "postfix /b.pem", "postfix /d.pem", "postfix /e.pem", "postfix /f.pem"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"postfix $config_directory/c.pem"}, unknown); diff != "" {
		t.Error(diff)
	}
}

// TestFind_others has each of the other services name files in all the ways
// that its manual knows.
func TestFind_others(t *testing.T) {
	for _, c := range []struct {
		name          string
		files         map[string]string
		want, unknown []string
	}{
		{"apache2", map[string]string{
			"etc/apache2/apache2.conf":         "Include ports.conf\nincludeoptional sites-enabled/*.conf\nInclude \"more\"\nSSLCertificateFile ${CERT}\n",
			"etc/apache2/ports.conf":           "# SSLCertificateFile /never.pem\nSSLCertificateFile \\\n  '/a b.pem'\n",
			"etc/apache2/sites-enabled/a.conf": "<IfModule ssl>\n sslcertificatefile \"/b.pem\"\n SSLCertificateKeyFile /never.pem\n</IfModule>",
			"etc/apache2/more/x":               "SSLCertificateFile c.pem\n",
		}, []string{"apache2 /a b.pem", "apache2 /b.pem", "apache2 /etc/apache2/c.pem"}, []string{"apache2 ${CERT}"}},
		{"haproxy", map[string]string{
			"etc/haproxy/haproxy.cfg": "global\n crt-base /base\nfrontend f\n bind :443 ssl crt /a.pem crt \"/b c.pem\" alpn h2 crt /certs/ crt d.pem\n bind :444 ssl crt-list /list # crt /never.pem\n",
			"certs/one.pem":           "x", "certs/.two": "x", "certs/one.pem.ocsp": "x",
			"list": "/e.pem [alpn h2] *.ville.example\n# /never.pem\n",
		}, []string{"haproxy /a.pem", "haproxy /b c.pem", "haproxy /base/d.pem", "haproxy /certs/one.pem", "haproxy /e.pem"}, nil},
		{"traefik", map[string]string{
			"etc/traefik/traefik.yml": "providers:\n  file:\n    directory: /srv/dynamic # here\ncertificatesResolvers: {le: {acme: {storage: \"acme.json\"}}}\n",
			"srv/dynamic/a.yaml":      "tls:\n  certificates: [{certFile: '/a b.pem', keyFile: /never.key}, {certFile: /b.pem, keyFile: /x}]\n  # certFile: /never.pem\n",
			"srv/dynamic/b.toml":      "[[tls.certificates]]\n  certFile = \"/c.pem\"\n  keyFile = \"/never.key\"\n",
			"srv/dynamic/b.toml~":     "certFile = \"/never.pem\"\n",
		}, []string{"traefik /a b.pem", "traefik /b.pem", "traefik /c.pem", "traefik /etc/traefik/acme.json"}, nil},
		{"slapd", map[string]string{
			"etc/ldap/slapd.conf":             "include /etc/ldap/tls.conf\ntlsCertificateFile\n  \"/a b.pem\"\n",
			"etc/ldap/tls.conf":               "TLSCertificateFile /b.pem\n",
			"etc/ldap/slapd.d/cn=config.ldif": "dn: cn=config\nolcTLSCertificateFile: /long\n er.pem\nolcTLSCertificateKeyFile: /never.key\n",
		}, []string{"slapd /a b.pem", "slapd /b.pem", "slapd /longer.pem"}, nil},
		{"slapd, encoded", map[string]string{"etc/ldap/slapd.d/cn=config.ldif": "olcTLSCertificateFile:: L8OpdMOpLnBlbQ==\n"}, []string{"slapd /été.pem"}, nil},
		{"postgresql", map[string]string{
			"etc/postgresql/15/main/postgresql.conf": "include_dir = 'conf.d'\ninclude_if_exists 'gone.conf'\n#ssl_cert_file = '/never.pem'\nssl_cert_file='/a b.pem' # this\n",
			"etc/postgresql/15/main/conf.d/x.conf":   "ssl_cert_file 'server.crt'\n", "etc/postgresql/15/main/conf.d/x.conf.old": "ssl_cert_file = '/never.pem'\n",
		}, []string{"postgresql /a b.pem"}, []string{"postgresql server.crt"}},
		{"mariadb", map[string]string{
			"etc/mysql/my.cnf":  "[mariadb]\n!include /etc/mysql/own.cnf\n!includedir /etc/mysql/d/\nssl-cert='/a.pem'\n; ssl_cert = /never.pem\n",
			"etc/mysql/own.cnf": "ssl_cert = /b.pem # this\n",
			"etc/mysql/d/x.cnf": "ssl_cert=\"/c d.pem\"\n", "etc/mysql/d/x.bak": "ssl_cert=/never.pem\n",
		}, []string{"mariadb /a.pem", "mariadb /b.pem", "mariadb /c d.pem"}, nil},
		{"exim4", map[string]string{
			"etc/exim4/exim4.conf": ".include_if_exists /etc/exim4/more\ntls_certificate = /a.pem : /b.pem\n",
			"etc/exim4/more":       "tls_certificate = \\\n  \"${if exists{/x}{/x}{/y}}\"\n",
		}, []string{"exim4 /a.pem", "exim4 /b.pem"}, []string{"exim4 ${if exists{/x}{/x}{/y}}"}},
		{"nginx with Lua, and without an end", map[string]string{
			"etc/nginx/nginx.conf": "http { init_by_lua_block { -- don't\n local t = {} }\nserver { ssl_certificate /a.pem; ssl_certificate data:x; include nginx.conf; ssl_certificate \"/never.pem",
		}, []string{"nginx /a.pem"}, nil},
	} {
		got, unknown := foundIn(t, testenv.Tree(t, c.files))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if diff := cmp.Diff(c.unknown, unknown); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// Configuration without an end is read up to a limit, which is told.
func TestFind_bounds(t *testing.T) {
	files := map[string]string{"etc/nginx/nginx.conf": "include a/*;"}
	for i := range maxConfigs + 5 {
		files["etc/nginx/a/"+strings.Repeat("x", i%100)+string(rune('a'+i/100))] = ""
	}
	s := find(testenv.Tree(t, files))
	if len(s.read) != maxConfigs || len(s.errs) != 1 || !strings.Contains(s.errs[0].Error(), "2000 files") {
		t.Errorf("%d files, %v", len(s.read), s.errs)
	}
}

// FuzzSyntax: whatever a configuration holds, each reader comes to its end, and
// its statements have names.
func FuzzSyntax(f *testing.F) {
	f.Add("a 'b c' \"d\\\"\" { e ${f} ; } # g\nh = i, j\\\n k\nl:: bQ==\n")
	f.Fuzz(func(t *testing.T, text string) {
		readers := []syntax{haproxyList}
		for _, p := range places {
			readers = append(readers, p.read)
		}
		for _, read := range readers {
			for _, statement := range read(text) {
				if len(statement) == 0 {
					t.Fatalf("%q has a statement without a name", text)
				}
			}
		}
	})
}
