package probes

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"tocsin/internal/problem"
	"tocsin/internal/testenv"
	"tocsin/probes/blackbox"
	"tocsin/probes/probetest"
)

// a compatCase is a module and a target that both are asked about.
type compatCase struct {
	module, target string
	// differs is a metric whose values are not the same, and why; empty: all
	// are.
	differs, because string
}

// TestCompat asks Debian's blackbox_exporter and us the same, by the same file:
// each series of theirs is one of ours, with the same value where it counts a
// thing. What we say beside it is our own, or newer than Debian's version.
// With -v it prints all series side by side: make compat-probes.
func TestCompat(t *testing.T) {
	program := testenv.Program(t, "prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	file, cases := compatSite(t, root)
	address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
	testenv.Start(t, program, "--config.file="+file, "--web.listen-address="+address)
	testenv.WaitHTTP(t, "http://"+address+"/")
	p := problem.New()
	modules := blackbox.Read(p, "", []string{file})
	for _, wrong := range p.All() {
		t.Fatal(wrong.Text)
	}
	for _, c := range cases {
		name := c.module + " " + portless.ReplaceAllString(c.target, "")
		t.Run(name, func(t *testing.T) {
			theirs := blackboxPage(t, address, c.module, c.target)
			ours := modulePage(t, modules, c.module, c.target)
			t.Logf("module %s, target %s\n%s", c.module, c.target, sideBySide(theirs, ours))
			compare(t, c, theirs, ours)
		})
	}
}

var portless = regexp.MustCompile(`:\d+`)

func compare(t *testing.T, c compatCase, theirs, ours page) {
	t.Helper()
	plain := withoutSerial(ours)
	for series, value := range theirs {
		name, _, _ := strings.Cut(series, "{")
		got, there := plain[series]
		switch {
		case !there && name == "probe_ssl_last_chain_expiry_timestamp_seconds" && value < 0:
			// "never": no chain verifies; a number that no rule should compare
		case !there && name == "probe_ssl_earliest_cert_expiry" && value == 0:
			// 1970, of a gRPC server that has no certificate
		case !there && theirs["probe_success"] == 0 && strings.HasPrefix(name, "probe_ssl_"), !there && value == 0 && theirs["probe_success"] == 0 && strings.HasPrefix(name, "probe_tls_"):
			// zeros of what was not seen
		case !there:
			t.Errorf("blackbox_exporter says %s %v, we do not", series, value)
		case isTime(name):
		case name == c.differs:
			if got == value {
				t.Errorf("both say %s %v; they were to differ: %s", name, value, c.because)
			}
		case got != value:
			t.Errorf("%s: blackbox_exporter says %v, we say %v", series, value, got)
		}
	}
	for series := range plain {
		name, _, _ := strings.Cut(series, "{")
		newer := ownOrNewer[name] || strings.HasPrefix(c.module, "grpc") && name == "probe_ssl_last_chain_expiry_timestamp_seconds"
		if _, there := theirs[series]; !there && !newer && theirs["probe_success"] == 1 {
			t.Errorf("we say %s, blackbox_exporter does not", series)
		}
	}
}

func isTime(name string) bool {
	return strings.HasSuffix(name, "_seconds") && !strings.Contains(name, "timestamp")
}

func sideBySide(theirs, ours page) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "series\tblackbox_exporter 0.23\tTocsin\t")
	all := maps.Clone(theirs)
	for s, v := range withoutSerial(ours) {
		if _, ok := all[s]; !ok {
			all[s] = v
		}
	}
	value := func(p page, s string) string {
		v, ok := p[s]
		if !ok {
			return "-"
		}
		return fmt.Sprint(v)
	}
	plain := withoutSerial(ours)
	for _, s := range slices.Sorted(maps.Keys(all)) {
		name, _, _ := strings.Cut(s, "{")
		a, b := value(theirs, s), value(plain, s)
		mark := ""
		switch {
		case a == "-":
			mark = "ours"
		case a != b && !isTime(name):
			mark = "differs"
		}
		if len(s) > 100 {
			s = s[:97] + "...}"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s, a, b, mark)
	}
	_ = w.Flush()
	return b.String()
}

func modulePage(t *testing.T, modules *blackbox.Modules, module, target string) page {
	t.Helper()
	m, ok := modules.Find(module)
	if !ok {
		t.Fatalf("no module %s", module)
	}
	prober, err := m.New(target, "", blackbox.Dial{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), m.Timeout)
	defer cancel()
	r := prober.Probe(ctx)
	if r.Unmeasured != nil {
		t.Fatal(r.Unmeasured)
	}
	families, err := Page(prober, &r)
	if err != nil {
		t.Fatal(err)
	}
	return pageOf(families)
}

