package probes

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// certificateTable is where the table is for people to read.
const certificateTable = "../docs/probes/certificates.md"

// a tableRow is one certificate that nginx serves, and what both are to say.
type tableRow struct {
	name    string
	cert    tls.Certificate
	staple  []byte
	hops    bool         // it is the second of three servers
	skip    bool         // both are told to take any certificate
	theirs  float64      // probe_success of blackbox_exporter
	reason  probe.Reason // ours; empty: it is up
	warning probe.Warning
}

// tableRows makes the certificates, good but for one thing each.
func tableRows(t *testing.T, root *probetest.Authority) []tableRow {
	t.Helper()
	now := time.Now()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string, key crypto.Signer) probetest.Spec { return probetest.Spec{Name: name, Key: key} }
	inter := root.Authority(t, named("Intermediate", long))
	stranger := probetest.NewAuthority(t, probetest.Spec{Name: "Stranger"})
	ended := probetest.Spec{Name: "Old intermediate", NotAfter: now.Add(-2*day - time.Hour)}
	oldInter := root.Authority(t, ended)
	oldRoot := probetest.NewAuthority(t, probetest.Spec{Name: "Old root", NotAfter: now.Add(-day)})
	cross := &probetest.Authority{Key: root.Key, Cert: oldRoot.Authority(t, probetest.Spec{Name: "Root", Key: root.Key, NotAfter: now.Add(-day)}).Cert}
	expired := inter.Leaf(t, probetest.Spec{NotAfter: now.Add(-3*day - time.Hour)}, inter)
	good := inter.Leaf(t, probetest.Spec{}, inter)
	demanding := inter.Leaf(t, probetest.Spec{Change: probetest.MustStaple}, inter)
	sha1 := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	revoked := ocsp.Response{Status: ocsp.Revoked, RevokedAt: now.Add(-5*day - time.Hour), RevocationReason: ocsp.KeyCompromise}
	old := ocsp.Response{Status: ocsp.Good, ThisUpdate: now.Add(-10*day - time.Hour)}
	return []tableRow{
		{name: "good", cert: good, theirs: 1},
		{name: "good, with a staple", cert: good, staple: inter.Staple(t, good.Leaf, ocsp.Response{}), theirs: 1},
		{name: "good, cross-signed by a root that has expired", cert: inter.Leaf(t, probetest.Spec{}, inter, cross, oldRoot), theirs: 1},
		{name: "expired", cert: expired, reason: probe.TLSExpired},
		{name: "expired, taken for good (`insecure_skip_verify`)", cert: expired, skip: true, theirs: 1},
		{name: "expired, of the second of three servers", cert: expired, hops: true, reason: probe.TLSExpired},
		{name: "not yet valid", cert: inter.Leaf(t, probetest.Spec{NotBefore: now.Add(3*day + time.Hour)}, inter), reason: probe.TLSNotYetValid},
		{name: "for another name", cert: inter.Leaf(t, probetest.Spec{Hosts: []string{"autre.example"}}, inter), reason: probe.TLSWrongHost},
		{name: "self-signed", cert: probetest.SelfSigned(t, probetest.Spec{Name: "snakeoil"}), reason: probe.TLSSelfSigned},
		{name: "of an unknown authority", cert: stranger.Leaf(t, probetest.Spec{Bare: true}), reason: probe.TLSUnknownAuthority},
		{name: "intermediate not sent", cert: inter.Leaf(t, probetest.Spec{}), reason: probe.TLSIncompleteChain},
		{name: "intermediate expired", cert: oldInter.Leaf(t, probetest.Spec{}, oldInter), reason: probe.TLSExpired},
		{name: "signed with SHA-1", cert: inter.Leaf(t, probetest.Spec{Name: "localhost", Change: sha1}, inter), reason: probe.TLSWeak},
		{name: "key of RSA 1024", cert: inter.Leaf(t, named("", short), inter), theirs: 1, warning: probe.WeakKey},
		{name: "revoked, as the staple says", cert: good, staple: inter.Staple(t, good.Leaf, revoked), theirs: 1, reason: probe.TLSRevoked},
		{name: "the staple is a week too old", cert: good, staple: inter.Staple(t, good.Leaf, old), theirs: 1, warning: probe.StapleStale},
		{name: "the staple is not its authority's", cert: good, staple: stranger.Staple(t, good.Leaf, ocsp.Response{}), theirs: 1, warning: probe.StapleUnusable},
		{name: "must-staple, without a staple", cert: demanding, theirs: 1, warning: probe.StapleMissing},
	}
}

