//go:build linux

package certificates

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	keystore "github.com/pavlo-v-chernykh/keystore-go/v4"
	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/internal/testenv"
)

var until = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// made is a certificate with its key, signed by itself.
type made struct {
	der []byte
	key *ecdsa.PrivateKey
}

func certificate(t testing.TB, notAfter time.Time, names ...string) made {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(notAfter.Unix()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: notAfter.AddDate(0, 0, -90), NotAfter: notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return made{der, key}
}

func (m made) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.der}))
}

func (m made) keyPEM(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(m.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// collect returns the expiries by "service file name", which files could not be
// read, and what was wrong.
func collect(t testing.TB, root string, cfg Config) (map[string]float64, collectortest.Result) {
	t.Helper()
	r := collectortest.Once(t, New(root, cfg))
	found := map[string]float64{}
	for key, v := range r.Samples {
		name, labels, _ := strings.Cut(strings.TrimSuffix(key, "}"), "{")
		values := strings.Split(labels, "|") // sorted by the labels' names: file, name, service
		switch {
		case name == expiry.Name:
			found[values[2]+" "+values[0]+" "+values[1]] = v
		case name == readable.Name && v == 0:
			found[values[1]+" "+values[0]+" unreadable"] = 0
		}
	}
	return found, r
}

func TestCertificates_ofEveryService(t *testing.T) {
	c := certificate(t, until, "www.ville.example", "ville.example")
	acme := fmt.Sprintf(`{"le": {"Account": {"Email": "x"}, "Certificates": [
		{"domain": {"main": "a"}, "certificate": %q, "key": "x", "Store": "default"}, {"certificate": %q}]}, "other": {"Certificates": null}}`,
		base64.StdEncoding.EncodeToString([]byte(certificate(t, until, "a.ville.example").pem())),
		base64.StdEncoding.EncodeToString([]byte(certificate(t, until.AddDate(0, 0, 9), "b.ville.example").pem())))
	root := testenv.Tree(t, map[string]string{
		"etc/nginx/nginx.conf":                   "http {\n  include /etc/nginx/sites-enabled/*; include snippets/more.conf;\n}\n",
		"etc/nginx/sites-enabled/www":            "server {\n  listen 443 ssl;\n  ssl_certificate /etc/ssl/www.pem;\n  ssl_certificate_key /etc/ssl/www.key;\n  ssl_certificate /etc/ssl/$ssl_server_name.pem;\n}\n# ssl_certificate /etc/ssl/none.pem;\n",
		"etc/nginx/snippets/more.conf":           "ssl_certificate more.pem; # relative\n",
		"etc/nginx/more.pem":                     c.pem(),
		"etc/ssl/www.pem":                        c.pem() + certificate(t, until.AddDate(9, 0, 0), "Root").pem(),
		"etc/apache2/apache2.conf":               "IncludeOptional sites-enabled/*.conf\n",
		"etc/apache2/sites-enabled/a.conf":       "<VirtualHost *:443>\n  SSLCertificateFile \"/etc/ssl/www.pem\"\n</VirtualHost>\n",
		"etc/haproxy/haproxy.cfg":                "frontend f\n  bind :443 ssl crt /etc/ssl/www.pem alpn h2\n",
		"etc/traefik/traefik.yml":                "certificatesResolvers:\n  le:\n    acme:\n      storage: /etc/traefik/acme.json\n",
		"etc/traefik/acme.json":                  acme,
		"etc/postfix/main.cf":                    "smtpd_tls_cert_file = /etc/ssl/www.pem\nsmtpd_tls_chain_files = /etc/ssl/key.pem, /etc/ssl/gone.pem\n",
		"etc/ssl/key.pem":                        c.keyPEM(t),
		"etc/dovecot/dovecot.conf":               "!include conf.d/*.conf\n",
		"etc/dovecot/conf.d/10-ssl.conf":         "ssl = yes\nssl_cert = </etc/ssl/www.pem\n",
		"etc/ldap/slapd.d/cn=config.ldif":        "dn: cn=config\nolcTLSCertificateFile: /etc/ssl/www.pem\n",
		"etc/postgresql/15/main/postgresql.conf": "ssl = on\nssl_cert_file = '/etc/ssl/www.pem'\n#ssl_cert_file = '/x'\n",
		"etc/mysql/my.cnf":                       "!includedir /etc/mysql/mariadb.conf.d/\n",
		"etc/mysql/mariadb.conf.d/ssl.cnf":       "[mariadb]\nssl_cert = /etc/ssl/www.pem\n",
		"etc/rabbitmq/rabbitmq.conf":             "ssl_options.certfile = /etc/ssl/www.pem\nmanagement.ssl.certfile = /etc/ssl/gui.pem\n",
		"etc/ssl/gui.pem":                        c.pem(),
		"etc/exim4/conf.d/main/000_local":        "MAIN_TLS_CERTIFICATE = /etc/ssl/www.der\n",
		"etc/ssl/www.der":                        string(c.der),
	})
	got, r := collect(t, root, Config{})
	end := float64(until.Unix())
	want := map[string]float64{"traefik /etc/traefik/acme.json b.ville.example": end + 9*86400, "traefik /etc/traefik/acme.json a.ville.example": end}
	for _, at := range []string{
		"nginx /etc/ssl/www.pem", "nginx /etc/nginx/more.pem", "apache2 /etc/ssl/www.pem", "haproxy /etc/ssl/www.pem", "postfix /etc/ssl/www.pem",
		"dovecot /etc/ssl/www.pem", "slapd /etc/ssl/www.pem", "postgresql /etc/ssl/www.pem", "mariadb /etc/ssl/www.pem",
		"rabbitmq /etc/ssl/www.pem", "rabbitmq /etc/ssl/gui.pem", "exim4 /etc/ssl/www.der",
	} {
		want[at+" www.ville.example"] = end
	}
	// A file that is not there costs only itself; so does one whose name only
	// nginx knows, which is no failure. Postfix takes a file with a key alone.
	want["postfix /etc/ssl/gone.pem unreadable"], want["nginx /etc/ssl/$ssl_server_name.pem unreadable"] = 0, 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Err != "/etc/ssl/gone.pem: no such file or directory" {
		t.Errorf("%q", r.Err)
	}
}

// openssl makes the one, a library the other: neither is what reads them.
func TestCertificates_keystores(t *testing.T) {
	openssl := testenv.Program(t, "openssl", "openssl")
	c := certificate(t, until, "java.ville.example")
	root := testenv.Tree(t, map[string]string{"c.pem": c.pem(), "k.pem": c.keyPEM(t), "password": "marker-hunter2\n"})
	p12 := filepath.Join(root, "store.p12")
	cmd := exec.CommandContext(t.Context(), openssl, "pkcs12", "-export", "-in", filepath.Join(root, "c.pem"), "-inkey", filepath.Join(root, "k.pem"),
		"-out", p12, "-passout", "file:"+filepath.Join(root, "password"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	ks := keystore.New()
	if err := ks.SetPrivateKeyEntry("tomcat", keystore.PrivateKeyEntry{
		CreationTime: until, PrivateKey: key, CertificateChain: []keystore.Certificate{{Type: "X509", Content: c.der}},
	}, []byte("marker-hunter2")); err != nil {
		t.Fatal(err)
	}
	var jks bytes.Buffer
	if err := ks.Store(&jks, []byte("marker-hunter2")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "store.jks"), jks.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(root, "password")
	got, r := collect(t, root, Config{
		Files:     []string{"/c.pem"},
		Keystores: []Keystore{{File: "/store.p12", PasswordFile: password}, {File: "/store.jks", PasswordFile: password}},
	})
	end := float64(until.Unix())
	want := map[string]float64{
		" /c.pem java.ville.example": end, " /store.p12 java.ville.example": end, " /store.jks java.ville.example": end,
	}
	if diff := cmp.Diff(want, got); diff != "" || r.Err != "" {
		t.Error(diff, r.Err)
	}

	// A wrong password, or none, is told without it.
	for _, k := range []Keystore{
		{File: "/store.p12", Password: secret.New("marker-wrong")}, {File: "/store.jks", Password: secret.New("marker-wrong")},
	} {
		got, r := collect(t, root, Config{Keystores: []Keystore{k}})
		if len(got) != 1 || !strings.Contains(r.Err, "does not open with this password") || strings.Contains(r.Err, "marker") {
			t.Errorf("%s: %v, %q", k.File, got, r.Err)
		}
	}
	_, r = collect(t, root, Config{Files: []string{"/store.*"}})
	if strings.Count(r.Err, "keystores") != 2 {
		t.Errorf("%q", r.Err)
	}
}

// Each name is told with the newest certificate that covers it, and what only
// a service knows is explained.
func TestCertificates_names(t *testing.T) {
	address := certificate(t, until, "WWW.ville.example", "api.ville.example")
	acme := fmt.Sprintf(`{"le": {"Certificates": [{"certificate": %q}, {"certificate": %q}]}}`,
		base64.StdEncoding.EncodeToString([]byte(address.pem())),
		base64.StdEncoding.EncodeToString([]byte(certificate(t, until.AddDate(0, 1, 0), "api.ville.example").pem())))
	many := make([]string, maxNamesOfEach+5)
	for i := range many {
		many[i] = fmt.Sprintf("%d.ville.example", i)
	}
	root := testenv.Tree(t, map[string]string{
		"acme.json": acme, "many.pem": certificate(t, until, many...).pem(), "etc/nginx/nginx.conf": "ssl_certificate /x/$host.pem;",
	})
	c := New(root, Config{Files: []string{"/acme.json", "/many.pem"}})
	r := collectortest.Once(t, c)
	got := map[string]float64{}
	count := 0
	for key, v := range r.Samples {
		if labels, ok := strings.CutPrefix(key, validFrom.Name+"{"); ok {
			count++
			if strings.Contains(labels, "/acme.json") {
				got[labels] = v
			}
		}
	}
	begins := float64(until.AddDate(0, 0, -90).Unix())
	want := map[string]float64{
		"www.ville.example|/acme.json|}": begins, "api.ville.example|/acme.json|}": float64(until.AddDate(0, 1, -90).Unix()),
	}
	if diff := cmp.Diff(want, got); diff != "" || count != maxNamesOfEach+len(want) || r.Err != "" {
		t.Errorf("%s, %d names, %q", diff, count, r.Err)
	}
	if text := c.(frame.Explainer).Explain(); !strings.HasPrefix(text, "not watched, since only the service knows") || !strings.HasSuffix(text, "nginx: /x/$host.pem") {
		t.Errorf("%q", text)
	}
}

func TestCertificates_nothingThere(t *testing.T) {
	err := New(t.TempDir(), Config{}).Collect(t.Context(), frame.NewSink([]*frame.Family{expiry, info, validFrom, readable}))
	if err != frame.ErrNoData { //nolint:errorlint // the very one
		t.Errorf("%v", err)
	}
}

// What Tocsin has no right to is told as such. Where the test is root its
// thread alone becomes somebody else for files (setfsuid(2)).
func TestCertificates_noRight(t *testing.T) {
	root := testenv.Tree(t, map[string]string{
		"etc/nginx/nginx.conf": "ssl_certificate /etc/letsencrypt/live/x.pem;\n", "etc/letsencrypt/live/x.pem": certificate(t, until, "x").pem(),
	})
	for _, folder := range []string{root, filepath.Dir(root)} {
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	live := filepath.Join(root, "etc/letsencrypt/live")
	if err := os.Chmod(live, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(live, 0o755) }) // so that it can be removed
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Setfsuid(0) }() // it was 0
	}
	sink := frame.NewSink([]*frame.Family{expiry, info, validFrom, readable})
	err := New(root, Config{}).Collect(t.Context(), sink)
	if frame.ReasonOf(err) != frame.ReasonPermission || !strings.HasPrefix(err.Error(), "/etc/letsencrypt/live/x.pem: permission denied") {
		t.Errorf("%v", err)
	}
}

func TestConfig_validate(t *testing.T) {
	p := problem.New()
	c := Config{
		Files:     []string{"x.pem", "/a[", "/ok"},
		Keystores: []Keystore{{File: "/x"}, {File: "/x", Password: secret.New("a"), PasswordFile: "/b"}, {Password: secret.New("a")}},
	}
	c.Validate(p)
	var got []string
	for _, x := range p.All() {
		got = append(got, x.Path+": "+x.Text)
	}
	want := []string{
		`files[0]: "x.pem" is no absolute path; write one that begins with /, as /x.pem`,
		`files[1]: "/a[" is no pattern; a [ needs its ]`,
		"keystores[0].password_file: is missing; write the file that the password is in; a keystore without one goes under files",
		"keystores[1].password_file: password is given too; keep one of the two, better the file",
		"keystores[2].file: is missing; write a file, as /etc/ssl/ville.pem",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCertificates_conformance(t *testing.T) {
	collectortest.Run(t, func(testing.TB) frame.Collector { return New(t.TempDir(), Config{}) })
}

// FuzzParse: a file with anything in it is read without a panic, and in time.
func FuzzParse(f *testing.F) {
	c := certificate(f, until, "x")
	f.Add([]byte(c.pem()))
	f.Add(c.der)
	f.Add([]byte(`{"le": {"Certificates": [{"certificate": "x"}]}}`))
	f.Add([]byte{0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, content []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		certs, _ := parse("/x.p12", content, secret.Source{Value: secret.New("x")})
		for _, c := range certs {
			if c == nil && ctx.Err() == nil {
				t.Fatal("no certificate among the certificates")
			}
		}
	})
}
