package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/testenv"
	"tocsin/probes/probetest"
)

// BenchmarkProbe_besideBlackbox asks Debian's blackbox_exporter and a plain
// Tocsin for the same probes, 16 at a time and in turns, and reports what one
// costs each, in processor time, and the memory of both afterwards. The servers
// are this process; their work is not counted.
func BenchmarkProbe_besideBlackbox(b *testing.B) {
	program := testenv.Program(b, "prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
	root := probetest.NewAuthority(b, probetest.Spec{Name: "Root"})
	cert := root.Leaf(b, probetest.Spec{})
	file := filepath.Join(b.TempDir(), "blackbox.yml")
	modules := strings.ReplaceAll(`
modules:
  https: {prober: http, http: {preferred_ip_protocol: ip4, tls_config: {ca_file: CA_FILE}}}
  tcp: {prober: tcp, tcp: {preferred_ip_protocol: ip4}}
  dns: {prober: dns, dns: {preferred_ip_protocol: ip4, query_name: ville.example, query_type: A}}
  grpc: {prober: grpc, grpc: {preferred_ip_protocol: ip4}}
`, "CA_FILE", probetest.WritePEM(b, root))
	if err := os.WriteFile(file, []byte(modules), 0o600); err != nil {
		b.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", testenv.Port(b))
	theirs := testenv.Start(b, program, "--config.file="+file, "--web.listen-address="+address)
	testenv.WaitHTTP(b, "http://"+address+"/")
	in := newInstance(b, "plain", "engine: off\nprobe_modules: ["+file+"]\nprobe_allow: [127.0.0.1]\n")
	// The program as it is shipped: a test's own has other pages.
	built := filepath.Join(b.TempDir(), "tocsin")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-tags=timetzdata", "-ldflags=-s -w", "-o", built, "tocsin/cmd/tocsin").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	in.process = testenv.Start(b, built, "run", "--config", in.config)
	testenv.WaitHTTP(b, in.url("/-/ready"))
	time.Sleep(settleTime + 5*time.Second) // the start is over; blackbox_exporter's is at once

	page := probetest.HTTPS(b, cert, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("bienvenue ", 200)) })).URL
	targets := map[string][]string{}
	zone := probetest.Zone(b, "ville.example. 300 IN A 192.0.2.1")
	for i := range 4 {
		targets["https"] = append(targets["https"], fmt.Sprintf("%s/?%d", page, i))
		targets["tcp"] = append(targets["tcp"], probetest.TCP(b, func(net.Conn) {}))
		targets["dns"] = append(targets["dns"], probetest.DNS(b, zone))
		targets["grpc"] = append(targets["grpc"], probetest.GRPC(b, nil))
	}
	for _, module := range []string{"https", "tcp", "dns", "grpc"} {
		b.Run(module, func(b *testing.B) {
			var cost [2]time.Duration
			looks := 0
			for b.Loop() {
				for i, who := range []struct {
					address string
					process *testenv.Process
				}{{address, theirs}, {in.address, in.process}} {
					before := who.process.CPU(b)
					probeMany(b, who.address, module, targets[module], 400)
					cost[i] += who.process.CPU(b) - before
				}
				looks += 400
			}
			b.ReportMetric(float64(cost[0].Microseconds())/float64(looks), "theirs-µs/probe")
			b.ReportMetric(float64(cost[1].Microseconds())/float64(looks), "ours-µs/probe")
			b.ReportMetric(float64(cost[1])/float64(max(cost[0], 1)), "ratio")
			b.ReportMetric(0, "ns/op")
			ofTheirs, ofOurs := memoryOf(b, theirs), memoryOf(b, in.process)
			b.ReportMetric(float64(ofOurs["VmRSS"])/float64(ofTheirs["VmRSS"]), "memory-ratio")
			b.Logf("resident memory in kB: blackbox_exporter %v, Tocsin %v", ofTheirs, ofOurs)
		})
	}
}

// probeMany asks for n probes, 16 at a time, 4 for each target.
func probeMany(b *testing.B, address, module string, targets []string, n int) {
	b.Helper()
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			u := "http://" + address + "/probe?module=" + module + "&target=" + url.QueryEscape(targets[w%len(targets)])
			for range n / 16 {
				resp, err := http.Get(u) //nolint:noctx // a benchmark
				if err != nil {
					b.Error(err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if !strings.Contains(string(body), "probe_success 1") {
					b.Errorf("%s: %d %s", u, resp.StatusCode, body)
					return
				}
			}
		})
	}
	wg.Wait()
}

// memoryOf is what a process has in memory, in kB: all, its own, and the pages
// of its program.
func memoryOf(b *testing.B, p *testenv.Process) map[string]int {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		b.Fatal(err)
	}
	found := map[string]int{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if name == "VmRSS" || name == "RssAnon" || name == "RssFile" {
			found[name], _ = strconv.Atoi(strings.Fields(value)[0]) // 0 for what is no number
		}
	}
	return found
}