// TestCertificateTable has nginx serve each bad certificate, and asks Debian's
// blackbox_exporter and us. What both say is the table in docs/probes;
// -update writes it anew.
func TestCertificateTable(t *testing.T) {
	program := testenv.Program(t, "prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	ca, rows := probetest.WritePEM(t, root), tableRows(t, root)
	targets := serveTable(t, rows)
	module := filepath.Join(t.TempDir(), "blackbox.yml")
	if err := os.WriteFile(module, []byte(`
modules:
  strict: {prober: http, timeout: 20s, http: {preferred_ip_protocol: ip4, tls_config: {ca_file: `+ca+`}}}
  any: {prober: http, timeout: 20s, http: {preferred_ip_protocol: ip4, tls_config: {ca_file: `+ca+`, insecure_skip_verify: true}}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
	testenv.Start(t, program, "--config.file="+module, "--web.listen-address="+address)
	testenv.WaitHTTP(t, "http://"+address+"/")

	var b strings.Builder
	b.WriteString(tableHead)
	for i, row := range rows {
		which := "strict"
		if row.skip {
			which = "any"
		}
		theirs := blackboxPage(t, address, which, targets[i])
		r, ours := look(t, Config{Target: targets[i], IPVersion: 4, TLS: tlscheck.Config{CAFile: ca, InsecureSkipVerify: row.skip}}, Options{})
		if theirs["probe_success"] != row.theirs {
			t.Errorf("%s: blackbox_exporter says probe_success %v, not %v", row.name, theirs["probe_success"], row.theirs)
		}
		if r.Reason != row.reason {
			t.Errorf("%s: the reason is %q, want %q: %s", row.name, r.Reason, row.reason, r.Explain())
		}
		judged := r.Hops[min(1, len(r.Hops)-1)].TLS
		if warned := slices.ContainsFunc(judged.Warnings, func(w probe.Warned) bool { return w.Warning == row.warning }); warned != (row.warning != "") || len(judged.Warnings) > 1 {
			t.Errorf("%s: the warnings are %v, want %q", row.name, judged.Warnings, row.warning)
		}
		if fault := len(r.Faults) > 0; fault != (row.warning != "") || fault && !strings.HasPrefix(r.Faults[0], "localhost: the ") {
			t.Errorf("%s: the faults are %q", row.name, r.Faults)
		}
		for _, series := range []string{"probe_ssl_earliest_cert_expiry", "probe_tls_version_info", "probe_ssl_last_chain_info", "probe_hop_certificate_info", "probe_certificate_ends_first_timestamp_seconds"} {
			if !ours.has(series) {
				t.Errorf("%s: we do not say %s", row.name, series)
			}
		}
		fmt.Fprintf(&b, "| %s | %v | %s | %s | %v | %s |\n", row.name, theirs["probe_success"], lost(theirs), logLine(t, address, which, targets[i]), ours["probe_success"], told(&r))
	}
	b.WriteString(tableFoot)
	golden(t, certificateTable, b.String())
}

// serveTable has nginx serve each row, and returns the URLs to ask.
func serveTable(t *testing.T, rows []tableRow) []string {
	t.Helper()
	var conf strings.Builder
	conf.WriteString("ssl_ciphers DEFAULT@SECLEVEL=0;\n") // else OpenSSL serves no weak certificate
	server := func(row *tableRow, answer string) string {
		pem, key := probetest.WritePair(t, row.cert)
		port := testenv.Port(t)
		fmt.Fprintf(&conf, "server {\nlisten 127.0.0.1:%d ssl http2;\nssl_certificate %s;\nssl_certificate_key %s;\nlocation / { %s }\n", port, pem, key, answer)
		if row.staple != nil {
			file := filepath.Join(t.TempDir(), "staple.der")
			if err := os.WriteFile(file, row.staple, 0o600); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&conf, "ssl_stapling on;\nssl_stapling_file %s;\n", file)
		}
		conf.WriteString("}\n")
		return fmt.Sprintf("https://localhost:%d/", port)
	}
	const hello = `return 200 "Bienvenue\n";`
	targets := make([]string, len(rows))
	for i := range rows {
		if !rows[i].hops {
			targets[i] = server(&rows[i], hello)
			continue
		}
		third := server(&rows[0], hello)
		second := server(&rows[i], "return 302 "+third+";")
		targets[i] = server(&rows[0], "return 302 "+second+";")
	}
	testenv.Nginx(t, conf.String())
	return targets
}

const tableHead = `# Bad certificates: what is said of them

Made by ` + "`make probe-certificates`" + `: nginx serves each certificate, and Debian's blackbox_exporter 0.23 and Tocsin look at the same
server, with the same authority trusted. "Lost" are those of probe_ssl_earliest_cert_expiry, probe_ssl_last_chain_expiry_timestamp_seconds,
probe_ssl_last_chain_info and probe_tls_version_info that the page of blackbox_exporter lacks, or whose value means nothing. Tocsin's page has the certificate's dates, names, key and fingerprint in all of these cases, and those of
each server that redirects lead over; nothing is ever sent to a server whose certificate is not good.

| certificate | blackbox: probe_success | lost | its log | Tocsin: probe_success | its reason, or warning |
|---|---|---|---|---|---|
`

const tableFoot = `
A reason is the value of ` + "`probe_failure_info{reason}`" + ` and of ` + "`probe_certificate_problem_info{hop,reason}`" + `, a warning that of
` + "`probe_certificate_warning_info{hop,server,warning}`" + `, which makes nothing fail; alerts/rules/tls.yml and probe.yml have rules on them.
Dates and ports are left out here. The words stand on the status page, in alerts, and in ` + "`tocsin probe`" + `.
`

// lost lists the series about TLS that a page should have and has not.
func lost(p page) string {
	var all []string
	for _, name := range []string{"probe_ssl_earliest_cert_expiry", "probe_ssl_last_chain_expiry_timestamp_seconds", "probe_ssl_last_chain_info", "probe_tls_version_info"} {
		switch v, ok := p[name]; {
		case ok && v < 0:
			all = append(all, fmt.Sprintf("`%s` is %.0f", name, v))
		case !p.has(name):
			all = append(all, "`"+name+"`")
		}
	}
	switch {
	case p["probe_ssl_earliest_cert_expiry"] < float64(time.Now().Unix()) && p["probe_ssl_last_chain_expiry_timestamp_seconds"] > float64(time.Now().Unix()):
		return "nothing, but `probe_ssl_earliest_cert_expiry` is past: a false alarm"
	case len(all) == 0:
		return "nothing"
	case len(all) == 4:
		return "all of them"
	default:
		return strings.Join(all, ", ")
	}
}

func (p page) has(name string) bool {
	for series := range p {
		if series == name || strings.HasPrefix(series, name+"{") {
			return true
		}
	}
	return false
}

// told is what we say of a certificate.
func told(r *Result) string {
	var all []string
	if r.Reason != "" {
		all = append(all, fmt.Sprintf("`%s` (hop %d): %s", r.Reason, len(r.Hops)-1, r.Err))
	}
	for i := range r.Hops {
		for _, p := range r.Hops[i].TLS.Problems {
			if p.Reason != r.Reason {
				all = append(all, fmt.Sprintf("accepted, `%s`: %s", p.Reason, p.Text))
			}
		}
		for _, w := range r.Hops[i].TLS.Warnings {
			all = append(all, fmt.Sprintf("warning `%s`: %s", w.Warning, w.Text))
		}
	}
	if all == nil {
		return "up"
	}
	return cell(strings.Join(all, "; "))
}

var (
	lastError = regexp.MustCompile(`level=error msg="([^"]*)"(?: err="((?:[^"\\]|\\.)*)")?`)
	varying   = regexp.MustCompile(`\d{4}-\d\d-\d\d(T| )\d\d:\d\d(:\d\dZ| UTC)?`)
	ports     = regexp.MustCompile(`(localhost|127\.0\.0\.1|\[::1\]):\d+`)
)

// cell makes text fit for a table that is the same at each run.
func cell(text string) string {
	text = ports.ReplaceAllString(varying.ReplaceAllString(text, "DATE"), "$1:PORT")
	return strings.NewReplacer("<", "&lt;", "|", `\|`).Replace(text)
}

// logLine returns the last error that blackbox_exporter logs for a probe.
func logLine(t *testing.T, address, module, target string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"http://"+address+"/probe?debug=true&module="+module+"&target="+url.QueryEscape(target), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range lastError.FindAllStringSubmatch(string(body), -1) {
		if found[2] != "" {
			return cell(found[1] + ": " + strings.ReplaceAll(found[2], `\"`, `"`))
		}
	}
	return "no error"
}

// golden holds a file to what was made; -update writes it anew.
func golden(t *testing.T, file, made string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(made), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != made {
		t.Errorf("%s is old: make probe-certificates writes it anew; it is to be:\n%s", file, made)
	}
}
