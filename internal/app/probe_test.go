package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/problem"
	"tocsin/internal/testenv"
	"tocsin/internal/web"
	"tocsin/probes/allow"
	"tocsin/probes/blackbox"
	"tocsin/probes/probetest"
)

// TestProbe_anExistingPrometheus has Debian's Prometheus with the scrape
// configuration that blackbox_exporter's README gives, its address changed to
// ours, and a blackbox.yml beside it: the same series arrive, and on our side
// there is nothing but probe_modules and probe_allow.
func TestProbe_anExistingPrometheus(t *testing.T) {
	t.Parallel()
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "bienvenue") }))
	t.Cleanup(served.Close)
	modules := filepath.Join(t.TempDir(), "blackbox.yml")
	if err := os.WriteFile(modules, []byte("modules:\n  http_2xx: {prober: http, http: {preferred_ip_protocol: ip4, headers: {X-Key: mark3r}}}\n  icmp: {prober: icmp}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := newInstance(t, "plain", "engine: off\nprobe_modules: ["+modules+"]\nprobe_allow: [127.0.0.1]\n")
	in.start()
	prometheus := testenv.Prometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: blackbox
    metrics_path: /probe
    params: {module: [http_2xx]}
    static_configs: [{targets: ["%s", "http://127.0.0.1:1/", "http://192.0.2.1/"]}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: "%s"}
`, served.URL, in.address))
	value := func(query string) string {
		resp, err := http.Get(prometheus + "/api/v1/query?query=" + url.QueryEscape(query)) //nolint:noctx // a test
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		var answer struct {
			Data struct {
				Result []struct {
					Value [2]any `json:"value"`
				} `json:"result"`
			} `json:"data"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Data.Result) != 1 {
			return fmt.Sprintf("%v, %d series", err, len(answer.Data.Result))
		}
		return fmt.Sprint(answer.Data.Result[0].Value[1])
	}
	for query, want := range map[string]string{
		fmt.Sprintf(`probe_success{job="blackbox",instance=%q}`, served.URL):                          "1",
		fmt.Sprintf(`probe_http_status_code{instance=%q}`, served.URL):                                "200",
		`probe_success{instance="http://127.0.0.1:1/"}`:                                               "0",
		`probe_failure_info{instance="http://127.0.0.1:1/",reason="refused"}`:                         "1",
		`up{instance="http://192.0.2.1/"}`:                                                            "0",
		`count(probe_success)`:                                                                        "2",
		fmt.Sprintf(`count(count by (phase) (probe_http_duration_seconds{instance=%q}))`, served.URL): "5",
		fmt.Sprintf("probe_timeout_seconds{instance=%q}", served.URL):                                 "0.5", // 1 s, less half a second
	} {
		eventually(t, 60*time.Second, query+" is "+want, func() string { return value(query) }, func() bool { return value(query) == want })
	}

	// What it may not ask for is told with the line to add.
	if got := in.get("/probe?target=http://192.0.2.1/"); !contains(got, `probe_allow: ["192.0.2.1"]`) {
		t.Errorf("a target that is not allowed: %s", got)
	}
	if got := in.get("/probe?module=htp_2xx&target=127.0.0.1"); !contains(got, `Unknown module "htp_2xx"; did you mean http_2xx?`) {
		t.Errorf("a module that there is not: %s", got)
	}
	if got := in.get("/metrics"); !contains(got, "\nblackbox_module_unknown_total 1\n") {
		t.Error("the counter does not count")
	}
	got := in.get("/probe?debug=true&target=" + url.QueryEscape(served.URL))
	if !contains(got, "Logs for the probe:\n", "UP after", "Metrics that would have been returned:\n", "probe_success 1", "Module configuration:\nprober: http\n", "X-Key: '[redacted]'") || contains(got, "mark3r") {
		t.Errorf("the account is\n%s", got)
	}
}

// TestProbing_redirectsInside has an allowed server that sends us to this
// machine's inside: the address is refused in the dialer, and the answer has
// the line that would allow it.
func TestProbing_redirectsInside(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the inside was reached") }))
	t.Cleanup(inside.Close)
	address := strings.TrimPrefix(inside.URL, "http://127.0.0.1")
	away := httptest.NewServer(http.RedirectHandler("http://inside.example"+address, http.StatusFound))
	t.Cleanup(away.Close)
	found := problem.New()
	p := &probing{
		modules: blackbox.Read(found, "", nil), allowed: allow.New([]string{"*.example", "outside.test"}, nil, nil), unknown: func() {},
		dial: blackbox.Dial{Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}},
	}
	outside := strings.Replace(away.URL, "127.0.0.1", "outside.test", 1)
	a := p.answer(t.Context(), web.ProbeQuery{Target: outside, Module: "http_2xx", Patience: 5 * time.Second})
	if a.Status != http.StatusForbidden || !strings.HasSuffix(a.Text, "inside.example leads to 127.0.0.1, this machine itself; to allow it, add to the site file:\nprobe_allow: [\"127.0.0.1\"]") {
		t.Errorf("%d %s", a.Status, a.Text)
	}
	// The same by its own name, and by an address.
	for _, target := range []string{"http://inside.example" + address, inside.URL} {
		if a := p.answer(t.Context(), web.ProbeQuery{Target: target, Module: "http_2xx", Patience: 5 * time.Second}); a.Status != http.StatusForbidden {
			t.Errorf("%s: %d %s", target, a.Status, a.Text)
		}
	}
}

