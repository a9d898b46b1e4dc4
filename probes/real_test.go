package probes

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// nginx is a real server with an HTTPS and an HTTP port.
type nginx struct {
	process     *testenv.Process
	https, http string
}

func startNginx(t *testing.T, cert tls.Certificate) nginx {
	t.Helper()
	testenv.Program(t, "nginx", "nginx-light")
	pem, key := probetest.WritePair(t, cert)
	n := nginx{https: fmt.Sprintf("localhost:%d", testenv.Port(t)), http: fmt.Sprintf("localhost:%d", testenv.Port(t))}
	port := func(address string) string { return strings.TrimPrefix(address, "localhost:") }
	n.process = testenv.Nginx(t, fmt.Sprintf(`
server {
	listen 127.0.0.1:%[1]s ssl http2;
	ssl_certificate %[3]s;
	ssl_certificate_key %[4]s;
	default_type text/plain;
	location = / { return 200 "Bienvenue\n"; }
	location = /plain { return 302 http://%[6]s/; }
	location = /broken { return 502; }
}
server {
	listen 127.0.0.1:%[2]s;
	location = / { return 200 "sans TLS\n"; }
	location = /up { return 301 https://%[5]s/; }
}`, port(n.https), port(n.http), pem, key, n.https, n.http))
	n.https, n.http = "https://"+n.https, "http://"+n.http
	return n
}

func TestNginx(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	end := time.Now().Add(3 * day)
	n := startNginx(t, root.Leaf(t, probetest.Spec{NotBefore: time.Now().Add(-87 * day), NotAfter: end}))
	ca := probetest.WritePEM(t, root)
	for _, c := range []struct {
		target string
		reason probe.Reason
		phase  string
		status float64
		hops   int
		tls    bool // the last server has it
	}{
		{n.https + "/", "", "", 200, 1, true},
		{n.http + "/up", "", "", 200, 2, true},
		{n.https + "/plain", "", "", 200, 2, false},
		{n.https + "/missing", probe.Status, "processing", 404, 1, true},
		{n.https + "/broken", probe.Status, "processing", 502, 1, true},
		{strings.Replace(n.https, "https", "http", 1), probe.Protocol, "processing", 400, 1, false},
		{strings.Replace(n.http, "http", "https", 1), probe.Protocol, "tls", 0, 1, false},
	} {
		t.Run(c.target[strings.LastIndexByte(c.target, '/'):], func(t *testing.T) {
			r, page := look(t, Config{Target: c.target, TLS: tlscheck.Config{CAFile: ca}}, Options{})
			wantReason(t, r, page, c.reason, c.phase)
			page.wants(t, "probe_http_status_code", c.status)
			page.wants(t, "probe_http_redirects", float64(c.hops-1))
			if c.tls {
				page.wants(t, "probe_ssl_last_chain_expiry_timestamp_seconds", float64(end.Unix()))
				page.wants(t, "probe_ssl_earliest_cert_expiry", float64(end.Unix()))
			} else {
				page.lacks(t, "probe_ssl_earliest_cert_expiry")
			}
		})
	}
	upgraded := httpprobe.Config{RedirectsToHTTPS: true}
	r, page := look(t, Config{Target: n.http + "/up", TLS: tlscheck.Config{CAFile: ca}, HTTP: upgraded}, Options{})
	wantReason(t, r, page, "", "")
	r, page = look(t, Config{Target: n.http + "/", HTTP: upgraded}, Options{})
	wantReason(t, r, page, probe.Encryption, "processing")
	n.process.Stop()
	r, page = look(t, Config{Target: n.https, TLS: tlscheck.Config{CAFile: ca}}, Options{})
	wantReason(t, r, page, probe.Refused, "connect")
}