// compatSite starts servers of all kinds and writes a file of modules for them.
func compatSite(t *testing.T, root *probetest.Authority) (file string, cases []compatCase) {
	t.Helper()
	ca := probetest.WritePEM(t, root)
	good, expired := root.Leaf(t, probetest.Spec{}), root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-day)})
	web := http.NewServeMux()
	web.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Kind", "fine")
		w.Header().Set("Last-Modified", "Fri, 27 Nov 2026 03:42:45 GMT")
		fmt.Fprintf(w, "hello %s %s", r.Method, r.UserAgent()[:0])
	})
	web.HandleFunc("/missing", http.NotFound)
	web.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	web.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	web.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(packed(t, "hello packed")["gzip"]) })
	web.HandleFunc("/user", func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "moni" || p != "mark3r" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	plain, secure := probetest.HTTP(t, web).URL, probetest.HTTPS(t, good, web).URL
	old := probetest.HTTPS(t, expired, web).URL
	closed := fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
	zone := probetest.Zone(t, "ville.example. 300 IN A 192.0.2.1", "ville.example. 300 IN A 192.0.2.2",
		"ville.example. 300 IN SOA ns.ville.example. root.ville.example. 2026112701 3600 600 86400 300")
	names := probetest.DNS(t, zone)
	ssh := probetest.TCP(t, says("SSH-2.0-OpenSSH_9.2\r\n"))
	other := probetest.TCP(t, func(c net.Conn) { _, _ = c.Write([]byte("421 too many\r\n")) })
	mail := probetest.TCP(t, mailServer(tlsConfig(good)))
	grpcPlain, grpcTLS := probetest.GRPC(t, nil), probetest.GRPC(t, &good)

	file = filepath.Join(t.TempDir(), "blackbox.yml")
	if err := os.WriteFile(file, []byte(strings.NewReplacer("CA_FILE", ca, "timeout: 3s", "timeout: 20s").Replace(compatModules)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, []compatCase{
		{module: "http", target: plain + "/"},
		{module: "http", target: plain + "/missing"},
		{module: "http", target: plain + "/away"},
		{module: "http", target: plain + "/loop"},
		{module: "http", target: secure + "/"},
		{module: "http", target: old + "/"},
		{module: "http", target: "http://" + closed + "/"},
		{module: "http", target: strings.TrimPrefix(plain, "http://")},
		{module: "http_404", target: plain + "/missing"},
		{module: "http_404", target: plain + "/"},
		{module: "http_stay", target: plain + "/away", differs: "probe_http_uncompressed_body_length", because: "we read the body of a redirect that is not followed"},
		{module: "http_stay", target: plain + "/"},
		{module: "http_post", target: plain + "/"},
		{module: "http_body", target: plain + "/"},
		{module: "http_nobody", target: plain + "/"},
		{module: "http_header", target: plain + "/"},
		{module: "http_noheader", target: plain + "/"},
		{module: "http_missing", target: plain + "/"},
		{module: "http_1", target: plain + "/"},
		{module: "http_2", target: plain + "/"},
		{module: "http_2", target: secure + "/"},
		{module: "http_1", target: secure + "/"},
		{module: "http_ssl", target: plain + "/"},
		{module: "http_ssl", target: secure + "/"},
		{module: "http_nossl", target: secure + "/"},
		{module: "http_nossl", target: plain + "/"},
		{module: "http_gzip", target: plain + "/gzip"},
		{module: "http_gzip", target: plain + "/"},
		{module: "http_small", target: plain + "/", differs: "probe_http_uncompressed_body_length", because: "we read nothing of a body that says it is too long"},
		{module: "http_user", target: plain + "/user"},
		{module: "http", target: plain + "/user"},
		{module: "http_any", target: old + "/"},
		{module: "tcp", target: ssh},
		{module: "tcp", target: closed},
		{module: "ssh", target: ssh},
		{module: "ssh", target: other},
		{module: "tls", target: strings.TrimPrefix(secure, "https://")},
		{module: "tls", target: strings.TrimPrefix(old, "https://")},
		{module: "starttls", target: mail},
		{module: "dns", target: names},
		{module: "dns_tcp", target: names},
		{module: "dns_soa", target: names},
		{module: "dns_nx", target: names},
		{module: "dns_wants_nx", target: names},
		{module: "dns_match", target: names},
		{module: "dns_not", target: names},
		{module: "dns_none", target: names},
		{module: "dns_all", target: names},
		{module: "dns_not_all", target: names},
		{module: "grpc", target: grpcPlain},
		{module: "grpc_bad", target: grpcPlain},
		{module: "grpc_unknown", target: grpcPlain},
		{module: "grpc_tls", target: grpcTLS},
		{module: "grpc", target: closed},
		{module: "icmp", target: "127.0.0.1"},
		{module: "icmp_large", target: "127.0.0.1"},
	}
}

// TestNames_areAll028 holds all names, types and labels to those that a
// blackbox_exporter 0.28 was seen to export, and its recorded pages.
func TestNames_areAll028(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "blackbox_exporter-0.28.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]string{}
	for _, f := range Families() {
		labels := slices.Clone(f.Labels)
		slices.Sort(labels)
		declared[f.Name] = f.Type.String() + " " + strings.Join(labels, ",")
	}
	for _, row := range rows[1:] {
		if !strings.HasPrefix(row[0], "probe_") {
			continue // the exporter's own
		}
		if got, want := declared[row[0]], row[1]+" "+row[2]; got != want {
			t.Errorf("%s is %q, want %q", row[0], got, want)
		}
	}
}