// TestProbing_byProxy has modules that leave looking up names to a proxy, and a
// server that redirects to what may not be asked for: the proxy is not asked.
func TestProbing_byProxy(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"http://169.254.169.254/latest", "http://10.0.0.1/", "http://other.example/", "http://2852039166/", "http://localhost/"} {
		var asked []string
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Host)
			http.Redirect(w, r, to, http.StatusFound)
		}))
		t.Cleanup(proxy.Close)
		file := filepath.Join(t.TempDir(), "blackbox.yml")
		if err := os.WriteFile(file, []byte("modules: {m: {prober: http, http: {proxy_url: "+proxy.URL+", skip_resolve_phase_with_proxy: true}}}"), 0o600); err != nil {
			t.Fatal(err)
		}
		found := problem.New()
		p := &probing{modules: blackbox.Read(found, "", []string{file}), allowed: allow.New([]string{"www.ville.example"}, nil, nil), unknown: func() {}}
		a := p.answer(t.Context(), web.ProbeQuery{Target: "http://www.ville.example/", Module: "m", Patience: 5 * time.Second})
		if a.Status != http.StatusForbidden || !contains(a.Text, "probe_allow: [") || len(asked) != 1 {
			t.Errorf("%s: %d %s; the proxy was asked for %v %v", to, a.Status, a.Text, asked, found.All())
		}
	}
}

// TestProbing_ports has hosts that are allowed because the site probes them: at
// the ports of those probes.
func TestProbing_ports(t *testing.T) {
	t.Parallel()
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "bienvenue") }))
	t.Cleanup(served.Close)
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other port was reached") }))
	t.Cleanup(other.Close)
	in := newInstance(t, "plain", fmt.Sprintf("engine: off\nprobes: [%s]\n", served.URL))
	in.start()
	ask := func(target string) string { return in.get("/probe?target=" + url.QueryEscape(target)) }
	if got := ask(served.URL); !contains(got, "\nprobe_success 1\n") {
		t.Errorf("the site's own target: %s", got)
	}
	if got := ask(other.URL); !contains(got, "127.0.0.1 is a target of this Tocsin's site file at the ports 80, ", " only, not at port ", `probe_allow: ["127.0.0.1"]`) {
		t.Errorf("another port of it: %s", got)
	}
	if got := ask("http://127.0.0.1/"); !contains(got, "127.0.0.1 leads to 127.0.0.1, this machine itself", `probe_allow: ["127.0.0.1"]`) {
		t.Errorf("port 80 of it: %s", got)
	}
}

// TestProbing_hurried: a look that waited for its turn, and then had not the
// time, says nothing of its target.
func TestProbing_hurried(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	t.Cleanup(hung.Close)
	t.Cleanup(func() { close(hold) })
	p := &probing{modules: blackbox.Read(problem.New(), "", nil), allowed: allow.New([]string{"127.0.0.1"}, nil, nil), unknown: func() {}}
	q := web.ProbeQuery{Target: hung.URL, Module: "http_2xx", Patience: time.Second}
	if a := p.answer(t.Context(), q); a.Status != http.StatusOK {
		t.Errorf("without a wait it is a failure of the target: %d %s", a.Status, a.Text)
	}
	q.Waited = 3 * time.Second
	if a := p.answer(t.Context(), q); a.Status != http.StatusServiceUnavailable || !contains(a.Text, "waited 3s for its turn") {
		t.Errorf("%d %s", a.Status, a.Text)
	}
}

// BenchmarkProbe_places has all places of GET /probe taken by looks at a server
// that never answers, over TLS, and reports what each holds of memory.
func BenchmarkProbe_places(b *testing.B) {
	const looks = 256
	root := probetest.NewAuthority(b, probetest.Spec{Name: "Root"})
	hold := make(chan struct{})
	hung := probetest.HTTPS(b, root.Leaf(b, probetest.Spec{}), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	modules := filepath.Join(b.TempDir(), "blackbox.yml")
	if err := os.WriteFile(modules, []byte("modules: {m: {prober: http, http: {tls_config: {insecure_skip_verify: true}}}}"), 0o600); err != nil {
		b.Fatal(err)
	}
	in := newInstance(b, "plain", "engine: off\nprobe_allow: [127.0.0.1]\nprobe_modules: ["+modules+"]\n")
	in.start()
	time.Sleep(25 * time.Second) // the memory of its start is given back
	before := memoryOf(b, in.process)["VmRSS"]
	var wg sync.WaitGroup
	for i := range looks {
		wg.Go(func() { in.get(fmt.Sprintf("/probe?module=m&target=%s/%d", url.QueryEscape(hung.URL), i)) })
	}
	time.Sleep(5 * time.Second)
	after := memoryOf(b, in.process)["VmRSS"]
	close(hold)
	wg.Wait()
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(after-before)/looks, "kB/look")
	b.Logf("%d kB, then %d kB with %d looks", before, after, looks)
}