// TestBlackbox asks Debian's blackbox_exporter about the same servers: what it
// tells is in our page, series by series, and where it counts a thing we count
// the same.
func TestBlackbox(t *testing.T) {
	program := testenv.Program(t, "prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	inter := root.Authority(t, probetest.Spec{Name: "Intermediate", NotAfter: time.Now().Add(40 * day)})
	n := startNginx(t, inter.Leaf(t, probetest.Spec{Name: "localhost", Hosts: []string{"localhost", "www.example"}}, inter))
	expired := startNginx(t, inter.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-day)}, inter))
	ca := probetest.WritePEM(t, root)
	module := filepath.Join(t.TempDir(), "blackbox.yml")
	if err := os.WriteFile(module, []byte(`
modules:
  m:
    prober: http
    timeout: 5s
    http: {preferred_ip_protocol: ip4, tls_config: {ca_file: `+ca+`}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
	testenv.Start(t, program, "--config.file="+module, "--web.listen-address="+address)
	testenv.WaitHTTP(t, "http://"+address+"/")

	for _, target := range []string{
		n.https + "/", n.http + "/", n.http + "/up", n.https + "/plain", n.https + "/missing", expired.https + "/",
		fmt.Sprintf("https://localhost:%d", testenv.Port(t)),
	} {
		t.Run(target[strings.LastIndexByte(target, '/'):], func(t *testing.T) {
			theirs := blackboxPage(t, address, "m", target)
			_, ours := look(t, Config{Target: target, TLS: tlscheck.Config{CAFile: ca}}, Options{})
			ours = withoutSerial(ours)
			for series, value := range theirs {
				name, _, _ := strings.Cut(series, "{")
				got, there := ours[series]
				switch {
				case !there:
					t.Errorf("blackbox_exporter says %s %v, we do not", series, value)
				case strings.HasSuffix(name, "_seconds") && !strings.Contains(name, "timestamp"):
					// times differ
				case got != value:
					t.Errorf("%s: blackbox_exporter says %v, we say %v", series, value, got)
				}
			}
			for series := range ours {
				name, _, _ := strings.Cut(series, "{")
				if _, there := theirs[series]; !there && !ownOrNewer[name] && !strings.HasPrefix(target, expired.https) {
					t.Errorf("we say %s, blackbox_exporter does not", series)
				}
			}
			if strings.HasPrefix(target, expired.https) { // what they leave out, and we tell
				ours.wants(t, `probe_failure_info{reason="tls_expired"}`, 1)
				if _, there := ours["probe_ssl_earliest_cert_expiry"]; !there {
					t.Error("no date of the certificate that has expired")
				}
			}
		})
	}
}

// withoutSerial takes out the label serialnumber, which Debian's version does
// not have yet.
func withoutSerial(p page) page {
	out := page{}
	for series, value := range p {
		out[regexp.MustCompile(`serialnumber="[0-9a-f]+",`).ReplaceAllString(series, "")] = value
	}
	return out
}

// ownOrNewer are our own metrics, and those that blackbox_exporter has since
// a later version than Debian's.
var ownOrNewer = map[string]bool{
	"probe_failure_info": true, "probe_failure_phase_info": true, "probe_certificate_problem_info": true,
	"probe_hop_certificate_expiry_timestamp_seconds": true, "probe_hop_certificate_not_before_timestamp_seconds": true,
	"probe_certificate_warning_info": true, "probe_hop_certificate_info": true, "probe_hop_intermediate_expiry_timestamp_seconds": true,
	"probe_certificate_ends_first_timestamp_seconds": true, "probe_hop_ocsp_staple_info": true, "probe_hop_ocsp_staple_this_update_timestamp_seconds": true,
	"probe_hop_ocsp_staple_next_update_timestamp_seconds": true, "probe_tls_version_accepted": true,
	"probe_timeout_seconds": true, "probe_tls_cipher_info": true, "probe_failed_due_to_bytes": true,
}

func blackboxPage(t *testing.T, address, module, target string) page {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"http://"+address+"/probe?module="+module+"&target="+url.QueryEscape(target), http.NoBody)
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
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	p := page{}
	for _, f := range families {
		maps.Copy(p, pageOf([]*metricFamily{f}))
	}
	if len(p) < 4 {
		t.Fatalf("blackbox_exporter answered: %s", body)
	}
	return p
}

// TestFamilies_areBlackboxExporters holds names, types and labels to those of
// blackbox_exporter 0.28's HTTP prober.
func TestFamilies_areBlackboxExporters(t *testing.T) {
	declared := map[string]string{}
	for _, f := range Families() {
		declared[f.Name] = f.Type.String() + " " + strings.Join(f.Labels, ",")
	}
	for _, want := range []string{
		"probe_dns_lookup_time_seconds gauge ",
		"probe_duration_seconds gauge ",
		"probe_failed_due_to_regex gauge ",
		"probe_http_content_length gauge ",
		"probe_http_duration_seconds gauge phase",
		"probe_http_redirects gauge ",
		"probe_http_ssl gauge ",
		"probe_http_status_code gauge ",
		"probe_http_uncompressed_body_length gauge ",
		"probe_http_version gauge ",
		"probe_ip_addr_hash gauge ",
		"probe_ip_protocol gauge ",
		"probe_ssl_earliest_cert_expiry gauge ",
		"probe_ssl_last_chain_expiry_timestamp_seconds gauge ",
		"probe_ssl_last_chain_info gauge fingerprint_sha256,issuer,serialnumber,subject,subjectalternative",
		"probe_success gauge ",
		"probe_timeout_seconds gauge ",
		"probe_tls_cipher_info gauge cipher",
		"probe_tls_version_info gauge version",
	} {
		name, form, _ := strings.Cut(want, " ")
		if declared[name] != form {
			t.Errorf("%s is %q, want %q", name, declared[name], form)
		}
	}
}
